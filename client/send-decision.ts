import { WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import type { DecisionAnswer } from '../release/decision.ts';
import type { DecisionMessage } from '../workflows/messages.ts';
import { MESSAGES } from '../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import type { FoundRelease } from './find-release.ts';
import { awaitState } from './read-state.ts';

/** The release's answer to a decision; undefined when none came in time, which says nothing about the decision. */
export type Outcome = DecisionAnswer | undefined;

const UPDATE_TIMEOUT = 10_000;
const AFTER_SIGNAL = { within: 3_000, interval: 200 } as const;

/** Sends a decision as an update: the answer is the release's own, given after the decision has taken effect. */
export async function sendUpdate(
  temporal: Temporal,
  { handle }: FoundRelease,
  decision: DecisionMessage,
): Promise<Outcome> {
  try {
    return await temporal.call(
      () =>
        handle.executeUpdate<DecisionAnswer, [DecisionMessage]>(MESSAGES.decide, {
          args: [decision],
          updateId: decision.id,
        }),
      UPDATE_TIMEOUT,
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return undefined;
    if (error instanceof WorkflowUpdateFailedError) {
      return { accepted: false, message: error.cause?.message ?? error.message };
    }
    throw error;
  }
}

/** Sends a decision as a signal, which Temporal keeps until a worker runs, and waits a moment for its answer. */
export async function sendSignal(
  temporal: Temporal,
  { handle }: FoundRelease,
  decision: DecisionMessage,
): Promise<Outcome> {
  await temporal.call(() => handle.signal<[DecisionMessage]>(MESSAGES.decideSignal, decision));
  try {
    const state = await awaitState(temporal, handle, {
      ...AFTER_SIGNAL,
      is: ({ decisions }) => decisions.some(({ id }) => id === decision.id),
    });
    const record = state.decisions.find(({ id }) => id === decision.id);
    return record && { accepted: record.accepted, message: record.answer };
  } catch {
    // The signal is kept; that its effect cannot be seen now is no failure of the command.
    return undefined;
  }
}
