import type { ReleaseState } from '../release/state.ts';
import { isFinal } from '../release/state.ts';
import type { Temporal } from './connect.ts';
import type { FoundRelease } from './find-release.ts';
import { readStateIfAnswered } from './read-state.ts';
import { GRPC, grpcStatus } from './temporal-errors.ts';

/** A silent worker or Temporal is asked with patience, but the person must see a change within seconds. */
const TIMEOUT = 3_000;

const SILENCE: ReadonlySet<number> = new Set([GRPC.unavailable, GRPC.deadlineExceeded, GRPC.cancelled]);

/**
 * A look at a release that survives a silent worker and a silent Temporal (undefined), and that notices when the
 * workflow was closed without reaching an end of its own, which its state cannot tell: terminated, for example.
 */
export async function look(temporal: Temporal, found: FoundRelease): Promise<ReleaseState | undefined | 'gone'> {
  try {
    const [state, running] = await Promise.all([
      readStateIfAnswered(temporal, found.handle, TIMEOUT),
      isRunning(temporal, found),
    ]);
    if (running || (state && isFinal(state.phase))) return state;
    // It may have closed between the two answers: a closed one does not change any more.
    const settled = await readStateIfAnswered(temporal, found.handle, TIMEOUT);
    return settled && isFinal(settled.phase) ? settled : 'gone';
  } catch (error) {
    const code = grpcStatus(error)?.code;
    if (code !== undefined && SILENCE.has(code)) return undefined;
    throw error;
  }
}

async function isRunning(temporal: Temporal, { handle }: FoundRelease): Promise<boolean> {
  const { status } = await temporal.call(() => handle.describe(), TIMEOUT);
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}
