import { describe, expect, test } from 'vitest';
import type { EarlierVersion, LastRelease } from '../../release/record/record.ts';
import { LAST_RELEASE_ANNOTATION, readRecords, recordText } from '../../release/record/record.ts';
import { earlierVersions } from '../../release/plan/earlier.ts';
import { endOfRelease } from '../../release/record/plan-record.ts';
import { setBaseline } from '../../release/patches/patches.ts';
import type { ReleaseSpec } from '../../release/spec/spec.ts';
import { isOverriddenOnPurpose, measureOf, templateLeftBy, wantedOf } from '../../release/audit/expectation.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, aServer, aSet } from '../support/builders.ts';

const THIRD_IMAGE = 'registry.test/scripts:3.0';
const FINISHED = 1_800_000_000_000;

/** The first release gave servers 1 and 2 the new image; every other one stayed on the old. */
const first: LastRelease = {
  v: 1,
  release: 'first',
  strategy: 'targeted',
  outcome: 'done',
  container: SIDECAR,
  image: NEW_IMAGE,
  version: '2.0',
  previousImage: OLD_IMAGE,
  previousVersion: '1.0',
  chosen: '1-2',
  startedAt: FINISHED - 60_000,
  finishedAt: FINISHED,
  how: { noAsk: 'a test asks nobody' },
};

const server = (ordinal: number, image = OLD_IMAGE) =>
  aServer({ ordinal, sidecarImage: image, createdAt: FINISHED - 600_000 });

interface Next {
  readonly strategy: ReleaseSpec['strategy'];
  readonly last?: LastRelease;
  readonly bystanders?: readonly ReturnType<typeof server>[];
  readonly adopted?: readonly ReturnType<typeof server>[];
  readonly oldImage?: string;
}

function earlier({ strategy, last = first, bystanders = [], adopted = [], oldImage }: Next): readonly EarlierVersion[] {
  const set = aSet({ annotations: { [LAST_RELEASE_ANNOTATION]: recordText(last) } });
  const baseline = setBaseline(set, SIDECAR, THIRD_IMAGE)!;
  return earlierVersions(
    { strategy, version: undefined },
    { set },
    { ...baseline, oldImage: oldImage ?? baseline.oldImage },
    { bystanders, adopted },
  );
}

const expectedVersionOf = (record: LastRelease) =>
  measureOf({ last: record, unreadable: [] }, undefined, undefined)!.expectedVersion;

describe('what a second targeted release remembers of the first', () => {
  test('is which servers have to stay on what the first one proved', () => {
    const bystanders = [server(0), server(1, NEW_IMAGE), server(2, NEW_IMAGE)];
    expect(earlier({ strategy: 'targeted', bystanders })).toEqual([
      { image: NEW_IMAGE, version: '2.0', servers: '1-2' },
    ]);
  });

  test('leaves out who does not run it any more, and who runs what the template gives', () => {
    expect(earlier({ strategy: 'targeted', bystanders: [server(0), server(1), server(2, THIRD_IMAGE)] })).toEqual([]);
  });

  test('is also what the template gives, when the chosen servers had something else before', () => {
    const bystanders = [server(0), server(2, NEW_IMAGE)];
    expect(earlier({ strategy: 'targeted', bystanders, oldImage: NEW_IMAGE })).toEqual([
      { image: NEW_IMAGE, version: '2.0', servers: '2' },
      { image: OLD_IMAGE, version: '1.0' },
    ]);
  });

  test('is nothing when the set was last released through another container', () => {
    const last = { ...first, container: 'assets' };
    expect(earlier({ strategy: 'targeted', last, bystanders: [server(1, NEW_IMAGE)] })).toEqual([]);
  });
});

test('a release for new servers only leaves the servers of a targeted one on theirs', () => {
  const bystanders = [server(0), server(1, NEW_IMAGE)];
  expect(earlier({ strategy: 'newServersOnly', bystanders })).toEqual([
    { image: NEW_IMAGE, version: '2.0', servers: '1' },
  ]);
});

test('a rolling release remembers whom it would take over, and forgets it when it has done so', () => {
  const kept = earlier({ strategy: 'rolling', adopted: [server(1, THIRD_IMAGE)] });
  expect(kept).toEqual([{ image: THIRD_IMAGE, version: '3.0', servers: '1' }]);
  const record = {
    v: 1,
    release: 'promote',
    strategy: 'rolling',
    container: SIDECAR,
    oldImage: OLD_IMAGE,
    newImage: THIRD_IMAGE,
    oldVersion: '1.0',
    newVersion: '3.0',
    updateStrategy: {},
    startedAt: FINISHED,
    earlier: kept,
    how: first.how,
  } as const;
  expect(endOfRelease(record, 'done', { finishedAt: FINISHED })).not.toHaveProperty('earlier');
  const back = endOfRelease(record, 'rolled-back', { finishedAt: FINISHED });
  const [adopted, other] = [server(1, THIRD_IMAGE), server(0)];
  expect(wantedOf(expectedVersionOf(back), adopted)).toEqual({ image: THIRD_IMAGE, version: '3.0' });
  expect(wantedOf(expectedVersionOf(back), other)).toEqual({ image: OLD_IMAGE, version: '1.0' });
  expect([adopted, other].map((pod) => isOverriddenOnPurpose(expectedVersionOf(back), pod))).toEqual([true, false]);
});

test('a targeted release that is taken back from servers with an earlier override wants that again, and the template of others', () => {
  const back: LastRelease = {
    ...first,
    outcome: 'rolled-back',
    image: NEW_IMAGE,
    version: '2.0',
    previousImage: THIRD_IMAGE,
    previousVersion: '3.0',
    chosen: '1',
    earlier: [
      { image: NEW_IMAGE, version: '2.0', servers: '2' },
      { image: OLD_IMAGE, version: '1.0' },
    ],
  };
  const expectedVersion = expectedVersionOf(back);
  expect([0, 1, 2].map((ordinal) => wantedOf(expectedVersion, server(ordinal)).version)).toEqual(['1.0', '2.0', '2.0']);
  expect([0, 1, 2].map((ordinal) => isOverriddenOnPurpose(expectedVersion, server(ordinal)))).toEqual([
    false,
    true,
    true,
  ]);
  expect(templateLeftBy(expectedVersion)).toBe(OLD_IMAGE);
});

test('what a record remembers survives being written and read', () => {
  const kept = { ...first, earlier: [{ image: NEW_IMAGE, version: '2.0', servers: '1-2' }] };
  expect(readRecords({ [LAST_RELEASE_ANNOTATION]: recordText(kept) }).last).toMatchObject({ earlier: kept.earlier });
});
