import { pointInTime } from '../../release/decisions/halt.ts';
import { COURIER_MESSAGES } from '../../workflows/messages.ts';
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
    const handle = temporal.client.workflow.getHandle(courierId);
    return undeliveredText(
      await temporal.call(() => handle.query<Undelivered>(COURIER_MESSAGES.undelivered), TIMEOUT),
    ).map((line) => plainText(line));
  } catch {
    return [];
  }
}

/** What a courier says, in words. */
export function undeliveredText({ sinks, unsorted, problem, unreadable }: Undelivered): readonly string[] {
  return [
    ...sinks.flatMap(({ sink, waiting, since, trouble, dropped }) => [
      ...(waiting > 0
        ? [
            `${sink} was not told ${noticesOf(waiting)}${since === undefined ? '' : ` since ${pointInTime(since)}`}${trouble === undefined ? '' : `: ${trouble}`}`,
          ]
        : []),
      ...(dropped > 0 ? [`${sink} was never told ${noticesOf(dropped)}, which were given up`] : []),
    ]),
    ...(unsorted > 0 && problem !== undefined ? [`nobody was told ${noticesOf(unsorted)}: ${problem}`] : []),
    ...(unreadable > 0 ? [`${unreadable} unreadable messages to the courier`] : []),
  ];
}

function noticesOf(count: number): string {
  return count === 1 ? '1 notice' : `${count} notices`;
}
