import { describe, expect, test } from 'vitest';
import {
  FAILED_VERSIONS_ANNOTATION,
  failedBefore,
  failedVersionsText,
  readFailedVersions,
  withFailedVersion,
  withoutFailedVersion,
} from '../../release/record/failed-versions.ts';
import type { FailedVersion } from '../../release/record/failed-versions.ts';
import { recordPatch, withLastRelease } from '../../release/patches/record-patches.ts';
import type { LastRelease } from '../../release/record/record.ts';
import { setBaseline } from '../../release/patches/patches.ts';
import { NEW_IMAGE, OLD_IMAGE, SIDECAR, aSet } from '../support/builders.ts';

const failed = (tag: string, reason = 'duel-3 crashed'): FailedVersion => ({
  image: `registry.test/scripts:${tag}`,
  release: `scripts-${tag.replace('.', '-')}`,
  at: Date.UTC(2026, 0, 2),
  reason,
});
const annotated = (versions: readonly FailedVersion[]): Record<string, string> => ({
  [FAILED_VERSIONS_ANNOTATION]: failedVersionsText(versions),
});

test('what is written is read again', () => {
  expect(readFailedVersions(annotated([failed('2.0'), failed('2.1')]))).toEqual({
    versions: [failed('2.0'), failed('2.1')],
  });
});

test('the newest ten are kept, an image that fails again is there once, and reasons are short', () => {
  const many = Array.from({ length: 14 }, (_, index) => failed(`2.${index}`, 'x'.repeat(5_000)));
  const kept = [...many, failed('2.8')].reduce<readonly FailedVersion[]>(withFailedVersion, []);
  expect(kept.map(({ image }) => image.split(':')[1])).toEqual(
    ['4', '5', '6', '7', '9', '10', '11', '12', '13', '8'].map((minor) => `2.${minor}`),
  );
  expect(failedVersionsText(kept).length).toBeLessThan(6_000);
});

test('a reason that seems to hold a credential is not kept', () => {
  const [kept] = withFailedVersion([], failed('2.0', 'GET http://ops:hunter2@game/healthz failed'));
  expect(kept?.reason).not.toMatch(/hunter2/);
});

test('a release that is done takes its image away again', () => {
  const versions = [failed('2.0'), failed('2.1')];
  expect(withoutFailedVersion(versions, failed('2.0').image)).toEqual([failed('2.1')]);
});

test('the sentence says which release took the image back, when and why', () => {
  const before = failedBefore({ versions: [failed('2.0')] }, failed('2.0').image);
  expect(before).toBe(
    'registry.test/scripts:2.0 failed before: scripts-2-0 took it back on 2026-01-02, because duel-3 crashed',
  );
  expect(failedBefore({ versions: [failed('2.0')] }, failed('2.1').image)).toBeUndefined();
});

describe('what people and tools make of the annotation is never an error', () => {
  test.each([
    ['nothing', '', []],
    ['no JSON', 'yes', []],
    ['something else', '{"v":1}', []],
    ['null', 'null', []],
    ['too much', `{"versions":[${'0,'.repeat(40_000)}0]}`, []],
    ['one entry of two', JSON.stringify({ versions: [{ image: 7 }, failed('2.0')] }), [failed('2.0')]],
  ])('%s', (_what, text, versions) => {
    const read = readFailedVersions({ [FAILED_VERSIONS_ANNOTATION]: text });
    expect(read.versions).toEqual(versions);
    expect(read.unreadable).toMatch(/^the annotation hotwave\.dev\/failed-versions cannot be read/);
  });
});

describe('the last write of a release', () => {
  const baseline = setBaseline(aSet(), SIDECAR, NEW_IMAGE)!;
  const last = (outcome: LastRelease['outcome']): LastRelease => ({
    v: 1,
    release: 'r',
    strategy: 'rolling',
    container: SIDECAR,
    how: { noAsk: 'test' },
    startedAt: 0,
    outcome,
    image: outcome === 'done' ? NEW_IMAGE : OLD_IMAGE,
    version: '2.0',
    previousImage: OLD_IMAGE,
    previousVersion: '1.0',
    finishedAt: 0,
  });
  const changesOf = (
    ...[annotations, outcome, remembered]: [Record<string, string>, LastRelease['outcome'], FailedVersion?]
  ): unknown =>
    withLastRelease(recordPatch(baseline), { annotations }, last(outcome), remembered).changes.filter(({ path }) =>
      path.endsWith('failed-versions'),
    );
  const path = '/metadata/annotations/hotwave.dev~1failed-versions';

  test.each([
    ['remembers the image that it had to take back', {}, 'rolled-back', failed('2.0'), [failed('2.0')]],
    ['keeps the others', annotated([failed('1.9')]), 'rolled-back', failed('2.0'), [failed('1.9'), failed('2.0')]],
    ['forgets an image that is done', annotated([failed('1.9'), failed('2.0')]), 'done', undefined, [failed('1.9')]],
  ] as const)('%s', (_what, annotations, outcome, remembered, wanted) => {
    expect(changesOf(annotations, outcome, remembered)).toEqual([
      { op: 'add', path, value: failedVersionsText(wanted) },
    ]);
  });

  test('takes the annotation away with the last of them, and leaves it alone when it is about others', () => {
    expect(changesOf(annotated([failed('2.0')]), 'done')).toEqual([{ op: 'remove', path }]);
    expect(changesOf(annotated([failed('1.9')]), 'done')).toEqual([]);
    expect(changesOf(annotated([failed('2.0')]), 'rolled-back')).toEqual([]);
  });
});
