import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { ReleaseState } from '../release/state.ts';

/** Work of a release that has failed and is tried again. */
export interface Retry {
  readonly activity: string;
  /** The attempt that is under way or comes next, from 2. */
  readonly attempt: number;
  readonly reason: string;
}

/** A release with what it is failing at, which it cannot know itself: only Temporal sees attempts. */
export interface SeenRelease extends ReleaseState {
  readonly retrying?: readonly Retry[];
}

/** What the activities of a release fail at now, each reason once, however many batches have it. */
export function retriesOf({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): readonly Retry[] {
  const retries = new Map<string, Retry>();
  for (const { activityType, attempt, lastFailure } of raw.pendingActivities ?? []) {
    const reason = lastFailure?.message ?? '';
    if (reason === '' || (attempt ?? 1) < 2 || (retries.get(reason)?.attempt ?? 0) >= (attempt ?? 1)) continue;
    retries.set(reason, { activity: activityType?.name ?? 'an activity', attempt: attempt ?? 1, reason });
  }
  return [...retries.values()];
}
