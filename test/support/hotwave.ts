import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { answerTo } from '../../client/decisions/send-decision.ts';
import { open } from '../../client/temporal/connect.ts';
import { attributesOf } from '../../client/temporal/search-attributes.ts';
import { grpcStatus, isCrowded } from '../../client/temporal/temporal-errors.ts';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import type { DecisionAnswer } from '../../release/decisions/decision.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import type { DecisionRecord, ReleaseState } from '../../release/progress/state.ts';
import { createHotwaveWorker } from '../../worker/create-worker.ts';
import { MESSAGES, WORKFLOWS, releaseWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import type { DecisionMessage, ReleaseInput, ReleaseResult } from '../../workflows/messages.ts';
import type { Lab } from '../lab/lab.ts';
import { until as eventually } from '../lab/until.ts';
import type { Metrics } from '../../activities/ports/metrics.ts';
import type { PolicySource } from '../../activities/ports/policy.ts';

/** The name of the cluster that {@link startHotwave} serves. */
export const CLUSTER = 'lab';

/** How long a release of a test may take at most. */
const RESULT_MS = 90_000;

/** A release that a test has started. */
export interface StartedRelease {
  readonly handle: WorkflowHandle;
  state(): Promise<ReleaseState>;
  /** Decides by update. */
  decide(decision: Partial<DecisionMessage> & Pick<DecisionMessage, 'verb'>): Promise<DecisionAnswer>;
  /** Decides by signal, which has no answer; resolves when the release has taken it up. */
  signal(decision: Partial<DecisionMessage> & Pick<DecisionMessage, 'verb'>): Promise<DecisionRecord>;
  /** The same without waiting until it was taken up. */
  send(decision: Partial<DecisionMessage> & Pick<DecisionMessage, 'verb'>): Promise<void>;
  /** Resolves with the first state that is as wanted. */
  until(what: string, isSo: (state: ReleaseState) => boolean, deadlineMs?: number): Promise<ReleaseState>;
  /** The same, and no activity is under way but the watch of the set: nothing can be written before a person says something. */
  idle(what: string, isSo: (state: ReleaseState) => boolean): Promise<ReleaseState>;
  result(): Promise<ReleaseResult>;
}

/** A worker on a lab, under the rights that deploy/rbac.yaml gives, and a client to start releases with. */
export interface Hotwave {
  readonly client: Client;
  start(file: ReleaseFile, requester?: string): Promise<StartedRelease>;
  stop(): Promise<void>;
}

/** Starts a worker in this process against a lab; `metrics` is where its releases may ask for values. */
export async function startHotwave(lab: Lab, metrics?: Metrics, policy?: PolicySource): Promise<Hotwave> {
  const cluster = kubernetesCluster({ path: lab.kubeconfigOf('hotwave') });
  const native = await NativeConnection.connect({ address: lab.temporal.address });
  const worker = await createHotwaveWorker({ connection: native, clusterName: CLUSTER, cluster, metrics, policy });
  const running = worker.run();
  const connection = await open({ address: lab.temporal.address });
  const client = new Client({ connection });
  return {
    client,
    start: (file, requester = 'tester') => startRelease(client, { cluster: CLUSTER, file, requester }),
    async stop() {
      worker.shutdown();
      await running;
      await Promise.all([native.close(), connection.close(), cluster.close()]);
    },
  };
}

/** Starts a release, and gives a test everything that people and bots can do with it. */
export async function startRelease(client: Client, wanted: Omit<ReleaseInput, 'v'>): Promise<StartedRelease> {
  const { cluster, file } = wanted;
  const { namespace, gameServerSet: name } = file.spec.target;
  const input: ReleaseInput = { v: 1, ...wanted };
  const handle = await client.workflow.start(WORKFLOWS.hotUpdate, {
    workflowId: releaseWorkflowId(cluster, { namespace, name }),
    workflowIdConflictPolicy: 'FAIL',
    taskQueue: taskQueueOf(cluster),
    args: [input],
    typedSearchAttributes: attributesOf(input),
  });
  return releaseOf(handle, file.metadata.name);
}

/** A workflow that has thousands of messages to read answers no question meanwhile. */
function busyWorkflow(error: unknown): undefined {
  const status = grpcStatus(error);
  if (status && isCrowded(status)) return undefined;
  throw error;
}

/** The same for a release that was started otherwise. */
export function releaseOf(handle: WorkflowHandle, release: string): StartedRelease {
  const state = (): Promise<ReleaseState> => handle.query<ReleaseState>(MESSAGES.state);
  const until: StartedRelease['until'] = async (what, isSo, deadlineMs = 90_000) => {
    const started = Date.now();
    for (;;) {
      const now = await state().catch(busyWorkflow);
      if (now && isSo(now)) return now;
      const waited = Date.now() - started;
      if (waited > deadlineMs) throw new Error(`waited for ${what}; the release is: ${JSON.stringify(now)}`);
      // A query costs a busy machine some milliseconds: who waits long asks less often.
      await pause(Math.min(250, 30 + waited / 10));
    }
  };
  let decisions = 0;
  const message = (decision: Partial<DecisionMessage> & Pick<DecisionMessage, 'verb'>): DecisionMessage => ({
    id: `test-${++decisions}`,
    release,
    actor: 'approver',
    channel: 'test',
    ...decision,
  });
  return {
    handle,
    state,
    until,
    decide: (decision) => answerTo(handle, message(decision)),
    send: (decision) => handle.signal<[DecisionMessage]>(MESSAGES.decideSignal, message(decision)),
    async signal(decision) {
      const sent = message(decision);
      const taken = ({ id }: DecisionRecord): boolean => id === sent.id;
      await handle.signal<[DecisionMessage]>(MESSAGES.decideSignal, sent);
      const { decisions: known } = await until(`signal ${sent.id}`, (now) => now.decisions.some(taken));
      return known.find(taken)!;
    },
    async idle(what, isSo) {
      await until(what, isSo);
      await eventually({ what: `the last activity to end with ${what}`, deadlineMs: 60_000, everyMs: 50 }, async () => {
        const { raw } = await handle.describe();
        const isStill = (raw.pendingActivities ?? []).every(({ activityType }) => activityType?.name === 'watchSet');
        return isStill && !raw.pendingWorkflowTask && isSo(await state());
      });
      return await state();
    },
    async result() {
      const over = new AbortController();
      const late = pause(RESULT_MS, undefined, { signal: over.signal }).then(async () => {
        throw new Error(`waited for the end; the release is: ${JSON.stringify(await state())}`);
      });
      return (await Promise.race([handle.result(), late]).finally(() => over.abort())) as ReleaseResult;
    },
  };
}
