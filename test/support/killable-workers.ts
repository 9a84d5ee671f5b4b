import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Operation } from './fake-faults.ts';
import { asWriter } from './fake-writer.ts';
import type { Writer } from './fake-writer.ts';
import type { NamedSink } from './http-sinks.ts';
import type { Stage } from './stage.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';

/** A call of a worker in another process to the cluster in this one. */
export interface RemoteCall {
  readonly id: number;
  readonly clusterName: string;
  /** The attempt of the activity that calls. */
  readonly by: Writer;
  readonly operation: Operation;
  readonly parameters: readonly unknown[];
}

/** The result. */
export type RemoteAnswer = { readonly id: number } & (
  | { readonly kind: 'result'; readonly result: unknown }
  | {
      readonly kind: 'failure';
      readonly reason: ClusterFailure['reason'];
      readonly message: string;
      readonly retryable: boolean;
    }
);

/** Where the workers of the other process find Temporal and what they are called. */
export interface WorkersToStart {
  readonly address: string;
  readonly bundlePath: string;
  readonly clusterNames: readonly string[];
  /** The receivers of news. Default nobody, and there is no policy. */
  readonly sinks?: readonly NamedSink[];
}

/** The parts of a stage that the workers of the other process need. */
type RemoteStage = Pick<Stage, 'clusterName' | 'cluster' | 'calls'>;

/** One worker for each stage, all in one process that can be killed. */
export interface KillableWorkers {
  readonly pid: number;
  /** Ends the process as a lost machine does: nothing in it gets to run any more. */
  kill(): Promise<void>;
  /** Stops the process in its tracks, as a machine that is suspended: it keeps its connections and says nothing. */
  stop(): void;
  /** A stopped process goes on where it stood; resolves when none of its activities is at work any more. */
  wake(): Promise<void>;
}

/** Starts the process; resolves when its workers poll. */
export async function startKillableWorkers(
  stages: readonly RemoteStage[],
  temporal: Omit<WorkersToStart, 'clusterNames'>,
): Promise<KillableWorkers> {
  const program = fileURLToPath(new URL('killable-workers-main.ts', import.meta.url));
  const child = fork(program, { serialization: 'advanced', execArgv: ['--disable-warning=ExperimentalWarning'] });
  const ready = Promise.withResolvers<undefined>();
  const settled = Promise.withResolvers<undefined>();
  child.on('exit', (code, signal) =>
    ready.reject(new Error(`the workers ended before they ran (${code ?? signal ?? ''})`)),
  );
  child.on('message', (message: RemoteCall | 'ready' | 'settled') => {
    if (message === 'ready') ready.resolve(undefined);
    else if (message === 'settled') settled.resolve(undefined);
    else void answer(child, stages, message);
  });
  const start: WorkersToStart = { ...temporal, clusterNames: stages.map(({ clusterName }) => clusterName) };
  child.send(start);
  await ready.promise;
  return {
    pid: child.pid!,
    async kill() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    stop: () => void child.kill('SIGSTOP'),
    async wake() {
      child.kill('SIGCONT');
      child.send('settle');
      await settled.promise;
    },
  };
}

async function answer(child: ChildProcess, stages: readonly RemoteStage[], call: RemoteCall): Promise<void> {
  const { id, by, operation, parameters } = call;
  const { activity } = by;
  const { cluster, calls } = stages.find(({ clusterName }) => clusterName === call.clusterName)!;
  try {
    const run = cluster[operation].bind(cluster) as (...values: readonly unknown[]) => Promise<unknown>;
    const result = await calls.count(operation, parameters, async () => {
      await calls.pass({ activity, operation, when: 'before', parameters }, undefined);
      const outcome = await asWriter(by, () => run(...parameters));
      await calls.pass({ activity, operation, when: 'after', parameters }, undefined);
      return outcome;
    });
    send(child, { id, kind: 'result', result });
  } catch (error) {
    if (!(error instanceof ClusterFailure)) throw error;
    const { reason, message, retryable } = error;
    send(child, { id, kind: 'failure', reason, message, retryable });
  }
}

function send(child: ChildProcess, message: RemoteAnswer): void {
  // One that is killed just now hears nothing any more.
  if (child.connected) child.send(message, () => undefined);
}
