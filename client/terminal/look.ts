import { isFinal } from '../../release/progress/state.ts';
import type { Temporal } from '../temporal/connect.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { firstRunOf, isOpen } from '../temporal/find-release.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import { retriesOf, underWayOf } from '../temporal/retries.ts';
import type { SeenRelease } from '../temporal/retries.ts';
import { GRPC, grpcStatus } from '../temporal/temporal-errors.ts';

/** A silent worker or Temporal is asked with patience, but the person must see a change within seconds. */
const TIMEOUT = 3_000;

const SILENCE: ReadonlySet<number> = new Set([GRPC.unavailable, GRPC.deadlineExceeded, GRPC.cancelled]);

/**
 * A look at a release that survives a silent worker and a silent Temporal (undefined), and that notices when the
 * workflow was closed without reaching an end of its own, which its state cannot tell: terminated, for example.
 */
export async function look(temporal: Temporal, found: FoundRelease): Promise<SeenRelease | undefined | 'gone'> {
  try {
    const reading = readStateIfAnswered(temporal, found.handle, TIMEOUT);
    const [read, description] = await Promise.all([
      reading.then((state) => ({ state })).catch((error: unknown) => ({ error })),
      temporal.call(() => found.handle.describe(), TIMEOUT),
    ]);
    // Another release runs on the set: this one has ended.
    if (firstRunOf(description) !== firstRunOf(found.description)) return 'gone';
    if (isOpen({ description })) {
      if ('error' in read) throw read.error;
      if (!read.state) return undefined;
      const converter = temporal.client.options.loadedDataConverter;
      const [retrying, underWay] = await Promise.all([
        retriesOf(description, converter),
        underWayOf(description, converter),
      ]);
      return { ...read.state, retrying, ...(underWay ? { underWay } : {}) };
    }
    return await lastState(temporal, found);
  } catch (error) {
    const code = grpcStatus(error)?.code;
    if (code !== undefined && SILENCE.has(code)) return undefined;
    throw error;
  }
}

/** A closed release does not change any more; one that was closed from outside, or by other code, cannot tell its end. */
async function lastState(temporal: Temporal, { handle }: FoundRelease): Promise<SeenRelease | 'gone'> {
  try {
    const state = await readStateIfAnswered(temporal, handle, TIMEOUT);
    return state && isFinal(state.phase) ? state : 'gone';
  } catch (error) {
    if (grpcStatus(error) !== undefined) throw error;
    return 'gone';
  }
}
