import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { grpcStatus, isCrowded, isWorkerSilence } from './temporal-errors.ts';

/** So often is a release asked that others are asking at the same moment; the longest time between, in milliseconds. */
const CROWD = { tries: 10, pause: 1_000 };

/** Asks the worker for the whole state of a release. Where others ask as well, it waits a moment and asks again. */
async function readState(temporal: Temporal, handle: WorkflowHandle, milliseconds?: number): Promise<ReleaseState> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await temporal.call(() => handle.query<ReleaseState>(MESSAGES.state), milliseconds);
    } catch (error) {
      const status = grpcStatus(error);
      if (!status || !isCrowded(status) || tries === CROWD.tries) throw error;
      await delay(Math.random() * CROWD.pause);
    }
  }
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
