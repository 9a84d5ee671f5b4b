import { Client } from '@temporalio/client';
import type { Couriers } from '../activities/ports/couriers.ts';
import { COURIER_MESSAGES, WORKFLOWS, courierWorkflowId, taskQueueOf } from '../workflows/messages.ts';
import type { CourierInput } from '../workflows/messages.ts';
import type { WorkersTemporal } from './workers-temporal.ts';

/** Long enough for a busy Temporal, in milliseconds. */
const CALL_MS = 10_000;

/** The couriers of a Temporal namespace, over the connection of a worker. `times` are of tests. */
export function temporalCouriers(
  temporal: WorkersTemporal,
  times: Pick<CourierInput, 'backOff' | 'mostEvents'> = {},
): Couriers {
  const { connection } = temporal;
  const client = new Client(temporal);
  return {
    async tell({ cluster, set, notices }) {
      const input: CourierInput = { v: 1, cluster, set, ...times };
      await connection.withDeadline(Date.now() + CALL_MS, () =>
        client.workflow.signalWithStart(WORKFLOWS.courier, {
          workflowId: courierWorkflowId(cluster, set),
          taskQueue: taskQueueOf(cluster),
          args: [input],
          signal: COURIER_MESSAGES.tell,
          signalArgs: [{ v: 1, notices }],
          staticSummary: `brings notices of ${set.namespace}/${set.name} to people`,
        }),
      );
    },
  };
}
