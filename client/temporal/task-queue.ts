import { commandLine } from '../../release/narrate/shell.ts';
import type { Connection } from '@temporalio/client';
import { taskQueueOf } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';

type Request = Parameters<Connection['workflowService']['describeTaskQueue']>[0];

/** `temporal.api.enums.v1.TaskQueueType`. */
const KINDS = { workflows: 1, activities: 2 };

/** Temporal remembers a poller for five minutes; a poll lasts one. Older ones belong to workers that have gone. */
const STALE = 75_000;

/** The workers for a cluster, by kind of work. */
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
  { kind, now }: { readonly kind: number; readonly now: number },
): Promise<string[]> {
  // The SDK exports the type of the enum's values, but the enum itself only from a package of its own.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
  const request = { namespace, taskQueue: { name: taskQueueOf(cluster) }, taskQueueType: kind } as Request;
  const { pollers } = await call(() => connection.workflowService.describeTaskQueue(request));
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
      `start one: ${commandLine('worker', '--cluster', cluster)}`,
      'is it the right cluster? --cluster or HOTWAVE_CLUSTER says which',
    ],
  );
}
