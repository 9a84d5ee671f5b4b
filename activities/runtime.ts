import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { Context, sleep } from '@temporalio/activity';
import { currentLease } from './lease.ts';
import { ClusterFailure, LeaseLost } from './ports/failure.ts';

/** The signal that ends every call of this activity when the release is interrupted or the worker shuts down. */
export function cancellation(): AbortSignal {
  return Context.current().cancellationSignal;
}

/**
 * True when the workflow has interrupted this activity and waits for what it has to say. A worker that stops ends its
 * activities, too, but then the next attempt goes on: a value would end it.
 */
export function isInterrupted(): boolean {
  const signal = cancellation();
  const reason: unknown = signal.reason;
  return signal.aborted && reason instanceof CancelledFailure && reason.message === 'CANCELLED';
}

/** Names this execution of this activity, and no other: the run, the activity in it, the attempt. */
export function executionKey(): string {
  const { workflowExecution, activityId, attempt: tries } = Context.current().info;
  return `${workflowExecution?.runId.slice(0, 8) ?? ''}.${activityId}.${tries}`;
}

/** The record of the attempt before this one, or undefined. A hint only: the cluster is read again. */
export function lastHeartbeat(): unknown {
  return Context.current().info.heartbeatDetails;
}

/** Says that the activity is alive, with a small cursor for the next attempt. */
export function heartbeat(details?: unknown): void {
  currentLease()?.record(details);
  Context.current().heartbeat(details);
}

/**
 * Resolves when Temporal has these details: whatever is done next is then known to the next attempt, however this one ends.
 * @throws LeaseLost when this attempt is not the one that works any more
 */
export async function acknowledge(details: unknown): Promise<void> {
  Context.current().heartbeat(details);
  await currentLease()?.acknowledge(details);
}

/** How often an activity that asks others says that it is alive. Every call in it has its own deadline. */
const HEARTBEAT_MS = 2_000;

/**
 * Says that the activity is alive for as long as something runs. Each heartbeat replaces what the one before recorded,
 * so the cursor is read anew every time. A cursor that has changed is sent at once: the SDK would keep it for as long as
 * most of the heartbeat time-out, and people look on.
 */
export async function keepAlive<Result>(run: () => Promise<Result>, cursor?: () => unknown): Promise<Result> {
  let sent = '';
  const beat = (): void => {
    const details = cursor?.();
    heartbeat(details);
    const text = details === undefined ? '' : JSON.stringify(details);
    if (text !== sent) void currentLease()?.renew();
    sent = text;
  };
  const alive = setInterval(beat, HEARTBEAT_MS);
  try {
    return await run();
  } finally {
    clearInterval(alive);
  }
}

/**
 * Ends a watch that has nothing to lose when its worker stops: another worker goes on.
 * @throws ApplicationFailure that is tried again
 */
export function demandRunning(isStopping: () => boolean): void {
  if (!isStopping()) return;
  throw ApplicationFailure.create({
    type: 'WorkerStops',
    message: 'the worker stops; another one goes on watching',
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: STOP_LOOK_MS,
  });
}

/** How soon a watch notices that its worker stops. */
const STOP_LOOK_MS = 250;

/**
 * Pauses of a watch that has nothing to lose: when its worker stops, it ends at once instead of using up the time that
 * others need to finish, and another worker goes on.
 */
export class StopWatch {
  readonly #isStopping: () => boolean;

  constructor(isStopping: () => boolean) {
    this.#isStopping = isStopping;
  }

  /** @throws ApplicationFailure that is tried again, when the worker stops */
  async pause(milliseconds: number): Promise<void> {
    const until = Date.now() + milliseconds;
    while (Date.now() < until) {
      demandRunning(this.#isStopping);
      await pause(Math.min(STOP_LOOK_MS, until - Date.now()));
    }
  }
}

/** Waits, unless the activity is cancelled first. */
export async function pause(milliseconds: number): Promise<void> {
  await sleep(Math.max(1, milliseconds));
}

/**
 * Turns infrastructure trouble into failures that Temporal retries, or does not: what retrying cannot mend
 * (permissions, a refused request) is final, the rest is tried again after what the API server asks for.
 */
export function reportingTrouble<Input, Output>(
  run: (input: Input) => Promise<Output>,
): (input: Input) => Promise<Output> {
  return async (input) => {
    try {
      return await run(input);
    } catch (error) {
      if (error instanceof LeaseLost) throw benign('LeaseLost', error.message);
      if (!(error instanceof ClusterFailure)) throw error;
      throw ApplicationFailure.create({
        type: `Cluster.${error.reason}`,
        message: error.message,
        nonRetryable: !error.retryable,
        ...(error.retryable ? { category: ApplicationFailureCategory.BENIGN } : {}),
        ...(error.retryAfterMs === undefined ? {} : { nextRetryDelay: error.retryAfterMs }),
      });
    }
  };
}

function benign(type: string, message: string): ApplicationFailure {
  return ApplicationFailure.create({ type, message, category: ApplicationFailureCategory.BENIGN });
}
