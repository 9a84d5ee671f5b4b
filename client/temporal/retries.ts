import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { ReleaseState } from '../../release/progress/state.ts';

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

/** The failures of the activities of a release now, each reason once, however many batches have it. */
export function retriesOf({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): readonly Retry[] {
  const failing = (raw.pendingActivities ?? [])
    .map(retryOf)
    .filter((retry) => retry.attempt > 1 && retry.reason !== '');
  // Of those with the same reason, the one that has been tried most.
  const ordered = failing.sort((left, right) => left.attempt - right.attempt);
  return [...new Map(ordered.map((retry) => [retry.reason, retry])).values()];
}

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

function retryOf({ activityType, attempt, lastFailure }: Pending): Retry {
  return { activity: activityType?.name ?? '', attempt: attempt ?? 1, reason: lastFailure?.message ?? '' };
}
