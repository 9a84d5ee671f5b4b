import { expect, test } from 'vitest';
import type { ServerFailure } from '../../release/checks/server.ts';
import { NONE_BEFORE, judgeStep, mergeReports, retryOf, stepReport } from '../../release/checks/verdict.ts';

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

const classes = {
  reload: { then: 'retry', retries: 3, backoff: 10_000 },
  health: { then: 'pause', retries: 3, backoff: 0 },
  crashLoop: { then: 'rollback', retries: 3, backoff: 0 },
  healthUnknown: { then: 'rollback', retries: 3, backoff: 0 },
} as const;

test.each([
  ['a class that pauses', ['health'], 'rollback', 'pause'],
  ['two classes, one of which rolls back', ['health', 'crashLoop'], 'pause', 'rollback'],
  ['a class that says nothing', ['notReady'], 'pause', 'pause'],
  ['a class that says nothing beside one that pauses', ['health', 'notReady'], 'rollback', 'rollback'],
  ['a class whose retries are used up', ['reload'], 'pause', 'pause'],
  ['health that is not known, where that rolls back', ['healthUnknown'], 'pause', 'rollback'],
] as const)('more failures than are tolerated, of %s, lead to what the classes say', (_what, kinds, then, verdict) => {
  const report = stepReport(
    5,
    kinds.map((kind, index) => failure(`s-${index}`, kind)),
  );
  expect(judgeStep(report, NONE_BEFORE, { tolerate: 0, then, classes }).kind).toBe(verdict);
});

test('a class says what becomes of failures beyond the tolerance, and tolerates none more', () => {
  const one = stepReport(5, [failure('s-1', 'crashLoop')]);
  expect(judgeStep(one, NONE_BEFORE, { tolerate: 1, then: 'pause', classes }).kind).toBe('advance');
});

test.each([
  { perWave: 1, before: { inAll: 4, inWave: 0 }, now: 1, verdict: 'advance' },
  { perWave: 1, before: { inAll: 4, inWave: 1 }, now: 1, verdict: 'rollback' },
  { perWave: 9, before: { inAll: 9, inWave: 0 }, now: 1, verdict: 'rollback' },
  { perWave: 0, before: { inAll: 0, inWave: 0 }, now: 0, verdict: 'advance' },
] as const)(
  '$now failed after $before.inWave in this wave, of $perWave per wave and 9 in all: $verdict',
  ({ perWave, before, now, verdict }) => {
    const failures = Array.from({ length: now }, (_, index) => failure(`s-${index}`));
    expect(judgeStep(stepReport(5, failures), before, { tolerate: 9, perWave, then: 'rollback' }).kind).toBe(verdict);
  },
);

const policy = { tolerate: 1, then: 'rollback', classes } as const;

test.each([
  ['the first time', [failure('s-1', 'reload')], 0, { number: 1, of: 3, after: 10_000, servers: ['s-1'] }],
  ['the third time', [failure('s-1', 'reload')], 2, { number: 3, of: 3, after: 40_000, servers: ['s-1'] }],
  ['no more after the last time', [failure('s-1', 'reload')], 3, undefined],
  ['not, when their class has no retries', [failure('s-1', 'health')], 0, undefined],
  [
    'alone, when others are tolerated',
    [failure('s-1', 'reload'), failure('s-2', 'notReady')],
    0,
    { number: 1, of: 3, after: 10_000, servers: ['s-1'] },
  ],
  [
    'not, when the others are more than tolerated',
    [failure('s-1', 'reload'), failure('s-2', 'notReady'), failure('s-3', 'notReady')],
    0,
    undefined,
  ],
  [
    'not, when a person has to look first',
    [failure('s-1', 'reload'), failure('s-2', 'mainContainerRestarted')],
    0,
    undefined,
  ],
] as const)('failed servers are tried again %s', (_when, failures, tries, retry) => {
  expect(retryOf(stepReport(5, failures), tries, NONE_BEFORE, policy)).toEqual(retry);
});

test('servers of which a report has only the names are tried again with the others', () => {
  const many = Array.from({ length: 30 }, (_, index) => failure(`s-${index}`, 'reload'));
  const merged = mergeReports([stepReport(0, many.slice(0, 10)), stepReport(0, many.slice(10))]);
  expect([...retryOf(merged, 0, NONE_BEFORE, policy)!.servers].sort()).toEqual(many.map(({ server }) => server).sort());
});

test('a class counts also when a report has only the names of those who failed so', () => {
  const many = Array.from({ length: 30 }, (_, index) => failure(`s-${index}`, 'health'));
  expect(judgeStep(stepReport(0, many), NONE_BEFORE, policy).kind).toBe('pause');
  const mixed = stepReport(0, [...many, failure('s-30', 'crashLoop')]);
  expect(judgeStep(mixed, NONE_BEFORE, policy).kind).toBe('rollback');
});
