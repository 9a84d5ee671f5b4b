import type { ActivityInterfaceFor } from '@temporalio/workflow';
import { ActivityCancellationType, CancellationScope, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { agreeing } from '../release/narrate/narrate.ts';

/** Summaries in the Temporal UI are one line of at most 400 bytes. */
const SUMMARY_LIMIT = 200;

/** Activities, each call of which shows `summary` in the Temporal UI. */
type Calls = ActivityInterfaceFor<Activities>;

const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

/** How long a question may take in all, in milliseconds; plans of ten thousand servers take seconds. */
export const QUESTION_MS = 15 * 60_000;

/**
 * Questions that somebody waits for while nothing has been written: asked three times at most, because trouble that
 * lasts is then the answer.
 */
export function question(summary: string): Calls {
  return proxyActivities<Activities>({
    startToCloseTimeout: '10m',
    scheduleToCloseTimeout: QUESTION_MS,
    heartbeatTimeout: '20s',
    retry: { ...RETRY, maximumAttempts: 3 },
    summary: summary.slice(0, SUMMARY_LIMIT),
  });
}

/** How long a short call may take in all, in milliseconds, trouble of the API server included. */
export const QUICK_MS = 15 * 60_000;

/**
 * Short calls: a read or a guarded write and its acceptance. An API server that is away for minutes is waited for; the
 * release then pauses with the reason instead of failing.
 */
export function quick(summary: string): Calls {
  return proxyActivities<Activities>({
    startToCloseTimeout: '10m',
    scheduleToCloseTimeout: QUICK_MS,
    heartbeatTimeout: '20s',
    retry: RETRY,
    summary: agreeing(summary).slice(0, SUMMARY_LIMIT),
  });
}

/** Calls that watch or work through a batch until a deadline that they are given; `limit` is that time in milliseconds. */
export function lasting(summary: string, limit: number): Calls {
  return proxyActivities<Activities>({
    startToCloseTimeout: limit + 5 * 60_000,
    scheduleToCloseTimeout: limit + 15 * 60_000,
    heartbeatTimeout: '20s',
    retry: RETRY,
    summary: agreeing(summary).slice(0, SUMMARY_LIMIT),
  });
}

/**
 * Calls that a person at a terminal waits for: a cluster that does not answer is said soon rather than waited for;
 * `limit` is the longest that one try may take, in milliseconds.
 */
export function asked(summary: string, limit: number): Calls {
  return proxyActivities<Activities>({
    startToCloseTimeout: limit,
    heartbeatTimeout: '20s',
    retry: { ...RETRY, maximumAttempts: 3 },
    summary: agreeing(summary).slice(0, SUMMARY_LIMIT),
  });
}

/**
 * A write of the set that neither a decision nor Temporal's cancel interrupts: one whose end nobody waited for would
 * leave unknown how the set is held, and it could then neither be frozen nor put back.
 */
export function toItsEnd<Result>(write: () => Promise<Result>): Promise<Result> {
  return CancellationScope.nonCancellable(write);
}

/**
 * Watches that change nothing: whoever interrupts one need not wait for its end. `limit` is its time in milliseconds, and
 * a worker that is silent for `silence` is taken for dead, so that another one goes on.
 */
export function watching(summary: string, limit: number, silence: '12s' | '30s' = '30s'): Calls {
  return proxyActivities<Activities>({
    startToCloseTimeout: limit + 5 * 60_000,
    scheduleToCloseTimeout: limit + 15 * 60_000,
    heartbeatTimeout: silence,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: RETRY,
    summary: summary.slice(0, SUMMARY_LIMIT),
  });
}
