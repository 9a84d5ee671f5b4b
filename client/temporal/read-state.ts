import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { grpcStatus, isWorkerSilence } from './temporal-errors.ts';

/** Asks the worker for the whole state of a release. */
function readState(temporal: Temporal, handle: WorkflowHandle, milliseconds?: number): Promise<ReleaseState> {
  return temporal.call(() => handle.query<ReleaseState>(MESSAGES.state), milliseconds);
}

/** The state, or undefined when no worker answers; other trouble is thrown. */
export async function readStateIfAnswered(
  temporal: Temporal,
  handle: WorkflowHandle,
  milliseconds?: number,
): Promise<ReleaseState | undefined> {
  try {
    return await readState(temporal, handle, milliseconds);
  } catch (error) {
    const status = grpcStatus(error);
    if (status && isWorkerSilence(status.code, status.details)) return undefined;
    throw error;
  }
}

/**
 * Asks again and again until the state is as wanted; returns the last one seen when the time is over.
 * @throws the reason of `stop` when it is aborted
 */
export async function awaitState(
  temporal: Temporal,
  handle: WorkflowHandle,
  wanted: {
    readonly is: (state: ReleaseState) => boolean;
    readonly within: number;
    readonly interval: number;
    readonly stop: AbortSignal;
  },
): Promise<ReleaseState> {
  const deadline = performance.now() + wanted.within;
  for (;;) {
    const state = await readStateIfAnswered(temporal, handle);
    const late = performance.now() > deadline;
    if (state && (wanted.is(state) || late)) return state;
    if (late) {
      throw new ExitError(EXIT.unreachable, 'no worker answered in time', [
        'the release is kept and goes on as soon as a worker runs: hotwave worker',
      ]);
    }
    // An abort is seen right below; it is no error of the clock.
    await delay(wanted.interval, undefined, { signal: wanted.stop }).catch(() => undefined);
    wanted.stop.throwIfAborted();
  }
}
