import type { FailureClass, ServerFailure } from './server.ts';

/** What one step of a wave found, over all its servers. Bounded: reasons of at most 20 servers, names of all that failed. */
export interface StepReport {
  readonly passed: number;
  readonly failures: readonly ServerFailure[];
  /** Names of failed servers beyond those in `failures`. */
  readonly moreFailed: readonly string[];
}

/** Failures that no policy tolerates: the release touched what it must not, so a person has to look first. */
const STOPS: ReadonlySet<FailureClass> = new Set([
  'mainContainerRestarted',
  'recreated',
  'missing',
  'overridden',
  'moved',
]);

/** What the release does after a step, and why. */
export type Verdict =
  | { readonly kind: 'advance' }
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'rollback'; readonly reason: string };

/** How many failed servers a release stands, and what it does beyond that. */
export interface FailurePolicy {
  readonly tolerate: number;
  readonly then: 'rollback' | 'pause';
}

const EXAMPLES = 20;

/** A report of one server's step results. */
export function stepReport(passed: number, failures: readonly ServerFailure[]): StepReport {
  return {
    passed,
    failures: failures.slice(0, EXAMPLES),
    moreFailed: failures.slice(EXAMPLES).map(({ server }) => server),
  };
}

/** One report of the batches of a wave. */
export function mergeReports(reports: readonly StepReport[]): StepReport {
  const failures = reports.flatMap((report) => report.failures);
  return {
    passed: reports.reduce((sum, report) => sum + report.passed, 0),
    failures: failures.slice(0, EXAMPLES),
    moreFailed: [
      ...failures.slice(EXAMPLES).map(({ server }) => server),
      ...reports.flatMap((report) => report.moreFailed),
    ],
  };
}

/** How many servers failed a step. */
export function failedCount(report: StepReport): number {
  return report.failures.length + report.moreFailed.length;
}

/**
 * Judges a step. `failedBefore` counts servers that earlier steps and waves left behind within the tolerance.
 *
 * | tolerate | failed before | now | then | verdict |
 * |---|---|---|---|---|
 * | 0 | 0 | 0 | rollback | advance |
 * | 0 | 0 | 1 | rollback | rollback |
 * | 2 | 1 | 1 | rollback | advance |
 * | 2 | 1 | 2 | pause | pause |
 * | 9 | 0 | 1, main container restarted | rollback | pause |
 */
export function judgeStep(report: StepReport, failedBefore: number, policy: FailurePolicy): Verdict {
  const stop = report.failures.find((failure) => STOPS.has(failure.class));
  if (stop) return { kind: 'pause', reason: `${stop.reason}; hotwave stops here so that a person looks first` };
  const failed = failedBefore + failedCount(report);
  if (failed <= policy.tolerate) return { kind: 'advance' };
  return { kind: policy.then, reason: summarise(report, policy.tolerate) };
}

function summarise(report: StepReport, tolerate: number): string {
  const [first] = report.failures;
  const others = failedCount(report) - 1;
  const more = others > 0 ? `, and ${others} more` : '';
  const limit = tolerate > 0 ? ` (more than the ${tolerate} tolerated)` : '';
  return `${first?.server ?? 'a server'}: ${first?.reason ?? 'failed'}${more}${limit}`;
}
