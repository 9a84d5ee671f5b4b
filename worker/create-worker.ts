import { Worker } from '@temporalio/worker';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import type { ActivityDependencies } from '../activities/index.ts';
import { taskQueueOf } from '../workflows/messages.ts';
import { workflowBundlePath } from './bundle.ts';
import { temporalReleases } from './temporal-releases.ts';

/** What a worker is made of. */
export interface HotwaveWorkerOptions extends ActivityDependencies {
  readonly connection: NativeConnection;
  /** Temporal's namespace; default `default`. */
  readonly namespace?: string;
  /** The cluster's name, which also names the task queue. */
  readonly clusterName: string;
  /** A bundle that was built already; default: the one of this version, see {@link workflowBundlePath}. */
  readonly bundlePath?: string;
  /** Turns worker versioning on: releases stay on the version they started with. */
  readonly buildId?: string | undefined;
  /** Activities that run at once; default 100. */
  readonly activitySlots?: number;
  /** Requests for workflow tasks, and for activities, that wait at Temporal at once; default 10, at least 2. */
  readonly pollers?: number;
}

/** A worker for one cluster, not running yet. Hotwave waits for others most of its time: fixed slots are enough. */
export async function createHotwaveWorker(options: HotwaveWorkerOptions): Promise<Worker> {
  const {
    connection,
    namespace = 'default',
    clusterName,
    bundlePath,
    buildId,
    activitySlots = 100,
    pollers = 10,
    ...dependencies
  } = options;
  const made: { worker?: Worker } = {};
  const isStopping = (): boolean => made.worker !== undefined && STOPPED_STATES.has(made.worker.getState());
  made.worker = await Worker.create({
    connection,
    namespace,
    taskQueue: taskQueueOf(clusterName),
    workflowBundle: { codePath: bundlePath ?? (await workflowBundlePath()) },
    activities: createActivities({ releases: temporalReleases(connection, namespace), ...dependencies, isStopping }),
    maxConcurrentActivityTaskExecutions: activitySlots,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxConcurrentActivityTaskPolls: pollers,
    maxConcurrentWorkflowTaskPolls: pollers,
    maxCachedWorkflows: 100,
    // A cancelled release hears of it with the next heartbeat that is really sent.
    maxHeartbeatThrottleInterval: '5s',
    // Together less than the pod's terminationGracePeriodSeconds of 60.
    shutdownGraceTime: '20s',
    shutdownForceTime: '50s',
    ...versioning(clusterName, buildId),
  });
  return made.worker;
}

const STOPPED_STATES: ReadonlySet<string> = new Set(['STOPPING', 'DRAINING', 'DRAINED', 'STOPPED', 'FAILED']);

function versioning(clusterName: string, buildId: string | undefined): Partial<WorkerOptions> {
  if (buildId === undefined) return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: taskQueueOf(clusterName), buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  };
}
