import { describe, expect, test } from 'vitest';
import { planRollback } from '../../release/plan/rollback-plan.ts';
import { wayBack } from '../../release/plan/way-back.ts';
import type { BackWish, WayBack } from '../../release/plan/way-back.ts';
import type { LastRelease, ReleaseRecord } from '../../release/record/record.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION, recordText } from '../../release/record/record.ts';
import { STABLE_ANNOTATION, stableText } from '../../release/record/stable.ts';
import { MAIN, MAIN_IMAGE, SIDECAR, USER_STRATEGY, aServer, aSet } from '../support/builders.ts';

const image = (version: string): string => `registry.test/scripts:${version}`;
const HOW = { noAsk: 'a test asks nobody' } as const;

const done: LastRelease = {
  v: 1,
  release: 'scripts-10',
  strategy: 'rolling',
  container: SIDECAR,
  outcome: 'done',
  image: image('10.0'),
  version: '10.0',
  previousImage: image('9.0'),
  previousVersion: '9.0',
  startedAt: 1,
  finishedAt: 2,
  how: HOW,
};

const running: ReleaseRecord = {
  v: 1,
  release: 'scripts-11',
  strategy: 'rolling',
  container: SIDECAR,
  oldImage: image('10.0'),
  newImage: image('11.0'),
  oldVersion: '10.0',
  newVersion: '11.0',
  updateStrategy: USER_STRATEGY,
  startedAt: 3,
  how: HOW,
};

interface Written {
  readonly last?: LastRelease;
  readonly running?: ReleaseRecord;
  readonly stable?: string;
}

function annotations({ last, running: now, stable }: Written): Record<string, string> {
  return {
    ...(last ? { [LAST_RELEASE_ANNOTATION]: recordText(last) } : {}),
    ...(now ? { [RELEASE_ANNOTATION]: recordText(now) } : {}),
    ...(stable === undefined
      ? {}
      : {
          [STABLE_ANNOTATION]: stableText({
            v: 1,
            container: SIDECAR,
            image: image(stable),
            version: stable,
            release: 'r',
            at: 1,
          }),
        }),
  };
}

const back = (written: Written, wish?: BackWish): WayBack => wayBack(aSet({ annotations: annotations(written) }), wish);

function found(written: Written, wish?: BackWish): Extract<WayBack, { kind: 'found' }> {
  const way = back(written, wish);
  if (way.kind !== 'found') throw new Error(way.reason);
  return way;
}

const reasonOf = (way: WayBack): string => ('reason' in way ? `${way.kind}: ${way.reason}` : 'found');

describe('without a wish', () => {
  test('a release that is done goes back to the version before it, and that is written down first', () => {
    expect(found({ last: done })).toMatchObject({
      isRecorded: false,
      why: 'what servers ran before',
      record: { release: 'scripts-10', oldVersion: '9.0', newVersion: '10.0', updateStrategy: USER_STRATEGY, how: HOW },
    });
  });

  test('a release that was lost or left half-way goes back as its own record says', () => {
    expect(found({ last: done, running, stable: '8.0' })).toMatchObject({ isRecorded: true, record: running });
    const held = { ...running, leftAt: 4 };
    expect(found({ running: held }).record).toEqual(held);
  });

  test('what is rolled back already has nothing to do', () => {
    const last = { ...done, outcome: 'rolled-back' as const };
    expect(reasonOf(back({ last }))).toBe(
      `nothing: nothing to do: scripts-10 is rolled back, and duel is on ${image('10.0')} again`,
    );
  });

  test('a strategy that is still owed is put back, and not what stands in for it', () => {
    const last = { ...done, putBack: { from: { type: 'OnDelete' }, to: { type: 'Recreate' } } };
    expect(found({ last }).record.updateStrategy).toEqual({ type: 'Recreate' });
    const set = aSet({ annotations: annotations({ last: done }), hasUpdateStrategy: false });
    expect(wayBack(set, undefined)).toMatchObject({ record: { updateStrategy: {} } });
  });

  test('a release that brought no other image has no way back by images', () => {
    expect(reasonOf(back({ last: { ...done, previousImage: done.image } }))).toContain(
      'hotwave rollback arena/duel --to VERSION --image IMAGE',
    );
  });
});

describe('with a wish', () => {
  test.each<[string, Written, BackWish, string]>([
    ['the stable version by its name', { last: done, stable: '8.0' }, { version: '8.0' }, '8.0'],
    ['the stable version as such', { last: done, stable: '8.0' }, { version: 'stable' }, '8.0'],
    ['the version before', { last: done }, { version: '9.0' }, '9.0'],
    ['a version before the release that was left half-way', { last: done, running }, { version: '9.0' }, '9.0'],
    ['a version that nobody knows, by its image', { last: done }, { version: '7.0', image: image('7.0') }, '7.0'],
    [
      'a version after a rollback',
      { last: { ...done, outcome: 'rolled-back' }, stable: '8.0' },
      { version: '8.0' },
      '8.0',
    ],
  ])('it goes to %s', (_what, written, wish, version) => {
    expect(found(written, wish)).toMatchObject({
      isRecorded: false,
      why: 'asked for',
      record: { oldVersion: version, oldImage: image(version) },
    });
  });

  test('an image is called what the records call it, else by its tag, and needs a name where it has none', () => {
    const called = { ...done, previousVersion: 'nine' };
    expect(found({ last: called }, { image: image('9.0') }).record.oldVersion).toBe('nine');
    expect(found({ last: done }, { image: image('7.0') }).record.oldVersion).toBe('7.0');
    expect(reasonOf(back({ last: done }, { image: 'registry.test/scripts' }))).toContain(
      '--to VERSION --image registry.test/scripts',
    );
  });

  test.each([
    ['registry.test/scripts$(reboot)', `--image 'registry.test/scripts$(reboot)'`],
    ["registry.test/it's", String.raw`--image 'registry.test/it'\''s'`],
    ['registry.test/scripts; reboot', `--image 'registry.test/scripts; reboot'`],
  ])('the image %s is one word of the command that is proposed', (wanted, words) => {
    expect(reasonOf(back({ last: done }, { image: wanted }))).toContain(words);
  });

  test.each<[string, Written, BackWish, RegExp]>([
    ['the version that it has', { last: done }, { version: '10.0' }, /^nothing: .*hotwave verify arena\/duel/],
    [
      'the version that was under way',
      { running },
      { version: '11.0' },
      /^refused: .*hotwave start with the same release file/,
    ],
    [
      'a version that nobody knows',
      { last: done, stable: '8.0' },
      { version: '7.0' },
      /^refused: .*8\.0 \(stable\), 10\.0, 9\.0\. .*--to 7\.0 --image IMAGE/,
    ],
    [
      'a stable version that is not there',
      { last: done },
      { version: 'stable' },
      /^refused: .*--to VERSION --image IMAGE/,
    ],
    ['a wish that says nothing', { last: done }, {}, /^refused: .*--to VERSION/],
    [
      'the stable version with an image of its own',
      { last: done, stable: '8.0' },
      { version: 'stable', image: image('7.0') },
      /^refused: .*it is not understood/,
    ],
    ['a wish without end', { last: done }, { version: 'x'.repeat(2_000) }, /^refused: .*--to VERSION/],
    ['a wish of another kind', { last: done }, 7 as BackWish, /^refused: .*--to VERSION/],
    ['anything, without a record', {}, { version: '7.0' }, /^refused: .*hotwave start/],
    ['anything, with the stable version alone', { stable: '8.0' }, { version: '8.0' }, /^refused: .*hotwave start/],
  ])('%s is refused, or nothing to do, with the command that helps', (_what, written, wish, sentence) => {
    expect(reasonOf(back(written, wish))).toMatch(sentence);
  });
});

test.each([
  [
    { [RELEASE_ANNOTATION]: '{ broken', [LAST_RELEASE_ANNOTATION]: recordText(done) },
    /hotwave\.dev\/release cannot be read.*hotwave start/,
  ],
  [{ [LAST_RELEASE_ANNOTATION]: '{ broken' }, /hotwave\.dev\/last-release cannot be read.*hotwave start/],
])('what cannot be read is named, and not guessed: %j', (written, sentence) => {
  expect(reasonOf(wayBack(aSet({ annotations: written }), undefined))).toMatch(sentence);
});

describe('the plan of the way back', () => {
  const planFor = (written: Written, template: string, wish?: BackWish): ReturnType<typeof planRollback> => {
    const containers = [
      { name: MAIN, image: MAIN_IMAGE },
      { name: SIDECAR, image: image(template) },
    ];
    const set = aSet({ replicas: 3, containers, annotations: annotations(written) });
    const servers = ['10.0', '10.0', '9.0'].map((version, ordinal) =>
      aServer({ ordinal, sidecarImage: image(version) }),
    );
    const way = wayBack(set, wish);
    if (way.kind !== 'found') throw new Error(way.reason);
    return planRollback(way, { set, servers, gameServers: [] });
  };

  test('says what it goes back to, how many run that, and why', () => {
    expect(planFor({ last: done }, '10.0')).toMatchObject({
      previousVersion: '9.0',
      baseline: { oldImage: image('9.0'), newImage: image('10.0'), templateImage: image('10.0') },
      rollbackTo: { version: '9.0', why: 'what servers ran before', servers: 1, of: 3 },
    });
  });

  test('replaces whichever of its own images a half-way release has in the template', () => {
    for (const template of ['11.0', '10.0'])
      expect(planFor({ last: done, running }, template, { version: '9.0' })).toMatchObject({
        baseline: { oldImage: image('9.0'), newImage: image(template) },
        rollbackTo: { why: 'asked for' },
      });
  });

  test('leaves alone what somebody else has written, and says what to do', () => {
    expect(planFor({ last: done }, '10.1')).toMatchObject({
      refusals: [
        expect.stringMatching(/does not overwrite it\. Put .*:10\.0 back into the template, or .*hotwave start/),
      ],
    });
  });

  test('has another hash for another version', () => {
    const [one, other] = [undefined, { image: image('8.0') }].map((wish) => planFor({ last: done }, '10.0', wish));
    expect(one).toHaveProperty('hash');
    expect((one as { hash: string }).hash).not.toBe((other as { hash: string }).hash);
  });
});
