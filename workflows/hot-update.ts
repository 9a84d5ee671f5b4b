import { ApplicationFailure } from '@temporalio/common';
import {
  ActivityFailure,
  CancellationScope,
  TimeoutFailure,
  allHandlersFinished,
  condition,
  isCancellation,
  makeContinueAsNewFunc,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { Workflow } from '@temporalio/workflow';
import { describeStep } from '../release/progress/describe-step.ts';
import type { Event } from '../release/progress/events.ts';
import { nextStep } from '../release/progress/next-step.ts';
import { isInterruptible, writesSet } from '../release/progress/steps.ts';
import type { Step } from '../release/progress/step.ts';
import type { Release } from '../release/progress/table.ts';
import { isFinal } from '../release/progress/state.ts';
import type { Outcome } from '../release/progress/state.ts';
import { describeFailure } from './call-failures.ts';
import { asked } from './calls.ts';
import { failureEvents } from './failure-events.ts';
import { packServers } from '../release/fleet/server-rows.ts';
import { packRelease, unpackRelease } from '../release/progress/carried.ts';
import { checkedInput, releaseInputSchema } from './input-schemas.ts';
import type { Carried, ReleaseInput, ReleaseResult } from './messages.ts';
import { planned } from './planning.ts';
import { logReminder } from './reminders.ts';
import { RunningRelease } from './running-release.ts';
import { SetWatch } from './set-watch.ts';
import { performStep } from './steps/index.ts';
import type { StepContext } from './steps/context.ts';

/**
 * The release of one hot update on one GameServerSet: plan, then step by step what the table of its servers asks for,
 * until there is nothing more to do.
 */
export async function hotUpdate(raw: ReleaseInput): Promise<ReleaseResult> {
  demandStartedOnce();
  const input = checkedInput(releaseInputSchema, raw);
  const { carried, ...rest } = input;
  const run = carried ? continued(carried) : await planned(input);
  return await carryOut(run, {
    monitorInterval: input.monitorInterval,
    eachStep: input.continueEachStep === true,
    next: (handed) => nextRun<typeof hotUpdate>(handed)({ ...rest, carried: handed }),
  });
}

/**
 * Temporal itself begins the next run of a workflow with a schedule or a retry policy, with the input of whoever started it:
 * it looks like one that a release has handed on, and nobody has planned it.
 * @throws ApplicationFailure with one sentence, which ends the workflow
 */
export function demandStartedOnce(): void {
  const { cronSchedule, retryPolicy } = workflowInfo();
  if (cronSchedule !== undefined || retryPolicy !== undefined) throw ApplicationFailure.nonRetryable(ONCE, 'BadInput');
}

const ONCE = 'a release is started once: start it without a cron schedule and without a retry policy';

/**
 * A release that goes on in a new run. Only a run before can have handed it on: what is copied or made by hand is not what
 * the cluster is like now.
 * @throws ApplicationFailure with one sentence, which ends the workflow, when this run is the first
 */
export function continued({ release, ...handed }: Carried): RunningRelease {
  if (workflowInfo().continuedFromExecutionRunId === undefined)
    throw ApplicationFailure.nonRetryable(BY_HAND, 'BadInput');
  return new RunningRelease(unpackRelease(release), handed);
}

const BY_HAND = 'only a run of a release hands a release on: start it without carried';

/** Begins the next run of this workflow. Its memo says when the release started, since its own start says something else. */
export function nextRun<Of extends Workflow>({
  release: { state },
}: Carried): (...input: Parameters<Of>) => Promise<never> {
  return makeContinueAsNewFunc<Of>({ memo: { ...workflowInfo().memo, startedAt: state.startedAt } });
}

/** How a release is carried out, and how it goes on in its next run. */
export interface Carrying {
  readonly monitorInterval?: number | undefined;
  /** A new run begins at every step: for tests of what is handed on. */
  readonly eachStep: boolean;
  readonly next: (carried: Carried) => Promise<never>;
}

/** Carries a release out to its end. */
export async function carryOut(run: RunningRelease, carrying: Carrying): Promise<ReleaseResult> {
  const watch = new SetWatch(run);
  const context: StepContext = { run, watch, monitorInterval: carrying.monitorInterval };
  const goOn = async (): Promise<void> => await loop(context, carrying);
  try {
    await goOn();
  } catch (error) {
    if (!isCancellation(error)) throw error;
    // Temporal's own cancel cannot say what becomes of the servers: each stays on the version it has.
    run.apply({ kind: 'leaving', to: 'hold', outcome: 'cancelled', reason: CANCELLED });
    await CancellationScope.nonCancellable(goOn);
  }
  watch.stop();
  return await CancellationScope.nonCancellable(() => endOf(run));
}

const CANCELLED = "cancelled in Temporal, without the choice that hotwave's own cancel asks for";

/** Asks what is next, does it, and takes what happened into the table, again and again. */
async function loop(context: StepContext, carrying: Carrying): Promise<void> {
  const { run, watch } = context;
  for (let steps = 0; ;) {
    const now = Date.now();
    const step = nextStep(run.release, now);
    if (step.kind === 'end') return;
    if (step.kind === 'note') {
      run.apply(step.event);
      if (step.event.kind === 'reminded') logReminder(run);
      continue;
    }
    if (steps > 0 && mustContinue(carrying)) await goOnInNextRun(context, carrying);
    // The state of the calendar is shown when it is known.
    if (step.kind !== 'calendar') run.show(describeStep(run.release, step, now));
    // Its own priorities, put back, are no edit of others.
    if (writesSet(step) || step.kind === 'priorities') watch.stop();
    else watch.follow();
    for (const event of await eventsOf(context, step)) run.apply(event);
    steps += 1;
  }
}

/** Does a step that a decision may interrupt, or one that must come to its end. */
async function eventsOf(context: StepContext, step: Step): Promise<readonly Event[]> {
  const { run } = context;
  const { progress } = run.release;
  const isWay = progress.back?.scope === 'release' || progress.leaving !== undefined;
  const perform = (): Promise<readonly Event[]> => performStep(context, step);
  try {
    if (writesSet(step) || (isWay && !isInterruptible(step, true))) return await run.toItsEnd(perform);
    const events = await run.interruptible(perform);
    return events ?? (writesSet(step) ? [{ kind: 'writeUnknown' }] : []);
  } catch (error) {
    if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
    await writesHaveEnded(error);
    return failureEvents(step, describeFailure(error));
  }
}

/** An attempt that has not said how it ended may still write for half of its heartbeat time-out (decision 0017). */
const LEASE_MS = 10_000;

async function writesHaveEnded(error: ActivityFailure): Promise<void> {
  if (error.cause instanceof TimeoutFailure)
    await CancellationScope.nonCancellable(() => sleep(LEASE_MS, { summary: 'until the last write has ended' }));
}

/** A run is handed on before it is long. */
function mustContinue({ eachStep }: Carrying): boolean {
  return eachStep || workflowInfo().continueAsNewSuggested;
}

/**
 * Goes on in a new run with all that is known: nothing is at work now, the watch of the set has ended, and who waits for an
 * answer has it.
 */
async function goOnInNextRun({ run, watch }: StepContext, { next }: Carrying): Promise<void> {
  watch.stop();
  await watch.ended();
  await condition(allHandlersFinished, '10s', { summary: 'last answers before the next run' });
  await next({ release: packRelease(run.release), ...run.handed });
}

/** The result of a release, once nobody waits for an answer any more. */
async function endOf(run: RunningRelease): Promise<ReleaseResult> {
  const tallied = await tally(run.release);
  await condition(allHandlersFinished, '10s', { summary: 'last answers' });
  await run.toldPeople();
  const { state } = run;
  return {
    release: state.release,
    outcome: (isFinal(state.phase) ? state.phase : 'failed') satisfies Outcome,
    reason: state.reason,
    strategy: state.strategy,
    servers: state.waves.reduce((sum, wave) => sum + wave.size, 0),
    waves: state.waves.length,
    seconds: Math.round(((state.endedAt ?? state.startedAt) - state.startedAt) / 100) / 10,
    ...tallied,
  };
}

type Tallied = Pick<ReleaseResult, 'restartsOfMainContainers' | 'recreatedPods'>;

const NOTHING: Tallied = { restartsOfMainContainers: 0, recreatedPods: 0 };

/** The trouble that players would have felt. It is only told: a release that cannot count it has ended all the same. */
async function tally(release: Release): Promise<Tallied> {
  const { plan, state } = release;
  if (state.phase === 'refused' || plan.containers.length === 0) return NOTHING;
  const servers = [...plan.waves.flatMap((wave) => wave.servers), ...plan.adopted, ...plan.bystanders];
  try {
    const { container } = plan.baseline;
    return await asked('count restarts', TALLY_MS).tally({ set: plan.set, container, servers: packServers(servers) });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return NOTHING;
  }
}

/** Nobody waits longer than this for what is only told, in milliseconds. */
const TALLY_MS = 20_000;
