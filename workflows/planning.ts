import { ActivityFailure, CancellationScope, isCancellation } from '@temporalio/workflow';
import { unpackPlan } from '../release/plan/packed-plan.ts';
import type { PreflightResult, UnderPolicy } from '../release/plan/preflight.ts';
import type { Plan } from '../release/plan/plan.ts';
import { initialProgress } from '../release/progress/table.ts';
import type { Release } from '../release/progress/table.ts';
import { initialState, withPlan } from '../release/progress/state.ts';
import type { ReleaseState } from '../release/progress/state.ts';
import { imageTag } from '../release/spec/image-reference.ts';
import { updatedContainer } from '../release/spec/spec.ts';
import type { ReleaseSpec } from '../release/spec/spec.ts';
import { QUESTION_MS, question } from './calls.ts';
import { describeFailure, isUnreachable } from './call-failures.ts';
import type { ReleaseInput } from './messages.ts';
import { RunningRelease } from './running-release.ts';

/** A release that has been planned against the live set; one that there is nothing to carry out of has ended. */
export async function planned({
  file,
  cluster,
  requester,
  takeover,
  duringFreeze,
  vouch,
}: ReleaseInput): Promise<RunningRelease> {
  const { image } = updatedContainer(file.spec);
  const set = { namespace: file.spec.target.namespace, name: file.spec.target.gameServerSet };
  const version = file.spec.version ?? imageTag(image);
  const identity = {
    release: file.metadata.name,
    cluster,
    set,
    strategy: file.spec.strategy,
    requester,
    image,
    version,
  };
  const run = new RunningRelease(unplanned(initialState(identity, Date.now()), file.spec));
  showPlanning(run, 'checks the cluster and plans the waves');
  try {
    const urgent = duringFreeze ? { duringFreeze: true } : {};
    const result = await question('preflight and plan').planRelease({
      file,
      cluster,
      takeover,
      requester,
      vouch,
      ...urgent,
    });
    takeOver(run, result, duringFreeze?.reason);
  } catch (error) {
    await endPlanning(run, error, 'cancelled while it was planned');
  }
  return run;
}

/** Says what is done before there is a plan. */
export function showPlanning(run: RunningRelease, step: string): void {
  run.show({ phase: 'planning', step, owner: 'a worker and the API server', until: Date.now() + QUESTION_MS });
}

/** There will be no plan: it could not be made, or somebody does not want it any more. */
export async function endPlanning(run: RunningRelease, error: unknown, cancelled: string): Promise<void> {
  await CancellationScope.nonCancellable(() => findWhoIsTold(run));
  if (isUnreachable(error)) run.replace({ ...run.release, state: { ...run.state, unreachable: true } });
  const isOver = isCancellation(error);
  const reason = isOver ? cancelled : describeFailure(error);
  run.apply({ kind: 'finished', outcome: isOver ? 'cancelled' : 'refused', reason });
}

/** The plan says whether people are told, and is not there; the policy says it without the cluster. */
async function findWhoIsTold(run: RunningRelease): Promise<void> {
  const { namespace } = run.state.set;
  try {
    const { sinks } = await question('who is told').readSinks({ namespace });
    if (sinks.length > 0) run.tellPeople(true);
  } catch (error) {
    // Nobody can be asked: what could not be planned ends all the same.
    if (!(error instanceof ActivityFailure)) throw error;
  }
}

function takeOver(
  run: RunningRelease,
  { lines, plan: packed, calendar = false, policy, sinks }: PreflightResult,
  reason: string | undefined,
): void {
  run.tellPeople(sinks);
  const refusal = lines.find(({ status }) => status === 'refused');
  if (refusal || !packed) {
    run.apply({ kind: 'finished', outcome: 'refused', reason: refusal?.detail ?? 'there is no plan' });
    return;
  }
  const plan = unpackPlan(packed);
  const { spec, state } = underPolicy(run.release, policy);
  run.replace({
    ...unplanned(withPlan(state, plan), spec),
    ...(policy ? { underPolicy: true as const } : {}),
    plan,
    progress: initialProgress(plan),
    calendar: calendar ? { reason } : undefined,
    sinks,
  });
  if (plan.strategy === 'newServersOnly' || hasWork(plan)) return;
  run.apply({ kind: 'finished', outcome: 'done', reason: `every server proves ${plan.version} already` });
}

/** The requester as the policy knows them, and the gates that it wants. */
function underPolicy({ spec, state }: Release, policy: UnderPolicy | undefined): Pick<Release, 'spec' | 'state'> {
  if (!policy) return { spec, state };
  const { requester = state.requester, vouchedBy, gates, approvers } = policy;
  return {
    spec: { ...spec, gates, approvers },
    state: { ...state, requester, ...(vouchedBy === undefined ? {} : { requesterVouchedBy: vouchedBy }) },
  };
}

/** Servers are to move, to be taken over from overrides into the template, or to load what they have. */
function hasWork({ waves, adopted, unproved }: Plan): boolean {
  return waves.length + adopted.length + unproved.length > 0;
}

/** A release of which there is no plan yet: nothing has been written, and nothing will be. */
export function unplanned(state: ReleaseState, spec: ReleaseSpec): Release {
  const plan = emptyPlan(state);
  return { plan, spec, state, progress: initialProgress(plan), isOnRecord: false };
}

function emptyPlan({ set, strategy, version }: ReleaseState): Plan {
  return {
    v: 1,
    strategy: strategy as Plan['strategy'],
    set,
    baseline: {
      uid: '',
      replicas: 0,
      container: '',
      containerIndex: 0,
      oldImage: '',
      newImage: '',
      updateStrategy: {},
      liveStrategy: {},
      hasUpdateStrategy: false,
      templateImage: '',
      template: {},
      fence: null,
    },
    containers: [],
    version,
    previousVersion: '',
    waves: [],
    alreadyUpdated: [],
    unproved: [],
    adopted: [],
    bystanders: [],
    overridden: [],
    priorities: [],
    maxUnavailable: 1,
    tolerate: 0,
    warnings: [],
    hash: '',
  };
}
