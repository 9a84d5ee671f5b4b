import { ActivityFailure, isCancellation } from '@temporalio/workflow';
import { ApplicationFailure } from '@temporalio/common';

/** The sentence at the bottom of a failed activity, for people. */
export function describeFailure(error: unknown): string {
  if (error instanceof ActivityFailure && error.cause) return describeFailure(error.cause);
  return error instanceof Error ? error.message : String(error);
}

/** True when an activity failed because the API server did not answer, or answered that it is overloaded. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof ActivityFailure) return isUnreachable(error.cause);
  return error instanceof ApplicationFailure && /^Cluster\.(unreachable|overloaded)$/.test(error.type ?? '');
}

/** True when an activity failed because the worker lacks a right. */
export function isForbidden({ cause }: ActivityFailure): boolean {
  return cause instanceof ApplicationFailure && cause.type === 'Cluster.forbidden';
}

/** The trouble, as a sentence: what the work says itself, or why its activity failed. Undefined when nothing is. */
export async function orSentence(work: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ActivityFailure && !isCancellation(error)) return describeFailure(error);
    throw error;
  }
}
