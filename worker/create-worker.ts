import { Worker } from '@temporalio/worker';
import type { NativeConnection, WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import type { ActivityDependencies } from '../activities/index.ts';
import { httpNoticeSender } from '../cluster/http-sink.ts';
import type { CourierInput } from '../workflows/messages.ts';
import { temporalCouriers } from './temporal-couriers.ts';
import { taskQueueOf, watchQueueOf } from '../workflows/messages.ts';
import { questionActivities } from './questions.ts';
import { hidingBundle, workflowBundlePath } from './bundle.ts';
import { converterOf } from '../codec/data-converter.ts';
import type { KeyRingSource } from '../codec/key-ring.ts';
import { temporalHeartbeats } from './temporal-heartbeats.ts';
import { temporalReleases } from './temporal-releases.ts';
import { temporalTroubles } from './temporal-troubles.ts';

/** The parts of a worker. */
export interface HotwaveWorkerOptions extends Omit<ActivityDependencies, 'heartbeats'> {
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
  /** How couriers wait, and how long their runs are; for tests. */
  readonly courierTimes?: Pick<CourierInput, 'backOff' | 'mostEvents'>;
  /** The keys that payloads are encrypted with; default: they are not. */
  readonly keys?: KeyRingSource | undefined;
}

/** A worker for one cluster as its process sees it. */
export interface HotwaveWorker extends Pick<Worker, 'getState' | 'getStatus' | 'shutdown'> {
  /** Works until it is shut down, or until a part of it fails: then it ends as a whole, with that failure. */
  run(): Promise<void>;
}

/** Watches that are held at once: they cost little, as they wait for others. */
const WATCH_SLOTS = 1_000;

/**
 * A worker for one cluster, not running yet. Hotwave waits for others most of its time: fixed slots are enough.
 * Long-lived watches have a queue and slots of their own, so that many of them never keep a short call waiting.
 */
export async function createHotwaveWorker(options: HotwaveWorkerOptions): Promise<HotwaveWorker> {
  const {
    connection,
    namespace = 'default',
    clusterName,
    bundlePath,
    buildId,
    activitySlots = 100,
    pollers = 10,
    courierTimes = {},
    keys,
    ...dependencies
  } = options;
  const made: { worker?: Worker } = {};
  const isStopping = (): boolean => made.worker !== undefined && STOPPED_STATES.has(made.worker.getState());
  const taskQueue = taskQueueOf(clusterName);
  const dataConverter = converterOf(keys);
  const temporal = { connection, namespace, dataConverter };
  const activities = createActivities({
    releases: temporalReleases(temporal),
    heartbeats: temporalHeartbeats,
    troubles: temporalTroubles,
    couriers: temporalCouriers(temporal, courierTimes),
    sender: httpNoticeSender(),
    ...dependencies,
    isStopping,
  });
  const common: Omit<WorkerOptions, 'taskQueue'> = {
    ...temporal,
    activities: { ...activities, ...questionActivities(activities) },
    maxConcurrentActivityTaskPolls: pollers,
    // An interrupted activity hears of it with the next heartbeat that is really sent; what comes after waits for that.
    maxHeartbeatThrottleInterval: '1s',
    // Together less than the pod's terminationGracePeriodSeconds of 60.
    shutdownGraceTime: '20s',
    shutdownForceTime: '50s',
    ...versioning(clusterName, buildId),
  };
  const codePath = bundlePath ?? (await workflowBundlePath());
  made.worker = await Worker.create({
    ...common,
    taskQueue,
    workflowBundle: keys ? { code: await hidingBundle(codePath) } : { codePath },
    maxConcurrentActivityTaskExecutions: activitySlots,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxConcurrentWorkflowTaskPolls: pollers,
    maxCachedWorkflows: 100,
  });
  const watches = await Worker.create({
    ...common,
    taskQueue: watchQueueOf(taskQueue),
    maxConcurrentActivityTaskExecutions: WATCH_SLOTS,
  });
  return asOne(made.worker, watches);
}

/** Both work as long as both do. */
function asOne(worker: Worker, watches: Worker): HotwaveWorker {
  const shutdown = (): void => {
    for (const one of [worker, watches]) if (one.getState() === 'RUNNING') one.shutdown();
  };
  return {
    async run() {
      const runs = [worker, watches].map((one) => one.run().finally(shutdown));
      const failed = (await Promise.allSettled(runs)).find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
    },
    shutdown,
    getState: () => worker.getState(),
    getStatus: () => worker.getStatus(),
  };
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
