import { CancellationScope, isCancellation, upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import { initialState, withPlan } from '../release/progress/state.ts';
import { QUESTION_MS, question } from './calls.ts';
import { countRestarts, endOf, leave, prepare } from './hot-update.ts';
import type { FromClusterInput, ReleaseResult } from './messages.ts';
import { describeFailure, isUnreachable } from './call-failures.ts';
import { Departure, ReleaseRun } from './release-run.ts';
import type { ReleaseContext } from './strategy.ts';
import type { PlannedRollback } from '../activities/preflight/plan-rollback.ts';

const releaseKey = defineSearchAttributeKey('HotwaveRelease', 'KEYWORD');

type Found = Extract<PlannedRollback, { kind: 'found' }>;

/**
 * Rolls a release back that is done, that Temporal has lost, or that was left on hold, by what is written on its set. It has the
 * workflow id of a release, so that it holds the set like one, and goes back the same way as a release would.
 */
export async function rollBackFromCluster(input: FromClusterInput): Promise<ReleaseResult> {
  const { set, cluster, requester, reason } = input;
  const identity = { release: set.name, cluster, set, strategy: '', requester, image: '', version: '' };
  const run = new ReleaseRun(initialState(identity, Date.now()));
  const found = await findWayBack(run, input);
  if (!found) return await endOf(run, { restartsOfMainContainers: 0, recreatedPods: 0 });
  const { record, isRecorded, plan, spec } = found;
  const { release, strategy, oldImage } = record;
  upsertSearchAttributes([{ key: releaseKey, value: release }]);
  const planned = withPlan({ ...run.state, release, strategy, image: oldImage }, plan);
  // By the record every wave may have been opened.
  const waves = planned.waves.map((wave) => ({ ...wave, status: 'running' as const }));
  run.set({ ...planned, waves, wave: plan.waves.length });
  const prepared = prepare(run, { plan, spec, identity: record, isOnRecord: true });
  const departure = new Departure('rollback', 'rolled-back', `asked for by ${requester}: ${reason}`);
  return await CancellationScope.nonCancellable(async () => {
    // Should this be lost as well, the set says again what to go back to.
    const problem = isRecorded ? undefined : await writeRecord(prepared.context);
    if (problem !== undefined) {
      run.finish('refused', problem);
      return await endOf(run, { restartsOfMainContainers: 0, recreatedPods: 0 });
    }
    await leave(prepared.context, prepared.strategy, departure);
    return await endOf(run, await countRestarts(prepared.context));
  });
}

/** A sentence when it could not be written; nothing has moved then. */
async function writeRecord({ record }: ReleaseContext): Promise<string | undefined> {
  try {
    return await record.write({ running: record.running });
  } catch (error) {
    return describeFailure(error);
  }
}

/** Undefined when there is nothing to do or it cannot be done; the state then says why. */
async function findWayBack(
  run: ReleaseRun,
  { cluster: clusterName, ...input }: FromClusterInput,
): Promise<Found | undefined> {
  const { set, file, to, holderIsDead } = input;
  run.enter('planning', 'reads on the set what there is to go back to', {
    owner: 'a worker and the API server',
    until: Date.now() + QUESTION_MS,
  });
  try {
    const found = await question('look for the way back').planRollback({ set, clusterName, file, to, holderIsDead });
    if (found.kind === 'found') return found;
    run.finish(found.kind === 'nothing' ? 'done' : 'refused', found.reason);
  } catch (error) {
    if (isUnreachable(error)) run.set({ unreachable: true });
    if (isCancellation(error)) run.finish('cancelled', 'cancelled before anything was written');
    else run.finish('refused', describeFailure(error));
  }
  return undefined;
}
