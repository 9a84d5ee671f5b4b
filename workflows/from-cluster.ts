import { upsertSearchAttributes } from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import { unpackPlan } from '../release/plan/packed-plan.ts';
import type { PlannedRollback } from '../activities/preflight/plan-rollback.ts';
import { turnedBack } from '../release/progress/apply-back.ts';
import { initialProgress } from '../release/progress/table.ts';
import type { ReleaseState } from '../release/progress/state.ts';
import { initialState, withPlan } from '../release/progress/state.ts';
import { releaseFileSchema } from '../release/spec/spec.ts';
import type { ReleaseRecord } from '../release/record/record.ts';
import { orSentence } from './call-failures.ts';
import { question, writing } from './calls.ts';
import { markOf } from './steps/context.ts';
import { runningRecord } from './steps/records.ts';
import { subjectOf } from './steps/subject.ts';
import { carryOut, continued, demandStartedOnce, nextRun } from './hot-update.ts';
import { checkedInput, fromClusterInputSchema } from './input-schemas.ts';
import type { Carried, FromClusterInput, ReleaseResult } from './messages.ts';
import { endPlanning, showPlanning, unplanned } from './planning.ts';
import { RunningRelease } from './running-release.ts';

const releaseKey = defineSearchAttributeKey('HotwaveRelease', 'KEYWORD');

/** Until the record was read there is nothing to check, to wait for or to roll back. */
const NO_SPEC = releaseFileSchema.parse({
  apiVersion: 'hotwave.dev/v1',
  kind: 'Release',
  metadata: { name: 'unknown' },
  spec: {
    target: { namespace: 'unknown', gameServerSet: 'unknown' },
    images: { unknown: 'unknown:unknown' },
    waves: ['rest'],
    reload: { self: {} },
    proof: { http: { port: 1, path: '/' } },
  },
}).spec;

type Found = Extract<PlannedRollback, { kind: 'found' }>;

/**
 * Rolls a release back that Temporal has lost, or that was left half-way, from what is written on its set. It has the
 * workflow id of a release, so that it holds the set like one, and goes back the same way as a release would.
 */
export async function rollBackFromCluster(raw: FromClusterInput): Promise<ReleaseResult> {
  demandStartedOnce();
  const input = checkedInput(fromClusterInputSchema, raw);
  const { carried, ...rest } = input;
  const run = carried ? continued(carried) : await begun(input);
  const next = (handed: Carried): Promise<never> =>
    nextRun<typeof rollBackFromCluster>(handed)({ ...rest, carried: handed });
  return await carryOut(run, { eachStep: input.continueEachStep === true, next });
}

async function begun(input: FromClusterInput): Promise<RunningRelease> {
  const { set, cluster, requester } = input;
  const identity = { release: set.name, cluster, set, strategy: '', requester, image: '', version: '' };
  const state = { ...initialState(identity, Date.now()), goesBack: true as const };
  const run = new RunningRelease(unplanned(state, input.file?.spec ?? NO_SPEC));
  const found = await findWayBack(run, input);
  if (found) await begin(run, found, input);
  return run;
}

async function begin(
  run: RunningRelease,
  { record, plan: packed, spec, isRecorded, weighed, sinks }: Found,
  { requester: claimed, reason }: FromClusterInput,
): Promise<void> {
  run.tellPeople(sinks);
  const known = { requester: claimed, ...knownBy(weighed) };
  const plan = unpackPlan(packed);
  const { release, strategy, oldImage, startedAt } = record;
  upsertSearchAttributes([{ key: releaseKey, value: release }]);
  const planned = withPlan({ ...run.state, ...known, release, strategy, image: oldImage }, plan);
  // By the record every wave may have been opened.
  const waves = planned.waves.map((wave) => ({ ...wave, status: 'running' as const }));
  const progress = initialProgress(plan);
  const way = {
    plan,
    spec,
    state: { ...planned, waves, wave: plan.waves.length },
    progress: {
      ...progress,
      isStaged: true,
      priorities: 'given' as const,
      opened: plan.waves.map(({ number }) => number),
      set: { ...progress.set, isRecorded },
    },
    isOnRecord: true,
    ...(weighed ? { underPolicy: true as const } : {}),
    identity: { release, startedAt },
    sinks,
  };
  run.replace(way);
  // Should this be lost as well, the set says again what to go back to, and from now on whose it is.
  const problem = isCancelled(run) ? undefined : await orSentence(() => recorded(run, isRecorded ? record : undefined));
  const { cancel } = run.state.requests;
  if (problem !== undefined) run.apply({ kind: 'finished', outcome: 'refused', reason: problem });
  else if (isCancelled(run))
    run.apply({ kind: 'finished', outcome: 'cancelled', reason: `by ${cancel?.actor ?? ''}: ${cancel?.reason ?? ''}` });
  else run.replace(turnedBack(run.release, { reason: `asked for by ${known.requester}: ${reason}` }));
}

/** The requester as the policy of the cluster knows them. */
function knownBy(weighed: Found['weighed']): Partial<Pick<ReleaseState, 'requester' | 'requesterVouchedBy'>> {
  if (!weighed) return {};
  const { person, vouchedBy } = weighed;
  return { requester: person, ...(vouchedBy === undefined ? {} : { requesterVouchedBy: vouchedBy }) };
}

/** Somebody has thought better of it before anything moved. */
function isCancelled({ state }: RunningRelease): boolean {
  return state.requests.cancel?.then === 'hold';
}

/** A sentence when it could not be written; nothing has moved then. `before` is the record that is on the set already. */
async function recorded(run: RunningRelease, before?: ReleaseRecord): Promise<string | undefined> {
  const { release } = run;
  const written = await writing('record the release on the set').recordRelease({
    ...subjectOf(release),
    note: { running: before ?? runningRecord(release) },
  });
  if (written.kind === 'foreign') return written.reason;
  for (const event of markOf(written)) run.apply(event);
  run.apply({ kind: 'recorded' });
  return undefined;
}

/** Undefined when there is nothing to do or it cannot be done; the state then says why. */
async function findWayBack(
  run: RunningRelease,
  { cluster: clusterName, set, file, to, holderIsDead, requester, reason, vouch }: FromClusterInput,
): Promise<Found | undefined> {
  showPlanning(run, 'reads on the set what there is to go back to');
  try {
    const who = { requester, reason, vouch };
    const found = await question('look for the way back').planRollback({
      set,
      clusterName,
      file,
      to,
      holderIsDead,
      ...who,
    });
    if (found.kind === 'found') return found;
    run.apply({ kind: 'finished', outcome: found.kind === 'nothing' ? 'done' : 'refused', reason: found.reason });
  } catch (error) {
    await endPlanning(run, error, 'cancelled before anything was written');
  }
  return undefined;
}
