import { expect, test } from 'vitest';
import type { ServerFailure } from '../../release/server.ts';
import { judgeStep, mergeReports, stepReport } from '../../release/verdict.ts';

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
    expect(judgeStep(report, before, { tolerate, then }).kind).toBe(verdict);
  },
);

test.each(['mainContainerRestarted', 'recreated', 'missing'] as const)('%s is tolerated by no policy', (kind) => {
  expect(judgeStep(stepReport(5, [failure('s-1', kind)]), 0, { tolerate: 9, then: 'rollback' }).kind).toBe('pause');
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
