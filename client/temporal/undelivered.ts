import { counted } from '../../release/spec/counted.ts';
import pLimit from 'p-limit';
import { pointInTime } from '../../release/decisions/halt.ts';
import { COURIER_MESSAGES, couriersPrefix } from '../../workflows/messages.ts';
import type { Undelivered } from '../../workflows/messages.ts';
import { plainText } from '../terminal/untrusted.ts';
import type { Temporal } from './connect.ts';

/** As long as a person waits for the state of a release, in milliseconds. */
const TIMEOUT = 3_000;

/**
 * One sentence for each sink that has not got everything of a set, as its courier says it. Best effort: nothing where there is
 * no courier, or nobody answers for it.
 */
export async function undeliveredLines(temporal: Temporal, courierId: string): Promise<readonly string[]> {
  try {
    return undeliveredText(await ask(temporal, courierId)).map((line) => plainText(line));
  } catch {
    return [];
  }
}

/** More couriers than this are not asked, and so many at once. */
const MOST_COURIERS = 200;
const ASKED_AT_ONCE = 10;

/** The answers of the running couriers of a cluster. */
export interface AskedCouriers {
  readonly answers: readonly Undelivered[];
  /** The workflow ids of those that gave no answer. */
  readonly silent: readonly string[];
  /** There are more, which were not asked. */
  readonly hasMore: boolean;
}

/** Asks the couriers of a cluster, those that began last first. */
export async function askCouriers(temporal: Temporal, cluster: string): Promise<AskedCouriers> {
  const prefix = couriersPrefix(cluster).replaceAll("'", '');
  const query = `ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '${prefix}'`;
  const ids: string[] = [];
  await temporal.call(async () => {
    for await (const { workflowId } of temporal.client.workflow.list({ query, pageSize: MOST_COURIERS + 1 }))
      if (ids.push(workflowId) > MOST_COURIERS) break;
  });
  const asked = ids.slice(0, MOST_COURIERS);
  const answers = await pLimit(ASKED_AT_ONCE).map(asked, (id) => ask(temporal, id).catch(() => undefined));
  return {
    answers: answers.filter((answer) => answer !== undefined),
    silent: asked.filter((_, index) => answers[index] === undefined),
    hasMore: ids.length > MOST_COURIERS,
  };
}

async function ask(temporal: Temporal, courierId: string): Promise<Undelivered> {
  const handle = temporal.client.workflow.getHandle(courierId);
  return await temporal.call(() => handle.query<Undelivered>(COURIER_MESSAGES.undelivered), TIMEOUT);
}

/** The state of a courier, in words. */
export function undeliveredText({ sinks, unsorted, problem, unreadable }: Undelivered): readonly string[] {
  return [
    ...sinks.flatMap(({ sink, waiting, since, trouble, dropped }) => [
      ...(waiting > 0
        ? [
            `${sink} was not told ${noticesOf(waiting)}${since === undefined ? '' : ` since ${pointInTime(since)}`}${trouble === undefined ? '' : `: ${trouble}`}`,
          ]
        : []),
      ...(dropped > 0
        ? [
            `${sink} was never told ${noticesOf(dropped)}, which were given up${waiting > 0 || trouble === undefined ? '' : `: ${trouble}`}`,
          ]
        : []),
    ]),
    ...(unsorted > 0 && problem !== undefined ? [`nobody was told ${noticesOf(unsorted)}: ${problem}`] : []),
    ...(unreadable > 0 ? [`${counted(unreadable, 'unreadable message')} to the courier`] : []),
  ];
}

function noticesOf(count: number): string {
  return count === 1 ? '1 notice' : `${count} notices`;
}
