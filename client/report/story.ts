import type { WorkflowHandle } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import { unpackServers } from '../../release/fleet/server-rows.ts';
import type { ServerRows } from '../../release/fleet/server-rows.ts';
import type { Direction } from '../../release/checks/server.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';

/** A piece of work of a release: from its first attempt to its end. */
export interface Work {
  readonly activity: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  /** Absent while it runs. */
  readonly to?: number | undefined;
  /** The servers that it was about; absent where it was about the set. */
  readonly servers?: readonly string[] | undefined;
  /** It was part of the way back. */
  readonly isBack?: boolean | undefined;
  /** Why it ended without a result. */
  readonly failure?: string | undefined;
}

/** The history of one run, as Temporal gives it. */
export type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** The work in the histories of all runs of a release, in the order in which it began. */
export async function worksOf(
  histories: readonly History[],
  set: Pick<SetRef, 'name'>,
  converter: LoadedDataConverter,
): Promise<readonly Work[]> {
  const works = await Promise.all(histories.map((history) => worksOfRun(history.events ?? [], set, converter)));
  return works.flat().sort((left, right) => left.from - right.from);
}

async function worksOfRun(
  events: readonly HistoryEvent[],
  set: Pick<SetRef, 'name'>,
  converter: LoadedDataConverter,
): Promise<readonly Work[]> {
  const works = new Map<string, Work>();
  for (const event of events) {
    const begun = await begunBy(event, set, converter);
    if (begun) works.set(String(event.eventId), begun);
    const end = endIn(event);
    const work = works.get(String(end?.scheduledEventId ?? ''));
    if (!work || !end) continue;
    const failure = await decodeOptionalFailureToOptionalError(converter, 'failure' in end ? end.failure : undefined);
    works.set(String(end.scheduledEventId), {
      ...work,
      to: timeOf(event),
      failure: failure && deepest(failure).message,
    });
  }
  return [...works.values()];
}

async function begunBy(
  event: HistoryEvent,
  set: Pick<SetRef, 'name'>,
  converter: LoadedDataConverter,
): Promise<Work | undefined> {
  const { activityTaskScheduledEventAttributes: scheduled } = event;
  if (!scheduled) return undefined;
  const input = await decodeArrayFromPayloads(converter, scheduled.input?.payloads).catch(() => []);
  return {
    activity: scheduled.activityType?.name ?? '',
    from: timeOf(event),
    servers: serversIn(input[0], set),
    isBack: (input[0] as { readonly direction?: unknown } | undefined)?.direction === ('rollback' satisfies Direction),
  };
}

function endIn({
  activityTaskCompletedEventAttributes: completed,
  activityTaskFailedEventAttributes: failed,
  activityTaskTimedOutEventAttributes: late,
  activityTaskCanceledEventAttributes: cancelled,
}: HistoryEvent) {
  return completed ?? failed ?? late ?? cancelled ?? undefined;
}

function deepest(error: Error): Error {
  return error.cause instanceof Error ? deepest(error.cause) : error;
}

/** An activity over servers gets them packed; one about the set gets none. */
function serversIn(input: unknown, set: Pick<SetRef, 'name'>): readonly string[] | undefined {
  const rows = (input as { readonly servers?: unknown } | undefined)?.servers;
  if (typeof rows !== 'string') return undefined;
  try {
    return unpackServers(set, rows as ServerRows).map(({ name }) => name);
  } catch {
    return undefined;
  }
}

function timeOf({ eventTime }: HistoryEvent): number {
  return Number(eventTime?.seconds ?? 0) * 1_000 + Math.floor((eventTime?.nanos ?? 0) / 1_000_000);
}
