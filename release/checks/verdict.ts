import type { ClassPolicy, FailureSpec } from '../spec/failure-spec.ts';
import { POLICY_CLASSES } from '../spec/failure-spec.ts';
import { STOPPING_CLASSES } from './server.ts';
import type { FailureClass, ServerFailure } from './server.ts';

/**
 * The findings of one step of a wave, over all its servers. Bounded: reasons of at most 20 servers, names of all that
 * failed.
 */
export interface StepReport {
  readonly passed: number;
  /** The gravest first: none that decides about the release is left out. */
  readonly failures: readonly ServerFailure[];
  /** Names of failed servers beyond those in `failures`. */
  readonly moreFailed: readonly string[];
  /** How those beyond `failures` have failed, each class once. Left out when there are none. */
  readonly moreClasses?: readonly FailureClass[];
  /** The findings of checks in mode `observe`. Default nothing. */
  readonly observed?: readonly string[];
}

/** Failures that no policy tolerates: the release touched what it must not, so a person has to look first. */
const STOPS: ReadonlySet<FailureClass> = new Set(STOPPING_CLASSES);

/** The failures that decide about the release whatever the tolerance, gravest first: see `judgeStep`. */
const GRAVE: readonly FailureClass[] = [...STOPS, 'metric', 'healthUnknown'];

/** The release's next act after a step, and why. */
export type Verdict =
  | { readonly kind: 'advance' }
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'rollback'; readonly reason: string };

/** How many failed servers a release stands, and what it does beyond that. */
export interface FailurePolicy {
  readonly tolerate: number;
  readonly then: 'rollback' | 'pause';
  /** How many it stands in one wave. Default as many as in all. */
  readonly perWave?: number | undefined;
  /** The verdict on one way of failing, instead of the general one. Default nothing else. */
  readonly classes?: FailureSpec['classes'] | undefined;
}

/** How many servers were excluded before, within what the policy stands. */
export interface FailedBefore {
  readonly inAll: number;
  readonly inWave: number;
}

/** Nobody was excluded before. */
export const NONE_BEFORE: FailedBefore = { inAll: 0, inWave: 0 };

const EXAMPLES = 20;
const OBSERVATIONS = 5;

/** A report of a batch: who failed and why, and what was only observed. */
export function stepReport(
  passed: number,
  failures: readonly ServerFailure[],
  observed: readonly string[] = [],
): StepReport {
  const sorted = gravestFirst(failures);
  const more = sorted.slice(EXAMPLES);
  return {
    passed,
    failures: sorted.slice(0, EXAMPLES),
    moreFailed: more.map(({ server }) => server),
    ...(more.length > 0 ? { moreClasses: classesOf(more) } : {}),
    ...(observed.length > 0 ? { observed: observed.slice(0, OBSERVATIONS) } : {}),
  };
}

function classesOf(failures: readonly ServerFailure[]): FailureClass[] {
  return [...new Set(failures.map((failure) => failure.class))];
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
  const moreFailed = [...merged.moreFailed, ...reports.flatMap((report) => report.moreFailed)];
  const moreClasses = [...(merged.moreClasses ?? []), ...reports.flatMap((report) => report.moreClasses ?? [])];
  return { ...merged, moreFailed, ...(moreClasses.length > 0 ? { moreClasses: [...new Set(moreClasses)] } : {}) };
}

/** How many servers failed a step. */
export function failedCount(report: StepReport): number {
  return report.failures.length + report.moreFailed.length;
}

/** The names of all servers that failed a step. */
export function failedNames(report: StepReport): readonly string[] {
  return [...report.failures.map(({ server }) => server), ...report.moreFailed];
}

/** A report without the failures of these servers, which are not judged yet. */
export function withoutServers(report: StepReport, servers: ReadonlySet<string>): StepReport {
  const { moreClasses, ...rest } = report;
  const moreFailed = report.moreFailed.filter((server) => !servers.has(server));
  return {
    ...rest,
    failures: report.failures.filter(({ server }) => !servers.has(server)),
    moreFailed,
    ...(moreFailed.length > 0 && moreClasses ? { moreClasses } : {}),
  };
}

/**
 * Judges a step. `failedBefore` counts servers that earlier steps and waves excluded within the tolerance.
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
 * | 9, but 1 per wave | 1 in another wave | 2 | rollback | rollback |
 * | 0 | 0 | 1, its class says pause | rollback | pause |
 * | 0 | 0 | 2, the class of only one says pause | rollback | rollback |
 *
 * A class with retries counts here as one without a policy: see `retryOf`, which is asked first.
 */
export function judgeStep(report: StepReport, before: FailedBefore, policy: FailurePolicy): Verdict {
  const stop = report.failures.find((failure) => STOPS.has(failure.class));
  if (stop) return { kind: 'pause', reason: `${stop.reason}; hotwave stops here so that a person looks first` };
  const metric = report.failures.find((failure) => failure.class === 'metric');
  if (metric) return { kind: thenOf('metric', policy), reason: metric.reason };
  const unknown = report.failures.filter((failure) => failure.class === 'healthUnknown');
  const limit = brokenLimit(failedCount(report) - unknown.length, before, policy);
  if (limit !== undefined) return { kind: gravestThen(report, policy), reason: summarise(report, limit) };
  const [first] = unknown;
  if (!first) return { kind: 'advance' };
  const then = thenOf('healthUnknown', { ...policy, then: 'pause' });
  return { kind: then, reason: `health is not known: ${first.reason}` };
}

/** The rule that so many more failed servers break, as a part of a sentence; undefined when the policy stands them. */
function brokenLimit(now: number, { inAll, inWave }: FailedBefore, policy: FailurePolicy): string | undefined {
  const { tolerate, perWave = Infinity } = policy;
  if (now === 0) return undefined;
  if (inAll + now > tolerate) return tolerate > 0 ? ` (more than the ${tolerate} tolerated)` : '';
  return inWave + now > perWave ? ` (more than the ${perWave} tolerated in one wave)` : undefined;
}

/** The verdict once more servers have failed in one way than the policy stands, and its retries are used up. */
function thenOf(kind: FailureClass, { then, classes }: FailurePolicy): FailurePolicy['then'] {
  const own = classPolicyOf(kind, classes)?.then;
  return own === undefined || own === 'retry' ? then : own;
}

function classPolicyOf(kind: FailureClass, classes: FailurePolicy['classes']): ClassPolicy | undefined {
  const known = POLICY_CLASSES.find((candidate) => candidate === kind);
  return known && classes?.[known];
}

/** Of several ways of failing the gravest consequence counts: one server that has to go back takes all along. */
function gravestThen(report: StepReport, policy: FailurePolicy): FailurePolicy['then'] {
  const thens = failureClasses(report)
    .filter((kind) => kind !== 'healthUnknown')
    .map((kind) => thenOf(kind, policy));
  return thens.every((then) => then === 'pause') ? 'pause' : 'rollback';
}

function failureClasses({ failures, moreClasses = [] }: StepReport): FailureClass[] {
  return [...new Set([...failures.map((failure) => failure.class), ...moreClasses])];
}

/** Failed servers are tried once more, after a while. */
export interface Retry {
  /** Which try it is, from 1, and of how many. */
  readonly number: number;
  readonly of: number;
  /** How long to wait before it, in milliseconds. */
  readonly after: number;
  /** Those that are tried again; what names a group of servers stands for all of them. */
  readonly servers: readonly string[];
}

/**
 * Whether failed servers are tried again before they are judged. Not when a person has to look first, and not when those
 * that are not tried again are more than the policy stands: then no retry would change the verdict.
 *
 * | then of the class | tries so far | other failures | retry |
 * |---|---|---|---|
 * | retry, 3 times, after 10s | 0 | none | 1 of 3, after 10s |
 * | retry, 3 times, after 10s | 2 | within the tolerance | 3 of 3, after 40s |
 * | retry, 3 times, after 10s | 3 | none | no |
 * | retry, 3 times, after 10s | 0 | more than tolerated | no |
 * | pause | 0 | none | no |
 */
export function retryOf(
  report: StepReport,
  tries: number,
  before: FailedBefore,
  policy: FailurePolicy,
): Retry | undefined {
  const again = failureClasses(report).flatMap((kind) => {
    const own = classPolicyOf(kind, policy.classes);
    return own?.then === 'retry' && tries < own.retries ? [{ kind, ...own }] : [];
  });
  if (again.length === 0) return undefined;
  const isAgain = (kind: FailureClass): boolean => again.some((candidate) => candidate.kind === kind);
  // Of those beyond the examples only the names are known: they go along.
  const moreAgain = (report.moreClasses ?? []).some(isAgain) ? report.moreFailed : [];
  const servers = [
    ...report.failures.filter((failure) => isAgain(failure.class)).map(({ server }) => server),
    ...moreAgain,
  ];
  if (judgeStep(withoutServers(report, new Set(servers)), before, policy).kind !== 'advance') return undefined;
  return {
    number: tries + 1,
    of: Math.max(...again.map(({ retries }) => retries)),
    after: Math.max(...again.map(({ backoff }) => backoff)) * 2 ** tries,
    servers,
  };
}

/** True when some failures are waited for and tried again, so that a step must not end with the first ones. */
export function triesAgain({ classes = {} }: Pick<FailurePolicy, 'classes'>): boolean {
  return Object.values(classes).some(({ then }) => then === 'retry');
}

function summarise(report: StepReport, limit: string): string {
  const first = report.failures.find((failure) => failure.class !== 'healthUnknown') ?? report.failures[0];
  const others = failedCount(report) - 1;
  const more = others > 0 ? `, and ${others} more` : '';
  return `${first?.server ?? 'a server'}: ${first?.reason ?? 'failed'}${more}${limit}`;
}
