import {
  ActivityFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  isCancellation,
} from '@temporalio/workflow';
import { FROZEN } from '../release/patches.ts';
import type { Hold } from '../release/patches.ts';
import type { Plan } from '../release/plan.ts';
import type { ReleaseSpec } from '../release/spec.ts';
import { imageTag, updatedContainer } from '../release/spec.ts';
import { initialState, withPlan } from '../release/state.ts';
import type { Outcome } from '../release/state.ts';
import { failedCount } from '../release/verdict.ts';
import type { Verdict } from '../release/verdict.ts';
import { lasting, quick, toItsEnd } from './calls.ts';
import { passGate } from './gate.ts';
import type { ReleaseInput, ReleaseResult } from './messages.ts';
import type { PauseActions } from './release-run.ts';
import { Departure, ReleaseRun, describeFailure } from './release-run.ts';
import { rollBack } from './rollback.ts';
import type { WaveContext } from './wave.ts';
import { runWave } from './wave.ts';

/** How long priorities may take to arrive at the pods: the controller is slow, and slower the more servers there are. */
const PRIORITY_MS = 60_000;
const PRIORITY_MS_PER_SERVER = 200;

/**
 * The release of one hot update on one GameServerSet: plan, then wave by wave, then put everything back that was only
 * changed for the time of the release; or roll back.
 */
export async function hotUpdate(input: ReleaseInput): Promise<ReleaseResult> {
  const run = new ReleaseRun(initialStateOf(input));
  const plan = await planRelease(run, input);
  const tallied = plan ? await carryOut(run, input.file.spec, plan) : { restartsOfMainContainers: 0, recreatedPods: 0 };
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

/** Plans against the live set. Undefined when there is nothing to carry out; the state then says why. */
async function planRelease(run: ReleaseRun, { file }: ReleaseInput): Promise<Plan | undefined> {
  run.enter('planning', 'checks the cluster and plans the waves');
  try {
    const { lines, plan } = await quick('preflight and plan').planRelease({ file });
    const refusal = lines.find(({ status }) => status === 'refused');
    if (refusal || !plan) run.finish('refused', refusal?.detail ?? 'there is no plan');
    else run.set(withPlan(run.state, plan));
    if (plan?.waves.length === 0) run.finish('done', 'every server runs the new image already');
    return plan && plan.waves.length > 0 ? plan : undefined;
  } catch (error) {
    run.finish(
      isCancellation(error) ? 'cancelled' : 'refused',
      isCancellation(error) ? 'cancelled while it was planned' : describeFailure(error),
    );
    return undefined;
  }
}

type Tallied = Pick<ReleaseResult, 'restartsOfMainContainers' | 'recreatedPods'>;

async function carryOut(run: ReleaseRun, spec: ReleaseSpec, plan: Plan): Promise<Tallied> {
  const context = waveContext(run, spec, plan);
  try {
    await persevere(context, () => changePriorities(context, 'assign'));
    await persevere(context, () => stageTemplate(context));
    for (const wave of plan.waves) {
      await passGate(context, wave);
      await persevere(context, () => runWave(context, wave));
    }
    await persevere(context, () => putBack(context, plan.baseline.newImage));
    await run.checkpoint(context.onPause);
    run.finish('done', whoProves(context));
  } catch (error) {
    await CancellationScope.nonCancellable(() => leave(context, departureOf(error)));
  }
  return await CancellationScope.nonCancellable(() => countRestarts(context));
}

function whoProves({ plan, left }: WaveContext): string {
  if (left.size === 0) return `every server proves ${plan.version}`;
  const servers = plan.waves.reduce((sum, wave) => sum + wave.servers.length, 0);
  const names = [...left].slice(0, 5).join(', ');
  return `${servers - left.size} of ${servers} servers prove ${plan.version}; left behind: ${names}${left.size > 5 ? ', ...' : ''}`;
}

function waveContext(run: ReleaseRun, spec: ReleaseSpec, plan: Plan): WaveContext {
  const context: WaveContext = {
    run,
    spec,
    plan,
    revision: '',
    hold: undefined,
    left: new Set(),
    reloading: new Set(),
    outgoing: new Map(),
    onPause: {
      timeout: spec.paused.timeout,
      freeze: () => holdAs(context, { paused: true }, 'pause the set'),
      thaw: async () => {
        if (context.hold?.paused === true) await holdAs(context, { paused: false }, 'resume the set');
      },
    },
  };
  return context;
}

/**
 * Repeats a part of the runbook until it advances: what pauses waits for a person, what cannot be done at all (the API
 * server is away, a permission is gone) pauses with that reason.
 * @throws Departure when it must be rolled back or a person chose to leave
 */
async function persevere(context: WaveContext, part: () => Promise<Verdict>): Promise<void> {
  const { run, onPause } = context;
  for (;;) {
    await run.checkpoint(onPause);
    const verdict = await orPause(part);
    if (verdict.kind === 'advance') return;
    if (verdict.kind === 'rollback') throw new Departure('rollback', 'rolled-back', verdict.reason);
    await run.pauseUntilResumed(onPause, verdict.reason);
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

async function changePriorities({ run, plan }: WaveContext, direction: 'assign' | 'restore'): Promise<Verdict> {
  const { set, priorities: changes } = plan;
  if (changes.length === 0) return { kind: 'advance' };
  const doing =
    direction === 'assign'
      ? `gives ${changes.length} servers their priority`
      : `puts the priorities of ${changes.length} servers back`;
  const limit = PRIORITY_MS + PRIORITY_MS_PER_SERVER * changes.length;
  const deadline = Date.now() + limit;
  run.enter(run.state.phase === 'rolling-back' ? 'rolling-back' : 'updating', doing, {
    for: doing,
    owner: 'kruise-game-manager',
    since: Date.now(),
    until: deadline,
  });
  const token = `${run.state.release}.${plan.hash.slice(0, 8)}.${direction}`;
  const report = await lasting(doing, limit).changePriorities({ set, changes, direction, token, deadline });
  return failedCount(report) === 0
    ? { kind: 'advance' }
    : { kind: 'pause', reason: report.failures[0]?.reason ?? doing };
}

async function stageTemplate(context: WaveContext): Promise<Verdict> {
  const { run, plan } = context;
  run.enter('updating', `writes ${plan.baseline.newImage} with every server frozen`);
  const { set, baseline, maxUnavailable } = plan;
  const written = await toItsEnd(() =>
    quick('write the new image, every server frozen').stageTemplate({ set, baseline, maxUnavailable }),
  );
  if (written.kind !== 'untouched') context.hold = written.hold;
  if (written.kind !== 'accepted')
    return { kind: 'pause', reason: written.kind === 'drifted' ? written.reason : 'the set was not written' };
  context.revision = written.revision;
  return { kind: 'advance' };
}

/** Puts back what was only changed for the time of the release: the person's updateStrategy and the priorities. */
async function putBack(context: WaveContext, image: string): Promise<Verdict> {
  const { run, plan, hold } = context;
  run.set({ step: 'puts updateStrategy and priorities back', wait: undefined });
  const { set, baseline } = plan;
  if (hold) {
    const restored = await toItsEnd(() => quick('put updateStrategy back').restoreSet({ set, baseline, image, hold }));
    if (restored.kind === 'drifted') return { kind: 'pause', reason: restored.reason };
    context.hold = undefined;
  }
  return await changePriorities(context, 'restore');
}

/** Leaves the runbook: back to the old version, or standing still where it is. */
async function leave(context: WaveContext, departure: Departure): Promise<void> {
  const { run, plan } = context;
  if (departure.to === 'hold') {
    const problem = await holdAs(context, { partition: FROZEN, paused: false }, 'hold every server where it is');
    run.finish(
      departure.outcome,
      problem === undefined ? departure.message : `${departure.message}; the set could not be held: ${problem}`,
    );
    return;
  }
  for (;;) {
    run.set({ requests: {}, gate: undefined, pausedBecause: undefined });
    const problem = await rollBackAndPutBack(context);
    if (problem === undefined) {
      run.finish(departure.outcome, `${departure.message}; every server proves ${plan.previousVersion}`);
      return;
    }
    const next = await departureWhilePaused(context, `the rollback is incomplete: ${problem}`);
    if (next?.to === 'hold') {
      run.finish(next.outcome, `${next.message}; the rollback is incomplete: ${problem}`);
      return;
    }
  }
}

async function rollBackAndPutBack(context: WaveContext): Promise<string | undefined> {
  const verdict = await orPause(async () => {
    const problem = await rollBack(context);
    if (problem !== undefined) return { kind: 'pause', reason: problem };
    const restored = await putBack(context, context.plan.baseline.oldImage);
    context.run.set({
      waves: context.run.state.waves.map((wave) =>
        wave.status === 'pending' ? wave : { ...wave, status: 'rolled-back' },
      ),
    });
    return restored;
  });
  return verdict.kind === 'advance' ? undefined : verdict.reason;
}

/** Waits for a person after an incomplete rollback: resume and rollback try again (undefined), cancel leaves it. */
async function departureWhilePaused(context: WaveContext, reason: string): Promise<Departure | undefined> {
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

/** Changes how the set is held, if it is held at all. A sentence when that did not work. */
async function holdAs(context: WaveContext, change: Partial<Hold>, summary: string): Promise<string | undefined> {
  const { hold: from, plan } = context;
  if (!from) return undefined;
  const to = { ...from, ...change };
  try {
    const written = await toItsEnd(() =>
      quick(summary).changeHold({ set: plan.set, baseline: plan.baseline, from, to }),
    );
    if (written.kind !== 'untouched') context.hold = written.hold ?? from;
    return written.kind === 'drifted' ? written.reason : undefined;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return describeFailure(error);
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

async function countRestarts({ plan }: WaveContext): Promise<Tallied> {
  const servers = plan.waves.flatMap((wave) => wave.servers);
  return await quick('count restarts').tally({ set: plan.set, container: plan.baseline.container, servers });
}
