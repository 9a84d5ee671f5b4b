import { randomUUID } from 'node:crypto';
import { ActivityExecutionFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { RetryPolicy } from '@temporalio/common';
import { TimeoutFailure } from '@temporalio/common';
import { QUESTIONS, taskQueueOf, watchQueueOf } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { GRPC, grpcStatus, WORKER_HINT } from './temporal-errors.ts';

/** A question that a worker answers. */
export interface Question<Input> {
  /** The workflow type that answers it where Temporal runs no activity alone; it names the activity, too. */
  readonly type: keyof typeof QUESTIONS;
  readonly cluster: string;
  readonly input: Input;
  /** The subject of the question: part of the id. */
  readonly about: string;
  /** For the Temporal UI. */
  readonly summary: string;
  /** Milliseconds that the answer may take. */
  readonly within: number;
}

/** A worker that runs takes a question in milliseconds; Temporal remembers one that has gone for more than a minute. */
const TAKEN_WITHIN = 8_000;

/** How often a question is tried, as workflows/calls.ts has it; a worker that does not know it will not learn it. */
const RETRY: RetryPolicy = {
  initialInterval: '500ms',
  backoffCoefficient: 2,
  maximumInterval: '10s',
  maximumAttempts: 3,
  nonRetryableErrorTypes: ['NotFoundError'],
};

/** How long a worker may be silent before it is taken for dead. */
const SILENCE = '20s';

/** A workflow that no worker has taken has two events: it was started, and its first task was scheduled. */
const UNTAKEN_EVENTS = 2;

/**
 * Lets a worker answer a question: by an activity of its own, which is no row beside the releases, or by a short workflow
 * where Temporal has no standalone activities (decision 0033).
 * @throws ExitError when no worker takes it; what Temporal and the work throw
 */
export async function askWorker<Input, Answer>(temporal: Temporal, question: Question<Input>): Promise<Answer> {
  const byActivity = await askByActivity(temporal, question);
  const { answer } = byActivity ?? (await askByWorkflow(temporal, question));
  return answer as Answer;
}

interface Answered {
  readonly answer: unknown;
}

/** Undefined when this Temporal runs no activity alone. */
async function askByActivity<Input>(temporal: Temporal, question: Question<Input>): Promise<Answered | undefined> {
  const { type, cluster, input, summary, within } = question;
  const start = (): Promise<{ result(): Promise<unknown> }> =>
    temporal.client.activity.start(QUESTIONS[type], {
      args: [input],
      // Beside the long calls of releases: those may take all slots of the other queue for minutes.
      taskQueue: watchQueueOf(taskQueueOf(cluster)),
      id: idOf(question),
      scheduleToStartTimeout: Math.min(TAKEN_WITHIN, within),
      scheduleToCloseTimeout: within,
      heartbeatTimeout: SILENCE,
      retry: RETRY,
      summary,
    });
  try {
    const handle = await temporal.call(start);
    const answered = await answerWithin(temporal, handle, within);
    if (answered) return answered;
  } catch (error) {
    if (grpcStatus(error)?.code === GRPC.unimplemented) return undefined;
    if (!(error instanceof ActivityExecutionFailedError) || !(error.cause instanceof TimeoutFailure)) throw error;
    if (error.cause.timeoutType === 'SCHEDULE_TO_START') throw untaken();
  }
  throw unanswered(within);
}

async function askByWorkflow<Input>(temporal: Temporal, question: Question<Input>): Promise<Answered> {
  const { type, cluster, input, summary, within } = question;
  const handle: WorkflowHandle = await temporal.call(() =>
    temporal.client.workflow.start(type, {
      args: [input],
      taskQueue: taskQueueOf(cluster),
      workflowId: idOf(question),
      workflowExecutionTimeout: within,
      staticSummary: summary,
    }),
  );
  const soon = await answerWithin(temporal, handle, Math.min(TAKEN_WITHIN, within));
  if (soon) return soon;
  await demandTaken(temporal, handle);
  const late = await answerWithin(temporal, handle, within - TAKEN_WITHIN);
  if (late) return late;
  throw unanswered(within);
}

function idOf({ about }: Pick<Question<unknown>, 'about'>): string {
  return `hotwave-${about}/${randomUUID()}`;
}

async function answerWithin(
  temporal: Temporal,
  handle: { result(): Promise<unknown> },
  milliseconds: number,
): Promise<Answered | undefined> {
  try {
    return { answer: await temporal.call(() => handle.result(), milliseconds) };
  } catch (error) {
    if (grpcStatus(error)?.code === GRPC.deadlineExceeded) return undefined;
    throw error;
  }
}

async function demandTaken(temporal: Temporal, handle: WorkflowHandle): Promise<void> {
  const { historyLength } = await temporal.call(() => handle.describe());
  if (historyLength > UNTAKEN_EVENTS) return;
  await temporal.call(() => handle.terminate('no worker took the question'));
  throw untaken();
}

function untaken(): ExitError {
  return new ExitError(EXIT.unreachable, `no worker has taken the question within ${TAKEN_WITHIN / 1_000}s`, [
    WORKER_HINT,
  ]);
}

function unanswered(within: number): ExitError {
  return new ExitError(EXIT.unreachable, `the worker has not answered within ${within / 1_000}s`, [
    'its log says what it waits for; hotwave doctor asks it something shorter',
  ]);
}
