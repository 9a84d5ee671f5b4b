import { sleep } from '@temporalio/workflow';
import { waveLabel } from '../release/narrate/narrate.ts';
import type { PlannedServer, Wave } from '../release/plan/plan.ts';
import { formatDuration } from '../release/spec/quantity.ts';
import { withFailures, withObservations, withWave, withoutFailures } from '../release/progress/state.ts';
import type { Retry, StepReport, Verdict } from '../release/checks/verdict.ts';
import { failedNames, judgeStep, mergeReports, retryOf, withoutServers } from '../release/checks/verdict.ts';
import { failedBefore, goingOn, policyOf } from './left-behind.ts';
import { overThoseThatStay } from './comings-and-goings.ts';
import type { ReleaseContext, Step } from './strategy.ts';

/** Servers that take a step together. */
export interface Part {
  readonly servers: readonly PlannedServer[];
  /** Absent for servers of no wave, and of several. */
  readonly wave?: Wave | undefined;
  /** It is about servers whose reload was deferred, which all others leave alone. */
  readonly deferred?: boolean | undefined;
}

/** A step, and how it is made once more for servers that failed it. */
export interface Repeatable {
  readonly run: Step;
  /** Default `run`. */
  readonly again?: Step;
  /** It ends with the first failure, so that all have to take it again. */
  readonly together?: boolean;
}

/** What a step has come to. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly passed: number;
}

/**
 * Takes a step with the servers that go on, tries those once more that the failure policy gives another try, and judges.
 * A pause or a skip interrupts the step; it is then taken with the servers that go on at that time.
 */
export async function attempt(context: ReleaseContext, part: Part, step: Repeatable): Promise<Outcome> {
  const { run } = context;
  let passed = 0;
  let again: ReadonlySet<string> | undefined;
  let tried: readonly string[] = [];
  for (let tries = 0; ; tries += 1) {
    const servers = (): readonly PlannedServer[] =>
      goingOn(context, part.servers, part).filter(({ name }) => again?.has(name) ?? true);
    const take = tries === 0 ? step.run : (step.again ?? step.run);
    const report = await overThoseThatStay(context, part.servers, () => take(servers()));
    passed += report.passed;
    const policy = policyOf(context, part.wave);
    const retry = retryOf(report, tries, failedBefore(context, part.wave), policy);
    forgive(context, tried, report);
    if (!retry) return { verdict: judge(context, part, report), passed };
    const waiting = step.together ? undefined : namedServers(part, retry);
    if (!waiting) passed = 0;
    judge(context, part, withoutServers(report, new Set(retry.servers)));
    run.set(withFailures(run.state, report.failures));
    await backOff(context, retry, waiting?.size ?? servers().length);
    again = waiting;
    tried = retry.servers;
  }
}

/** The servers of a retry; undefined when a failure is about a group of them, which is then asked as a whole. */
function namedServers({ servers }: Part, retry: Retry): ReadonlySet<string> | undefined {
  const known = new Set(servers.map(({ name }) => name));
  return retry.servers.every((name) => known.has(name)) ? new Set(retry.servers) : undefined;
}

/** Who passes on another try has not failed. */
function forgive({ run }: ReleaseContext, tried: readonly string[], report: StepReport): void {
  if (tried.length === 0) return;
  const failed = new Set(failedNames(report));
  run.set(withoutFailures(run.state, new Set(tried.filter((name) => !failed.has(name)))));
}

async function backOff({ run, onPause }: ReleaseContext, retry: Retry, servers: number): Promise<void> {
  const { number, of, after } = retry;
  const until = Date.now() + after;
  const doing = `retry ${number} of ${of} of ${servers} servers in ${formatDuration(after)}`;
  await run.interruptible(onPause, async () => {
    run.enter('updating', doing, { owner: 'a timer', until });
    await sleep(Math.max(1, until - Date.now()), { summary: `${waveLabel(run.state)} · retry ${number} of ${of}` });
  });
}

/** Judges a step's report and remembers who failed. */
function judge(context: ReleaseContext, { wave }: Part, report: StepReport): Verdict {
  const { run, left, apart } = context;
  const verdict = judgeStep(report, failedBefore(context, wave), policyOf(context, wave));
  if (report.observed) run.set(withObservations(run.state, report.observed));
  const names = failedNames(report);
  if (names.length === 0) return verdict;
  run.set(withFailures(run.state, report.failures));
  if (wave) {
    const before = run.state.waves[wave.number - 1]?.failed ?? 0;
    const status = verdict.kind === 'advance' ? {} : { status: 'failed' as const };
    run.set(withWave(run.state, wave.number, { failed: before + names.length, ...status }));
  }
  for (const name of names) {
    apart.failed.add(name);
    if (verdict.kind === 'advance') left.add(name);
  }
  return verdict;
}

/** One step after the other; who fails one does not take the next. */
export function inTurn(...steps: readonly Step[]): Step {
  return async (servers) => {
    const reports: StepReport[] = [];
    let going = servers;
    for (const step of steps) {
      const report = await step(going);
      const failed = new Set(failedNames(report));
      going = going.filter(({ name }) => !failed.has(name));
      reports.push(report);
    }
    return { ...mergeReports(reports), passed: going.length };
  };
}
