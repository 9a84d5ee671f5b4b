import { expect, test } from 'vitest';
import type { ServerFailure } from '../../release/server.ts';
import { NONE_BEFORE, judgeStep, mergeReports, stepReport } from '../../release/verdict.ts';

const failure = (server: string, kind: ServerFailure['class'] = 'notReady'): ServerFailure => ({
  server,
  class: kind,
  reason: 'r',
});

test.each([
  { tolerate: 0, before: 0, now: 0, then: 'rollback', verdict: 'advance' },
  { tolerate: 0, before: 0, now: 1, then: 'rollback', verdict: 'rollback' },
  { tolerate: 2, before: 1, now: 1, then: 'rollback', verdict: 'advance' },
  { tolerate: 2, before: 1, now: 2, then: 'pause', verdict: 'pause' },
] as const)(
  '$before failed before and $now now, of $tolerate tolerated: $verdict',
  ({ tolerate, before, now, then, verdict }) => {
    const report = stepReport(
      5,
      Array.from({ length: now }, (_, index) => failure(`s-${index}`)),
    );
    expect(judgeStep(report, { inAll: before, inWave: before }, { tolerate, then }).kind).toBe(verdict);
  },
);

test.each(['mainContainerRestarted', 'recreated', 'missing'] as const)('%s is tolerated by no policy', (kind) => {
  expect(judgeStep(stepReport(5, [failure('s-1', kind)]), NONE_BEFORE, { tolerate: 9, then: 'rollback' }).kind).toBe(
    'pause',
  );
});

test('a metric of the group follows the policy, however many failures are tolerated', () => {
  for (const then of ['rollback', 'pause'] as const)
    expect(
      judgeStep(stepReport(5, [failure('s-1 and 4 more', 'metric')]), NONE_BEFORE, { tolerate: 9, then }).kind,
    ).toBe(then);
});

test.each([
  ['nobody else failed', [failure('s-1', 'healthUnknown')], 0, 'pause'],
  ['it is tolerated that servers fail', [failure('s-1', 'healthUnknown')], 9, 'pause'],
  ['others failed within the tolerance', [failure('s-1', 'healthUnknown'), failure('s-2', 'health')], 1, 'pause'],
  ['too many others failed', [failure('s-1', 'healthUnknown'), failure('s-2', 'health')], 0, 'rollback'],
  ['a metric is out of its bound', [failure('s-1', 'healthUnknown'), failure('s-2', 'metric')], 9, 'rollback'],
] as const)(
  'health that is not known pauses, unless it is known to be bad: %s',
  (_when, failures, tolerate, verdict) => {
    expect(judgeStep(stepReport(5, failures), NONE_BEFORE, { tolerate, then: 'rollback' }).kind).toBe(verdict);
  },
);

test.each(['mainContainerRestarted', 'metric', 'healthUnknown'] as const)(
  'a report of many failures keeps a %s among its reasons, wherever it was found',
  (kind) => {
    const many = Array.from({ length: 60 }, (_, index) => failure(`s-${index}`, 'health'));
    const policy = { tolerate: 99, then: 'rollback' } as const;
    const verdict = judgeStep(stepReport(0, [...many, failure('s-60', kind)]), NONE_BEFORE, policy);
    expect(verdict.kind).toBe(kind === 'metric' ? 'rollback' : 'pause');
    const merged = mergeReports([stepReport(0, many), stepReport(0, [failure('s-60', kind)])]);
    expect(judgeStep(merged, NONE_BEFORE, policy)).toEqual(verdict);
  },
);

test('what was only observed is kept, a few of each report', () => {
  const merged = mergeReports([
    stepReport(1, [], ['a', 'b']),
    stepReport(1, []),
    stepReport(1, [], ['c', 'd', 'e', 'f']),
  ]);
  expect(merged.observed).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(judgeStep(merged, NONE_BEFORE, { tolerate: 0, then: 'rollback' }).kind).toBe('advance');
});

test('a report names everybody who failed and gives at most 20 reasons', () => {
  const all = Array.from({ length: 45 }, (_, index) => failure(`s-${index}`));
  const merged = mergeReports([stepReport(0, all.slice(0, 30)), stepReport(3, all.slice(30))]);
  expect(merged.failures).toHaveLength(20);
  expect([...merged.failures.map(({ server }) => server), ...merged.moreFailed].sort()).toEqual(
    all.map(({ server }) => server).sort(),
  );
  expect(merged.passed).toBe(3);
});
