import { setTimeout as pause } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Metrics } from '../../activities/ports.ts';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import type { DecisionAnswer } from '../../release/decision.ts';
import { readReleaseFile, formatDiagnostic } from '../../release/diagnose.ts';
import type { ReleaseFile } from '../../release/spec.ts';
import { isFinal } from '../../release/state.ts';
import type { ReleaseState } from '../../release/state.ts';
import { createHotwaveWorker } from '../../worker/create-worker.ts';
import { MESSAGES, WORKFLOWS, releaseWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import type { DecisionMessage, ReleaseInput, ReleaseResult } from '../../workflows/messages.ts';
import type { Lab } from '../lab/lab.ts';

const CLUSTER = 'lab';

/** A release that a test has started. */
export interface StartedRelease {
  state(): Promise<ReleaseState>;
  decide(decision: Partial<DecisionMessage> & Pick<DecisionMessage, 'verb'>): Promise<DecisionAnswer>;
  /** Resolves with the first state that is as wanted. */
  until(what: string, isSo: (state: ReleaseState) => boolean, deadlineMs?: number): Promise<ReleaseState>;
  result(): Promise<ReleaseResult>;
}

/** A worker on a lab, under the rights that deploy/rbac.yaml gives, and a client to start releases with. */
export interface Hotwave {
  start(file: ReleaseFile, requester?: string): Promise<StartedRelease>;
  stop(): Promise<void>;
}

/** Starts a worker in this process against a lab; `metrics` is where its releases may ask for values. */
export async function startHotwave(lab: Lab, metrics?: Metrics): Promise<Hotwave> {
  const cluster = kubernetesCluster({ path: lab.kubeconfigOf('hotwave') });
  const native = await NativeConnection.connect({ address: lab.temporal.address });
  const worker = await createHotwaveWorker({ connection: native, clusterName: CLUSTER, cluster, metrics });
  const running = worker.run();
  const connection = await Connection.connect({ address: lab.temporal.address });
  const client = new Client({ connection });
  return {
    start: (file, requester = 'tester') => startRelease(client, file, requester),
    async stop() {
      worker.shutdown();
      await running;
      await Promise.all([native.close(), connection.close(), cluster.close()]);
    },
  };
}

async function startRelease(client: Client, file: ReleaseFile, requester: string): Promise<StartedRelease> {
  const { namespace, gameServerSet: name } = file.spec.target;
  const input: ReleaseInput = { v: 1, file, cluster: CLUSTER, requester };
  const handle = await client.workflow.start(WORKFLOWS.hotUpdate, {
    workflowId: releaseWorkflowId(CLUSTER, { namespace, name }),
    workflowIdConflictPolicy: 'FAIL',
    taskQueue: taskQueueOf(CLUSTER),
    args: [input],
  });
  const state = (): Promise<ReleaseState> => handle.query<ReleaseState>(MESSAGES.state);
  const until: StartedRelease['until'] = async (what, isSo, deadlineMs = 90_000) => {
    for (const deadline = Date.now() + deadlineMs; ;) {
      const now = await state();
      if (isSo(now)) return now;
      if (Date.now() > deadline) throw new Error(`waited for ${what}; the release is: ${JSON.stringify(now)}`);
      await pause(50);
    }
  };
  let decisions = 0;
  return {
    state,
    until,
    decide: (decision) =>
      handle.executeUpdate<DecisionAnswer, [DecisionMessage]>(MESSAGES.decide, {
        args: [
          { id: `test-${++decisions}`, release: file.metadata.name, actor: 'approver', channel: 'test', ...decision },
        ],
      }),
    async result() {
      await until('the end', ({ phase }) => isFinal(phase));
      return (await handle.result()) as ReleaseResult;
    },
  };
}

/** A release file from YAML, as a person would write it. */
export function releaseFrom(yaml: string): ReleaseFile {
  const reading = readReleaseFile(yaml);
  if ('release' in reading) return reading.release;
  throw new Error(reading.diagnostics.map((diagnostic) => formatDiagnostic('release.yaml', diagnostic)).join('\n'));
}
