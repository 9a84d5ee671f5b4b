import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { LoadedDataConverter, Payload } from '@temporalio/common';
import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
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
export async function retriesOf(
  { raw }: Pick<WorkflowExecutionDescription, 'raw'>,
  converter: LoadedDataConverter,
): Promise<readonly Retry[]> {
  const pending = await Promise.all((raw.pendingActivities ?? []).map((one) => retryOf(one, converter)));
  const failing = pending.filter((retry) => retry.attempt > 1 && retry.reason !== '');
  // Of those with the same reason, the one that has been tried most.
  const ordered = failing.sort((left, right) => left.attempt - right.attempt);
  return [...new Map(ordered.map((retry) => [retry.reason, retry])).values()];
}

/** How far the batches of the step at work are, as one; undefined where none of them says so. */
export async function underWayOf(
  { raw }: Pick<WorkflowExecutionDescription, 'raw'>,
  converter: LoadedDataConverter,
): Promise<UnderWay | undefined> {
  const pending = raw.pendingActivities ?? [];
  const said = await Promise.all(
    pending.map(async ({ heartbeatDetails }) => readUnderWay(await detailsOf(heartbeatDetails?.payloads, converter))),
  );
  return together(said.filter((batch) => batch !== undefined));
}

async function detailsOf(payloads: Payload[] | null | undefined, converter: LoadedDataConverter): Promise<unknown> {
  // Of a worker with another converter: it is only shown.
  const [details] = await decodeArrayFromPayloads(converter, payloads).catch(() => []);
  return details;
}

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** The words of a failure may be encrypted. */
async function retryOf(
  { activityType, attempt, lastFailure }: Pending,
  converter: LoadedDataConverter,
): Promise<Retry> {
  const failure = await decodeOptionalFailureToOptionalError(converter, lastFailure);
  return { activity: activityType?.name ?? '', attempt: attempt ?? 1, reason: failure?.message ?? '' };
}
