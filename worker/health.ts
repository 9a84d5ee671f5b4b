import type { NativeConnection } from '@temporalio/worker';
import type { Answered } from './connect.ts';
import type { HotwaveWorker } from './create-worker.ts';
import type { BesideLook } from './beside-metrics.ts';
import type { LazyLook } from './lazy-look.ts';
import type { Look } from './release-metrics.ts';

/** One named thing that must hold, and what was found. */
export interface HealthCheck {
  readonly title: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** The state of a worker while it starts, runs and ends. */
export interface HealthSources {
  /** Undefined while Temporal is not connected. */
  worker: HotwaveWorker | undefined;
  connection: NativeConnection | undefined;
  /** The metrics of the running releases; undefined while Temporal is not connected. */
  releases?: LazyLook<Look> | undefined;
  /** The same of couriers and monitors. */
  beside?: LazyLook<BesideLook> | undefined;
  cluster: () => Answered;
}

const answerTimeoutMs = 1_000;

/** Whether the process should be left alone: that it answers shows that its event loop turns. */
export function liveness({ worker }: HealthSources): HealthCheck[] {
  const state = worker?.getState() ?? 'starting';
  return [{ title: 'worker', ok: state !== 'FAILED', detail: state }];
}

/**
 * Whether releases make progress here now. Temporal is asked each time. The API server only has to have answered once:
 * when it fails later, activities wait and say so in the release, and a worker that is restarted helps nobody.
 */
export async function readiness(sources: HealthSources): Promise<HealthCheck[]> {
  const { answered, reason } = sources.cluster();
  return [
    ...workerChecks(sources.worker),
    await temporalCheck(sources.connection),
    { title: 'cluster', ok: answered, detail: reason },
  ];
}

function workerChecks(worker: HotwaveWorker | undefined): HealthCheck[] {
  if (!worker) return [{ title: 'worker', ok: false, detail: 'starting' }];
  const { runState, workflowPollerState, activityPollerState } = worker.getStatus();
  return [
    { title: 'worker', ok: runState === 'RUNNING', detail: runState },
    { title: 'workflow poller', ok: workflowPollerState === 'POLLING', detail: workflowPollerState },
    { title: 'activity poller', ok: activityPollerState === 'POLLING', detail: activityPollerState },
  ];
}

async function temporalCheck(connection: NativeConnection | undefined): Promise<HealthCheck> {
  if (!connection) return { title: 'temporal', ok: false, detail: 'not connected yet' };
  try {
    await connection.withDeadline(Date.now() + answerTimeoutMs, () => connection.workflowService.getSystemInfo({}));
    return { title: 'temporal', ok: true, detail: 'answers' };
  } catch {
    return { title: 'temporal', ok: false, detail: `no answer within ${answerTimeoutMs} ms` };
  }
}
