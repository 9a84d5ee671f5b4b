import type { WorkflowExecutionDescription } from '@temporalio/client';
import { isFinal } from '../release/state.ts';
import type { Temporal } from './connect.ts';
import type { FoundRelease } from './find-release.ts';
import { readStateIfAnswered } from './read-state.ts';
import { retriesOf } from './retries.ts';
import type { SeenRelease } from './retries.ts';
import { GRPC, grpcStatus } from './temporal-errors.ts';

/** A silent worker or Temporal is asked with patience, but the person must see a change within seconds. */
const TIMEOUT = 3_000;

const SILENCE: ReadonlySet<number> = new Set([GRPC.unavailable, GRPC.deadlineExceeded, GRPC.cancelled]);

/**
 * A look at a release that survives a silent worker and a silent Temporal (undefined), and that notices when the
 * workflow was closed without reaching an end of its own, which its state cannot tell: terminated, for example.
 */
export async function look(temporal: Temporal, found: FoundRelease): Promise<SeenRelease | undefined | 'gone'> {
  try {
    const [state, description] = await Promise.all([
      readStateIfAnswered(temporal, found.handle, TIMEOUT),
      temporal.call(() => found.handle.describe(), TIMEOUT),
    ]);
    if (state && isFinal(state.phase)) return state;
    if (isRunning(description)) return state && { ...state, retrying: retriesOf(description) };
    // It may have closed between the two answers: a closed one does not change any more.
    const settled = await readStateIfAnswered(temporal, found.handle, TIMEOUT);
    return settled && isFinal(settled.phase) ? settled : 'gone';
  } catch (error) {
    const code = grpcStatus(error)?.code;
    if (code !== undefined && SILENCE.has(code)) return undefined;
    throw error;
  }
}

function isRunning({ status }: WorkflowExecutionDescription): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}
