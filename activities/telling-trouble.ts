import { Context } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';
import { isAwaited } from '../release/progress/call-trouble.ts';
import type { CallTrouble } from '../release/progress/call-trouble.ts';
import { ClusterFailure } from './ports/failure.ts';
import type { Troubles } from './ports/troubles.ts';

/** An attempt that has lasted longer than any request may take has got through, in milliseconds. */
export const THROUGH_MS = 20_000;

/** A call without a limit of its own is shown to go on for so long, in milliseconds. */
const USUAL_LIMIT_MS = 15 * 60_000;

/**
 * The same activity, which tells its release when a call fails that will be made again. Attempt 1, 2, 4, 8 ... are told:
 * however long it lasts and however many batches have the same trouble, a history has room for it. An attempt that has got
 * through is told as well, for what lasts minutes would be said to wait for the API server until its end.
 */
export function tellingTrouble<Input, Output>(
  troubles: Troubles,
  run: (input: Input) => Promise<Output>,
): (input: Input) => Promise<Output> {
  return async (input) => {
    const { info } = Context.current();
    const { attempt, activityType } = info;
    if (!isAwaited(activityType)) return await run(input);
    const so = { hasGotThrough: false };
    const gotThrough = (): void => {
      so.hasGotThrough = true;
      if (attempt > 1) void troubles.tell(callOf(info));
    };
    const timer = setTimeout(gotThrough, THROUGH_MS);
    try {
      return await run(input);
    } catch (error) {
      const willBeRepeated = error instanceof ClusterFailure && error.retryable;
      if (willBeRepeated && (so.hasGotThrough || isTold(attempt))) await troubles.tell(callOf(info, error.message));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
}

/** 1, 2, 4, 8 ... */
function isTold(attempt: number): boolean {
  return Number.isInteger(Math.log2(attempt));
}

function callOf(info: Info, reason?: string): CallTrouble {
  const { activityType: activity, attempt, scheduledTimestampMs: scheduledAt, scheduleToCloseTimeoutMs: limit } = info;
  const until = scheduledAt + (limit || USUAL_LIMIT_MS);
  return { activity, attempt, scheduledAt, until, ...(reason === undefined ? {} : { reason }) };
}
