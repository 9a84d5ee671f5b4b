import { Context } from '@temporalio/activity';
import { ClusterFailure } from './ports/failure.ts';

/** Why a question has no answer. */
export interface Unanswered {
  /** `refused`: the worker has not the right. */
  readonly kind: 'refused' | 'unreachable';
  readonly reason: string;
}

/** Answers a question in one activity; what the cluster says against it is the answer, once no attempt is left. */
export async function answered<Answer>(answer: () => Promise<Answer>): Promise<Answer | Unanswered> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof ClusterFailure) || (error.retryable && !isLastAttempt())) throw error;
    return { kind: error.reason === 'forbidden' ? 'refused' : 'unreachable', reason: error.message };
  }
}

/** After it nobody would hear why. */
function isLastAttempt(): boolean {
  const { attempt, retryPolicy } = Context.current().info;
  return attempt >= (retryPolicy?.maximumAttempts ?? Infinity);
}
