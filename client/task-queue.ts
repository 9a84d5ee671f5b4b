import type { Connection } from '@temporalio/client';
import { taskQueueOf } from '../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { EXIT } from './exit-codes.ts';
import { ExitError } from './exit-error.ts';

type QueueKind = NonNullable<Parameters<Connection['workflowService']['describeTaskQueue']>[0]['taskQueueType']>;

/** `temporal.api.enums.v1.TaskQueueType`; the SDK offers the enum only from a package of its own. */
const KINDS = { workflows: 1 as QueueKind, activities: 2 as QueueKind };

/** Temporal remembers a poller for five minutes; a poll lasts one. Older ones belong to workers that have gone. */
const STALE = 75_000;

/** Who takes work for a cluster, by kind of work. */
export interface Pollers {
  readonly workflows: readonly string[];
  readonly activities: readonly string[];
}

/** The workers that poll a cluster's task queue. */
export async function readPollers(temporal: Temporal, cluster: string, now: number): Promise<Pollers> {
  const [workflows, activities] = await Promise.all([
    pollersOf(temporal, cluster, { kind: KINDS.workflows, now }),
    pollersOf(temporal, cluster, { kind: KINDS.activities, now }),
  ]);
  return { workflows, activities };
}

async function pollersOf(
  { connection, namespace, call }: Temporal,
  cluster: string,
  { kind, now }: { readonly kind: QueueKind; readonly now: number },
): Promise<string[]> {
  const { pollers } = await call(() =>
    connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: taskQueueOf(cluster) },
      taskQueueType: kind,
    }),
  );
  return pollers
    .filter(({ lastAccessTime }) => now - Number(lastAccessTime?.seconds ?? 0) * 1_000 < STALE)
    .map(({ identity }) => identity ?? 'unnamed');
}

/** Refuses, before anything is started, when nobody would do the work. */
export async function demandWorker(temporal: Temporal, cluster: string, now: number): Promise<void> {
  const { workflows, activities } = await readPollers(temporal, cluster, now);
  if (workflows.length > 0 && activities.length > 0) return;
  throw new ExitError(
    EXIT.unreachable,
    `no worker for cluster ${cluster} polls ${taskQueueOf(cluster)} in namespace ${temporal.namespace}`,
    [
      `start one: hotwave worker --cluster ${cluster}`,
      'is it the right cluster? --cluster or HOTWAVE_CLUSTER says which',
    ],
  );
}
