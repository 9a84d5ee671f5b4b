import type { FailureClass, ServerFailure } from './server.ts';

/** What one step of a wave found, over all its servers. Bounded: reasons of at most 20 servers, names of all that failed. */
export interface StepReport {
  readonly passed: number;
  /** The gravest first: none that decides about the release is left out. */
  readonly failures: readonly ServerFailure[];
  /** Names of failed servers beyond those in `failures`. */
  readonly moreFailed: readonly string[];
  /** What checks in mode `observe` had to say. Default nothing. */
  readonly observed?: readonly string[];
}

/** Failures that no policy tolerates: the release touched what it must not, so a person has to look first. */
const STOPS: ReadonlySet<FailureClass> = new Set([
  'mainContainerRestarted',
  'recreated',
  'missing',
  'overridden',
  'moved',
]);

/** What decides about the release whatever the tolerance, gravest first: see `judgeStep`. */
const GRAVE: readonly FailureClass[] = [...STOPS, 'metric', 'healthUnknown'];

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
const OBSERVATIONS = 5;

/** A report of a batch: who failed and why, and what was only observed. */
export function stepReport(
  passed: number,
  failures: readonly ServerFailure[],
  observed: readonly string[] = [],
): StepReport {
  const sorted = gravestFirst(failures);
  return {
    passed,
    failures: sorted.slice(0, EXAMPLES),
    moreFailed: sorted.slice(EXAMPLES).map(({ server }) => server),
    ...(observed.length > 0 ? { observed: observed.slice(0, OBSERVATIONS) } : {}),
  };
}

function gravestFirst(failures: readonly ServerFailure[]): readonly ServerFailure[] {
  const gravity = ({ class: kind }: ServerFailure): number =>
    GRAVE.includes(kind) ? GRAVE.indexOf(kind) : GRAVE.length;
  return [...failures].sort((left, right) => gravity(left) - gravity(right));
}

/** One report of the batches of a wave. */
export function mergeReports(reports: readonly StepReport[]): StepReport {
  const merged = stepReport(
    reports.reduce((sum, report) => sum + report.passed, 0),
    reports.flatMap((report) => report.failures),
    reports.flatMap((report) => report.observed ?? []),
  );
  return { ...merged, moreFailed: [...merged.moreFailed, ...reports.flatMap((report) => report.moreFailed)] };
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
 * | 9 | 0 | a metric of the group out of its bound | rollback | rollback |
 * | 9 | 0 | health of 1 not known | rollback | pause |
 * | 0 | 0 | 1, and health of another not known | rollback | rollback |
 */
export function judgeStep(report: StepReport, failedBefore: number, policy: FailurePolicy): Verdict {
  const stop = report.failures.find((failure) => STOPS.has(failure.class));
  if (stop) return { kind: 'pause', reason: `${stop.reason}; hotwave stops here so that a person looks first` };
  const metric = report.failures.find((failure) => failure.class === 'metric');
  if (metric) return { kind: policy.then, reason: metric.reason };
  const unknown = report.failures.filter((failure) => failure.class === 'healthUnknown');
  const failed = failedBefore + failedCount(report) - unknown.length;
  if (failed > policy.tolerate) return { kind: policy.then, reason: summarise(report, policy.tolerate) };
  const [first] = unknown;
  return first ? { kind: 'pause', reason: `health is not known: ${first.reason}` } : { kind: 'advance' };
}

function summarise(report: StepReport, tolerate: number): string {
  const first = report.failures.find((failure) => failure.class !== 'healthUnknown') ?? report.failures[0];
  const others = failedCount(report) - 1;
  const more = others > 0 ? `, and ${others} more` : '';
  const limit = tolerate > 0 ? ` (more than the ${tolerate} tolerated)` : '';
  return `${first?.server ?? 'a server'}: ${first?.reason ?? 'failed'}${more}${limit}`;
}
