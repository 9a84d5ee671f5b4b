import type { WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** When one activity of a release was wanted, begun and done, as Temporal recorded it; milliseconds since 1970. */
export interface ActivityTimes {
  readonly activity: string;
  readonly scheduled: number;
  readonly started: number;
  readonly completed: number;
}

/** The activities of a history that completed, in the order in which they were scheduled. */
export function activityTimes({ events }: History): ActivityTimes[] {
  const scheduled = new Map<string, { readonly activity: string; readonly at: number }>();
  const started = new Map<string, number>();
  const times: ActivityTimes[] = [];
  for (const event of events ?? []) {
    const at = milliseconds(event.eventTime);
    const { activityTaskScheduledEventAttributes: wanted, activityTaskStartedEventAttributes: begun } = event;
    const done = event.activityTaskCompletedEventAttributes;
    if (wanted) scheduled.set(String(event.eventId), { activity: wanted.activityType?.name ?? '', at });
    if (begun) started.set(String(begun.scheduledEventId), at);
    const origin = done && scheduled.get(String(done.scheduledEventId));
    if (!origin) continue;
    const { activity, at: since } = origin;
    times.push({
      activity,
      scheduled: since,
      started: started.get(String(done.scheduledEventId)) ?? since,
      completed: at,
    });
  }
  return times.sort((left, right) => left.scheduled - right.scheduled);
}

function milliseconds(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;
}
