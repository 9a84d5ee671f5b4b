import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { defaultPayloadConverter } from '@temporalio/common';
import type { UnderWay } from '../../release/checks/under-way.ts';
import { readUnderWay, together } from '../../release/checks/under-way.ts';
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
  /** How far the step at work is, as its activities say: the state knows it when the step is over. */
  readonly underWay?: UnderWay | undefined;
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

/** How far the batches of the step at work are, as one; undefined where none of them says so. */
export function underWayOf({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): UnderWay | undefined {
  const said = (raw.pendingActivities ?? []).map(({ heartbeatDetails }) =>
    readUnderWay(detailsOf(heartbeatDetails?.payloads?.[0])),
  );
  return together(said.filter((batch) => batch !== undefined));
}

function detailsOf(payload: Payload | undefined): unknown {
  try {
    return payload && defaultPayloadConverter.fromPayload(payload);
  } catch {
    // Of a worker with another converter: it is only shown.
    return undefined;
  }
}

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

function retryOf({ activityType, attempt, lastFailure }: Pending): Retry {
  return { activity: activityType?.name ?? '', attempt: attempt ?? 1, reason: lastFailure?.message ?? '' };
}
