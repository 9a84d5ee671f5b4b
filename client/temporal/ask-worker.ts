import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { taskQueueOf } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { GRPC, grpcStatus, WORKER_HINT } from './temporal-errors.ts';

/** A question that a worker answers by a short workflow. */
export interface Question<Input> {
  /** The workflow type. */
  readonly type: string;
  readonly cluster: string;
  readonly input: Input;
  /** The subject of the question: part of the workflow's id. */
  readonly about: string;
  /** For the Temporal UI. */
  readonly summary: string;
  /** Milliseconds that the answer may take. */
  readonly within: number;
}

/** A worker that runs takes a question in milliseconds; Temporal remembers one that has gone for more than a minute. */
const TAKEN_WITHIN = 8_000;

/** A workflow that no worker has taken has two events: it was started, and its first task was scheduled. */
const UNTAKEN_EVENTS = 2;

/**
 * Lets a worker answer a question.
 * @throws ExitError when no worker takes it; what Temporal and the workflow throw
 */
export async function askWorker<Input, Answer>(temporal: Temporal, question: Question<Input>): Promise<Answer> {
  const { type, cluster, input, about, summary, within } = question;
  const handle: WorkflowHandle = await temporal.call(() =>
    temporal.client.workflow.start(type, {
      args: [input],
      taskQueue: taskQueueOf(cluster),
      workflowId: `hotwave-${about}/${randomUUID()}`,
      workflowExecutionTimeout: within,
      staticSummary: summary,
    }),
  );
  const soon = await answerWithin(temporal, handle, Math.min(TAKEN_WITHIN, within));
  if (soon) return soon.answer as Answer;
  await demandTaken(temporal, handle);
  const late = await answerWithin(temporal, handle, within - TAKEN_WITHIN);
  if (late) return late.answer as Answer;
  throw new ExitError(EXIT.unreachable, `the worker has not answered within ${within / 1_000}s`, [
    'its log says what it waits for; hotwave doctor asks it something shorter',
  ]);
}

async function answerWithin(
  temporal: Temporal,
  handle: WorkflowHandle,
  milliseconds: number,
): Promise<{ readonly answer: unknown } | undefined> {
  try {
    return { answer: await temporal.call(() => handle.result() as Promise<unknown>, milliseconds) };
  } catch (error) {
    if (grpcStatus(error)?.code === GRPC.deadlineExceeded) return undefined;
    throw error;
  }
}

async function demandTaken(temporal: Temporal, handle: WorkflowHandle): Promise<void> {
  const { historyLength } = await temporal.call(() => handle.describe());
  if (historyLength > UNTAKEN_EVENTS) return;
  await temporal.call(() => handle.terminate('no worker took the question'));
  throw new ExitError(EXIT.unreachable, `no worker has taken the question within ${TAKEN_WITHIN / 1_000}s`, [
    WORKER_HINT,
  ]);
}
