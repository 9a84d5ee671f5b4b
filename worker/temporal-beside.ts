import { Client } from '@temporalio/client';
import pLimit from 'p-limit';
import type { MonitorState } from '../release/monitor/monitor.ts';
import type { Undelivered } from '../release/notices/undelivered.ts';
import { COURIER_MESSAGES, MESSAGES, couriersPrefix, monitorsPrefix } from '../workflows/messages.ts';
import type { Answers, BesideReleases } from './beside-metrics.ts';
import type { WorkersTemporal } from './workers-temporal.ts';

/** Long enough for a busy Temporal, in milliseconds. */
const CALL_MS = 10_000;
/** More workflows of a kind than this are not asked: it is what a worker keeps in its cache. */
const MOST_ASKED = 100;
const ASKED_AT_ONCE = 5;

/** The couriers and monitors of a Temporal namespace, over the connection of a worker. */
export function temporalBeside(temporal: WorkersTemporal): BesideReleases {
  const { connection } = temporal;
  const client = new Client(temporal);
  const call = <Result>(requests: () => Promise<Result>): Promise<Result> =>
    connection.withDeadline(Date.now() + CALL_MS, requests);

  /** Those that began last. */
  const running = async (prefix: string): Promise<readonly string[]> => {
    const query = `ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '${prefix.replaceAll("'", '')}'`;
    const found: string[] = [];
    await call(async () => {
      for await (const { workflowId } of client.workflow.list({ query, pageSize: MOST_ASKED }))
        if (found.push(workflowId) === MOST_ASKED) break;
    });
    return found;
  };

  const answersOf = async <Answer>(prefix: string, query: string): Promise<Answers<Answer>> => {
    const asked = await pLimit(ASKED_AT_ONCE).map(await running(prefix), (workflowId) =>
      call(() => client.workflow.getHandle(workflowId).query<Answer>(query)).catch(() => undefined),
    );
    const answers = asked.filter((answer) => answer !== undefined) as Answer[];
    return { answers, silent: asked.length - answers.length };
  };

  return {
    couriers: (cluster) => answersOf<Undelivered>(couriersPrefix(cluster), COURIER_MESSAGES.undelivered),
    monitors: (cluster) => answersOf<MonitorState>(monitorsPrefix(cluster), MESSAGES.state),
  };
}
