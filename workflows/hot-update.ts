import {
  ActivityFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  isCancellation,
} from '@temporalio/workflow';
import type { Plan, Wave } from '../release/plan/plan.ts';
import { skewBudgetOf } from '../release/decisions/max-mixed.ts';
import type { ReleaseSpec } from '../release/spec/spec.ts';
import { imageTag, updatedContainer } from '../release/spec/spec.ts';
import { NEW_SERVERS_WAVE, initialState, withPlan } from '../release/progress/state.ts';
import type { Outcome, RollbackOrder } from '../release/progress/state.ts';
import type { Verdict } from '../release/checks/verdict.ts';
import { guardAfter } from './begin-monitor.ts';
import { bringPartBack } from './bring-part-back.ts';
import { QUESTION_MS, QUICK_MS, question, quick } from './calls.ts';
import { catchUp } from './catch-up.ts';
import { reloadDeferred } from './deferred.ts';
import { passCalendar } from './freeze.ts';
import { passGate } from './gate.ts';
import { LiveSet } from './live-set.ts';
import { DriftWatch } from './drift-watch.ts';
import { nobodyApart, warnOfOverrides } from './left-behind.ts';
import type { PlanResult, ReleaseInput, ReleaseResult } from './messages.ts';
import type { PauseActions } from './release-run.ts';
import { describeFailure, isUnreachable } from './call-failures.ts';
import { Departure, ReleaseRun } from './release-run.ts';
import { rollBack } from './rollback.ts';
import { SetRecord } from './set-record.ts';
import { judgeSkew } from './skew.ts';
import { leaveToEdit, settleDrift } from './settle-drift.ts';
import { STRATEGIES } from './strategies/index.ts';
import type { ReleaseContext, Strategy } from './strategy.ts';
import { tryAgain } from './try-again.ts';
import { runWave } from './wave.ts';
import { packServers } from '../release/fleet/server-rows.ts';

/**
 * The release of one hot update on one GameServerSet: plan, then wave by wave, then put everything back that was only
 * changed for the time of the release; or roll back.
 */
export async function hotUpdate(input: ReleaseInput): Promise<ReleaseResult> {
  const run = new ReleaseRun(initialStateOf(input));
  const planned = await planRelease(run, input);
  const tallied = planned ? await carryOut(run, input, planned) : { restartsOfMainContainers: 0, recreatedPods: 0 };
  return await endOf(run, tallied);
}

/** What a release comes to, once nobody waits for an answer any more. */
export async function endOf(run: ReleaseRun, tallied: Tallied): Promise<ReleaseResult> {
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished, '10s', { summary: 'last answers' }));
  const { state } = run;
  return {
    release: state.release,
    outcome: state.phase as Outcome,
    reason: state.reason,
    strategy: state.strategy,
    servers: state.waves.reduce((sum, wave) => sum + wave.size, 0),
    waves: state.waves.length,
    seconds: Math.round(((state.endedAt ?? state.startedAt) - state.startedAt) / 100) / 10,
    ...tallied,
  };
}

function initialStateOf({ file, cluster, requester }: ReleaseInput): ReturnType<typeof initialState> {
  const { image } = updatedContainer(file.spec);
  const set = { namespace: file.spec.target.namespace, name: file.spec.target.gameServerSet };
  const version = file.spec.version ?? imageTag(image);
  return initialState(
    { release: file.metadata.name, cluster, set, strategy: file.spec.strategy, requester, image, version },
    Date.now(),
  );
}

/** What is to be carried out, and whether a calendar says when. */
interface Planned {
  readonly plan: Plan;
  readonly calendar: boolean;
}

/** Plans against the live set. Undefined when there is nothing to carry out; the state then says why. */
async function planRelease(
  run: ReleaseRun,
  { file, cluster, takeover, duringFreeze }: ReleaseInput,
): Promise<Planned | undefined> {
  const doing = 'checks the cluster and plans the waves';
  const since = Date.now();
  run.enter('planning', doing, { owner: 'a worker and the API server', until: since + QUESTION_MS });
  try {
    const urgent = duringFreeze ? { duringFreeze: true } : {};
    return takeOver(run, await question('preflight and plan').planRelease({ file, cluster, takeover, ...urgent }));
  } catch (error) {
    if (isUnreachable(error)) run.set({ unreachable: true });
    run.finish(
      isCancellation(error) ? 'cancelled' : 'refused',
      isCancellation(error) ? 'cancelled while it was planned' : describeFailure(error),
    );
    return undefined;
  }
}

function takeOver(run: ReleaseRun, { lines, plan, calendar = false }: PlanResult): Planned | undefined {
  const refusal = lines.find(({ status }) => status === 'refused');
  if (refusal || !plan) {
    run.finish('refused', refusal?.detail ?? 'there is no plan');
    return undefined;
  }
  run.set(withPlan(run.state, plan));
  if (plan.strategy === 'newServersOnly' || hasWork(plan)) return { plan, calendar };
  run.finish('done', `every server proves ${plan.version} already`);
  return undefined;
}

/** Servers are to move, to be taken over from overrides into the template, or to load what they have. */
function hasWork({ waves, adopted, unproved }: Plan): boolean {
  return waves.length + adopted.length + unproved.length > 0;
}

type Tallied = Pick<ReleaseResult, 'restartsOfMainContainers' | 'recreatedPods'>;

async function carryOut(run: ReleaseRun, input: ReleaseInput, planned: Planned): Promise<Tallied> {
  const { plan } = planned;
  const { context, strategy } = prepare(run, {
    plan,
    spec: input.file.spec,
    calendar: planned.calendar ? { reason: input.duringFreeze?.reason, overridden: new Set() } : undefined,
  });
  try {
    if (plan.strategy === 'newServersOnly') await passGate(context, { number: NEW_SERVERS_WAVE });
    await persevere(context, strategy, async () => {
      await passCalendar(context);
      return await strategy.begin();
    });
    for (const wave of plan.waves) {
      await passGate(context, wave);
      await persevere(context, strategy, async () => {
        const verdict = await mayBegin(context, wave);
        return verdict.kind === 'advance' ? await runWave(context, strategy, wave) : verdict;
      });
    }
    await persevere(context, strategy, () => catchUp(context));
    await persevere(context, strategy, () => reloadDeferred(context));
    await persevere(context, strategy, strategy.finish);
    context.watch.end();
    await guardAfter(context, input.guardInterval);
    await run.checkpoint(context.onPause);
    run.finish('done', strategy.success());
  } catch (error) {
    await CancellationScope.nonCancellable(() => leave(context, strategy, departureOf(error)));
  }
  return await CancellationScope.nonCancellable(() => countRestarts(context));
}

/**
 * What must hold before a wave begins; one that has begun is not held up any more. One that was skipped waits, too: in a
 * rolling release its servers move with the next ones, or when updateStrategy is put back.
 */
async function mayBegin(context: ReleaseContext, { number }: Wave): Promise<Verdict> {
  const status = context.run.state.waves[number - 1]?.status;
  if (status === 'running' || status === 'failed') return { kind: 'advance' };
  await passCalendar(context);
  return judgeSkew(context);
}

/** What is carried out, and what the record on the set says of it. */
interface Preparation {
  readonly plan: Plan;
  readonly spec: ReleaseSpec;
  readonly calendar?: ReleaseContext['calendar'];
  /** Default the release that runs. */
  readonly identity?: ConstructorParameters<typeof SetRecord>[2];
  readonly isOnRecord?: boolean;
}

/** What the parts of one release share, and how it makes servers move. */
export function prepare(
  run: ReleaseRun,
  { plan, spec, calendar, identity = run.state, isOnRecord = false }: Preparation,
): { readonly context: ReleaseContext; readonly strategy: Strategy } {
  const onPause: PauseActions = {
    timeout: spec.paused.timeout,
    skew: skewBudgetOf(spec),
    freeze: () => strategy.freeze(),
    thaw: () => strategy.thaw(),
    settleDrift: (drift) => settleDrift(context, strategy, drift),
    fulfil: () => fulfil(context, strategy),
  };
  const record = new SetRecord(plan, spec, identity);
  const context: ReleaseContext = {
    run,
    spec,
    plan,
    left: new Set(),
    apart: nobodyApart(),
    reloading: new Set(),
    outgoing: new Map(),
    onPause,
    calendar,
    record,
    isOnRecord,
    watch: new DriftWatch(run, plan),
    live: new LiveSet(),
  };
  const strategy = STRATEGIES[plan.strategy](context);
  return { context, strategy };
}

/** What people ask of a release that stands still, and that is not to go on or to end. */
async function fulfil(context: ReleaseContext, strategy: Strategy): Promise<void> {
  const { rollback } = context.run.state.requests;
  if (rollback) await bringPartBack(context, rollback.scope ?? 'failed');
  else await tryAgain(context, strategy);
}

/**
 * Repeats a part of the runbook until it advances: what pauses waits for a person, what cannot be done at all (the API
 * server is away, a permission is gone) pauses with that reason. A rollback by itself would undo what somebody else has
 * changed, so then it is left to a person.
 * @throws Departure when it must be rolled back or a person chose to leave
 */
async function persevere(context: ReleaseContext, strategy: Strategy, part: () => Promise<Verdict>): Promise<void> {
  const { run, onPause } = context;
  for (;;) {
    await run.checkpoint(onPause);
    const verdict = await orPause(part);
    if (verdict.kind === 'advance') return;
    const edit =
      verdict.kind === 'rollback' ? (run.state.drift?.what ?? (await orUnknown(strategy.foreignEdit))) : undefined;
    if (verdict.kind === 'rollback' && edit === undefined)
      throw new Departure('rollback', 'rolled-back', verdict.reason, { failed: true });
    await run.pauseUntilResumed(onPause, edit === undefined ? verdict.reason : `${verdict.reason}; ${edit}`);
  }
}

async function orPause(part: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await part();
  } catch (error) {
    if (error instanceof Departure || isCancellation(error)) throw error;
    if (error instanceof ActivityFailure) return { kind: 'pause', reason: describeFailure(error) };
    throw error;
  }
}

/** A cluster that cannot be asked is no reason to keep a rollback back. */
async function orUnknown(ask: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ActivityFailure && !isCancellation(error)) return undefined;
    throw error;
  }
}

/** Leaves the runbook: back to the old version, or standing still where it is. */
export async function leave(context: ReleaseContext, strategy: Strategy, departure: Departure): Promise<void> {
  const { run, watch } = context;
  watch.end();
  run.set({ freeze: undefined, mixedUntil: undefined, pausedBecause: undefined });
  // Who ends a release that stood still sees that it does something again: it writes how the set is left.
  if (departure.to !== 'rollback')
    run.enter('updating', 'ends, and leaves every server where it is', {
      owner: 'the API server',
      until: Date.now() + QUICK_MS,
    });
  if (departure.to === 'leave') {
    run.finish(departure.outcome, await leaveToEdit(context, strategy, departure.message));
    return;
  }
  if (departure.to === 'hold') {
    warnOfOverrides(context);
    const problem = await strategy.hold();
    run.finish(
      departure.outcome,
      problem === undefined ? departure.message : `${departure.message}; the set could not be held: ${problem}`,
    );
    return;
  }
  beginRollback(context, departure);
  let { order } = departure.how;
  for (;;) {
    run.set({ requests: {}, gate: undefined, pausedBecause: undefined, drift: undefined });
    const problem = await rollBackAndPutBack(context, strategy, order);
    if (problem === undefined) {
      run.finish(departure.outcome, `${departure.message}; ${strategy.withdrawal()}`);
      return;
    }
    await noteStuck(context, problem);
    const next = await departureWhilePaused(context, `the rollback is incomplete: ${problem}`);
    if (next && next.to !== 'rollback') {
      warnOfOverrides(context);
      run.finish(next.outcome, `${next.message}; the rollback is incomplete: ${problem}`);
      return;
    }
    if (!next) continue;
    // Who asks for a rollback means every server.
    run.set({ specimens: undefined });
    ({ order } = next.how);
  }
}

/**
 * From here on everybody goes back, also those who were left behind on the way. After a release that failed, some of
 * those who made it fail may stay, and its image is remembered.
 */
function beginRollback({ run, plan, spec, apart, record }: ReleaseContext, { how, message }: Departure): void {
  const { keepSpecimens } = spec.onFailure;
  const members = plan.waves.flatMap(({ servers }) => servers.map(({ name }) => name));
  const specimens = members.filter((name) => apart.failed.has(name)).slice(0, keepSpecimens);
  run.set({
    goesBack: true,
    skipped: undefined,
    skippedWaves: undefined,
    deferred: undefined,
    ...(how.failed && keepSpecimens > 0 && specimens.length > 0 ? { specimens } : {}),
  });
  if (how.failed) record.remember(message);
}

async function rollBackAndPutBack(
  context: ReleaseContext,
  strategy: Strategy,
  order: RollbackOrder | undefined,
): Promise<string | undefined> {
  const verdict = await orPause(async () => {
    const problem = await rollBack(context, strategy, order);
    if (problem !== undefined) return { kind: 'pause', reason: problem };
    const restored = await strategy.settle();
    context.run.set({
      waves: context.run.state.waves.map((wave) =>
        wave.status === 'pending' ? wave : { ...wave, status: 'rolled-back' },
      ),
    });
    return restored;
  });
  return verdict.kind === 'advance' ? undefined : verdict.reason;
}

/** Says on the set what is where. That it cannot be said is no reason to stop here. */
async function noteStuck({ plan, record }: ReleaseContext, reason: string): Promise<void> {
  const { set, baseline } = plan;
  const summary = 'record on the set what could not be brought back';
  await orUnknown(async () => {
    const at = Date.now();
    await record.fence.write((fence) =>
      quick(summary).recordStuck({ set, baseline, fence, record: record.running, reason, at }),
    );
    return undefined;
  });
}

/** Waits for a person after an incomplete rollback: resume and rollback try again (undefined), cancel leaves it. */
async function departureWhilePaused(context: ReleaseContext, reason: string): Promise<Departure | undefined> {
  const nothing: PauseActions = {
    ...context.onPause,
    freeze: () => Promise.resolve(undefined),
    thaw: () => Promise.resolve(),
  };
  try {
    await context.run.pauseUntilResumed(nothing, reason);
    return undefined;
  } catch (error) {
    return departureOf(error);
  }
}

/** Temporal's own cancel cannot say what becomes of the servers: each stays on the version it has. */
function departureOf(error: unknown): Departure {
  if (error instanceof Departure) return error;
  if (isCancellation(error))
    return new Departure(
      'hold',
      'cancelled',
      "cancelled in Temporal, without the choice that hotwave's own cancel asks for",
    );
  throw error;
}

/** What players would have felt. */
export async function countRestarts({ plan, live }: ReleaseContext): Promise<Tallied> {
  const all = [...plan.waves.flatMap((wave) => wave.servers), ...plan.adopted, ...plan.bystanders];
  const servers = all.filter(({ name }) => live.departed.get(name) !== 'gone');
  return await quick('count restarts').tally({
    set: plan.set,
    container: plan.baseline.container,
    servers: packServers(servers),
  });
}
