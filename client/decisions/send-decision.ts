import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { DecisionAnswer } from '../../release/decisions/decision.ts';
import type { DecisionMessage, ExpectedAnswer } from '../../workflows/messages.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { grpcStatus, isCrowded, isWorkerSilence } from '../temporal/temporal-errors.ts';

/** The release's answer to a decision; undefined when none came in time, which says nothing about the decision. */
export type Outcome = DecisionAnswer | undefined;

const UPDATE_TIMEOUT = 10_000;

/** How long an answer is asked for, in milliseconds: while nobody says anything, and while others are served first. */
export interface Patience {
  readonly silence: number;
  readonly crowd: number;
}

const VOTE: Patience = { silence: 20_000, crowd: 60_000 };
const SIGNAL: Patience = { silence: 3_000, crowd: 3_000 };
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 4_000;

/** The release or set that a decision is sent to. */
type Addressee = Pick<FoundRelease, 'handle'>;

/** Sends a decision by the way that suits it, and gives the release's answer. */
export function sendDecision(
  temporal: Temporal,
  to: Addressee,
  decision: DecisionMessage,
  patience: Patience = VOTE,
): Promise<Outcome> {
  const isVote = decision.verb === 'approve' || decision.verb === 'reject';
  return isVote ? sendVote(temporal, to, decision, patience) : sendUpdate(temporal, to, decision);
}

/**
 * Votes come in crowds, and Temporal takes ten updates of a workflow at a time: one more makes it give up all that are
 * under way (server 1.31). Signals have no such limit. So a vote is a signal, and its answer is asked for. A vote that
 * the release has answered already or is sure to refuse is not sent at all: every signal stays in the history.
 */
async function sendVote(
  temporal: Temporal,
  { handle }: Addressee,
  decision: DecisionMessage,
  patience: Patience,
): Promise<Outcome> {
  const expected = await patiently(patience, () => ask(temporal, handle, decision));
  if (!expected || expected.given || !expected.accepted) return expected;
  await temporal.call(() => handle.signal<[DecisionMessage]>(MESSAGES.decideSignal, decision));
  return await awaitAnswer(temporal, handle, decision, patience);
}

/** Asks what the release has said to a decision that was signalled; undefined when it did not say so in time. */
function awaitAnswer(
  temporal: Temporal,
  handle: WorkflowHandle,
  decision: DecisionMessage,
  patience: Patience,
): Promise<Outcome> {
  return patiently(patience, async () => {
    const answer = await ask(temporal, handle, decision);
    return answer.given ? answer : undefined;
  });
}

function ask(temporal: Temporal, handle: WorkflowHandle, decision: DecisionMessage): Promise<ExpectedAnswer> {
  return temporal.call(() => handle.query<ExpectedAnswer, [DecisionMessage]>(MESSAGES.answer, decision));
}

/** Asks until there is an answer, at times that no two clients share; undefined when patience is over. */
async function patiently<Result>(
  { silence, crowd }: Patience,
  ask: () => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const started = performance.now();
  let lastSign = started;
  for (let attempt = 1; performance.now() < Math.min(lastSign + silence, started + crowd); attempt += 1) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      const status = grpcStatus(error);
      if (!status || !(isCrowded(status) || isWorkerSilence(status.code, status.details))) throw error;
      if (isCrowded(status)) lastSign = performance.now();
    }
    await delay(Math.random() * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt));
  }
  return undefined;
}

/** Sends a decision as an update: the answer is the release's own, given after the decision has taken effect. */
async function sendUpdate(temporal: Temporal, { handle }: Addressee, decision: DecisionMessage): Promise<Outcome> {
  try {
    return await temporal.call(() => answerTo(handle, decision), UPDATE_TIMEOUT);
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return undefined;
    throw error;
  }
}

/** Runs of a release that an update may be lost between. */
const MOST_RUNS = 5;

/**
 * Sends a decision as an update and gives its answer; a refusal is an answer, too. The release may go on in a new run just
 * then, in which Temporal does not know the update any more: it is sent again, and by its id it counts once.
 */
export async function answerTo(handle: WorkflowHandle, decision: DecisionMessage): Promise<DecisionAnswer> {
  for (let run = 1; ; run += 1) {
    try {
      return await handle.executeUpdate<DecisionAnswer, [DecisionMessage]>(MESSAGES.decide, {
        args: [decision],
        updateId: decision.id,
      });
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError)
        return { accepted: false, message: error.cause?.message ?? error.message };
      if (!isUnknownUpdate(error) || run >= MOST_RUNS) throw error;
    }
  }
}

function isUnknownUpdate(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError && /^update\b/i.test(error.message);
}

/** Sends a decision as a signal, which Temporal keeps until a worker runs, and waits a moment for its answer. */
export async function sendSignal(
  temporal: Temporal,
  { handle }: Addressee,
  decision: DecisionMessage,
): Promise<Outcome> {
  await temporal.call(() => handle.signal<[DecisionMessage]>(MESSAGES.decideSignal, decision));
  try {
    return await awaitAnswer(temporal, handle, decision, SIGNAL);
  } catch {
    // The signal is kept; that its effect cannot be seen now is no failure of the command.
    return undefined;
  }
}
