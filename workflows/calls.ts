import type { ActivityInterfaceFor, ActivityOptions } from '@temporalio/workflow';
import { ActivityCancellationType, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { watchQueueOf } from './messages.ts';

/** Summaries in the Temporal UI are one line of at most 400 bytes. */
const SUMMARY_LIMIT = 200;

/** Activities, each call of which shows `summary` in the Temporal UI. */
type Calls = ActivityInterfaceFor<Activities>;

/** Options that say what an interrupted call means. Unset, the SDK goes on at once while the activity still writes. */
type Profile = ActivityOptions & Required<Pick<ActivityOptions, 'cancellationType' | 'heartbeatTimeout'>>;

const RETRY = { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' } as const;

/** The call after an interrupted one begins when its last write has ended. */
const WHEN_IT_HAS_ENDED = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** A call that changes nothing is left alone: whoever interrupts it goes on at once. */
const AT_ONCE = ActivityCancellationType.TRY_CANCEL;

/** How long a question may take in all, in milliseconds; plans of ten thousand servers take seconds. */
export const QUESTION_MS = 15 * 60_000;

/** How long a short call may take in all, in milliseconds, trouble of the API server included. */
const QUICK_MS = 15 * 60_000;

/** How long one try of a short call may take, in milliseconds. */
const QUICK_TRY_MS = 10 * 60_000;

/** How long a worker may be silent before it is taken for dead. A lease to write is half of it (decision 0017). */
const SILENCE = '20s';

function within(limit: number): Pick<ActivityOptions, 'startToCloseTimeout' | 'scheduleToCloseTimeout' | 'retry'> {
  return { startToCloseTimeout: limit + 5 * 60_000, scheduleToCloseTimeout: limit + 15 * 60_000, retry: RETRY };
}

/** How each kind of call is carried out; `limit` is the longest that its work takes, in milliseconds. */
export const PROFILES = {
  /** Reads that somebody waits for while nothing has been written: trouble that lasts is then the answer. */
  question: () => ({
    startToCloseTimeout: '10m',
    scheduleToCloseTimeout: QUESTION_MS,
    heartbeatTimeout: SILENCE,
    cancellationType: AT_ONCE,
    retry: { ...RETRY, maximumAttempts: 3 },
  }),
  /** Reads that a person at a terminal waits for: a cluster that does not answer is said soon. */
  asked: (limit: number) => ({
    startToCloseTimeout: limit,
    heartbeatTimeout: SILENCE,
    cancellationType: AT_ONCE,
    retry: { ...RETRY, maximumAttempts: 3 },
  }),
  /** Any activity that may write to the cluster, or send something to a server. */
  writing: (limit: number) => ({ ...within(limit), heartbeatTimeout: SILENCE, cancellationType: WHEN_IT_HAS_ENDED }),
  /** Reads and checks. */
  reading: (limit: number) => ({ ...within(limit), heartbeatTimeout: SILENCE, cancellationType: AT_ONCE }),
  /** Watches that change nothing; a worker that is silent for `silence` is taken for dead, and another one goes on. */
  watching: (limit: number, silence: '12s' | '30s') => ({
    ...within(limit),
    heartbeatTimeout: silence,
    cancellationType: AT_ONCE,
  }),
  /** Notices for the courier of a set. */
  handingOver: () => ({
    startToCloseTimeout: '30s',
    heartbeatTimeout: SILENCE,
    cancellationType: AT_ONCE,
    retry: RETRY,
  }),
  /** One try to deliver a notice. */
  delivering: () => ({
    startToCloseTimeout: '30s',
    heartbeatTimeout: SILENCE,
    cancellationType: AT_ONCE,
    retry: { maximumAttempts: 1 },
  }),
  /** Watches that send decisions. */
  holding: (limit: number) => ({ ...within(limit), heartbeatTimeout: SILENCE, cancellationType: WHEN_IT_HAS_ENDED }),
} as const satisfies Readonly<Record<string, (limit: number, silence: '12s' | '30s') => Profile>>;

function calls(summary: string, profile: Profile): Calls {
  return proxyActivities<Activities>({ ...profile, summary: summary.slice(0, SUMMARY_LIMIT) });
}

/** Long-lived watches have a task queue of their own, so that many of them never keep a short call waiting. */
function onTheWatchQueue(profile: Profile): Profile {
  return { ...profile, taskQueue: watchQueueOf(workflowInfo().taskQueue) };
}

/** Questions that somebody waits for while nothing has been written: asked three times at most. */
export function question(summary: string): Calls {
  return calls(summary, PROFILES.question());
}

/**
 * Calls that a person at a terminal waits for; `limit` is the longest that one try may take, in milliseconds.
 */
export function asked(summary: string, limit: number): Calls {
  return calls(summary, PROFILES.asked(limit));
}

/**
 * Calls that may write or send. The caller that interrupts one goes on when its last write has ended; a call that was
 * cut off in another way (its worker died) may have a write under way for half of {@link SILENCE} more.
 * @param limit the longest that the work takes, in milliseconds; default a short call: a guarded write and its
 *   acceptance. An API server that is away for minutes is waited for; the release then pauses with the reason.
 */
export function writing(summary: string, limit?: number): Calls {
  return calls(summary, limit === undefined ? short(PROFILES.writing) : PROFILES.writing(limit));
}

/** Calls that only read or check: whoever interrupts one goes on at once. `limit` as with {@link writing}. */
export function reading(summary: string, limit?: number): Calls {
  return calls(summary, limit === undefined ? short(PROFILES.reading) : PROFILES.reading(limit));
}

function short(profile: (limit: number) => Profile): Profile {
  return { ...profile(0), startToCloseTimeout: QUICK_TRY_MS, scheduleToCloseTimeout: QUICK_MS };
}

/** A long call that may write or send, see {@link writing}. */
export function lasting(summary: string, limit: number): Calls {
  return writing(summary, limit);
}

/** Handing notices over is tried until it works: nobody waits for it. */
export function handingOver(summary: string): Calls {
  return calls(summary, PROFILES.handingOver());
}

/** One try to deliver, beside the calls of releases: whoever calls tries again. */
export function delivering(summary: string): Calls {
  return calls(summary, onTheWatchQueue(PROFILES.delivering()));
}

/** Watches that change nothing: whoever interrupts one goes on at once. `limit` is its time in milliseconds. */
export function watching(summary: string, limit: number, silence: '12s' | '30s' = '30s'): Calls {
  return calls(summary, onTheWatchQueue(PROFILES.watching(limit, silence)));
}

/** Watches that tell others what they have to do: whoever interrupts one goes on when its last word is sent. */
export function holding(summary: string, limit: number): Calls {
  return calls(summary, onTheWatchQueue(PROFILES.holding(limit)));
}
