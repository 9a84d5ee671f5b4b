import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import type { Logger, NativeConnectionOptions } from '@temporalio/worker';
import type { TemporalTarget } from '../release/settings/temporal-target.ts';
import { EXIT_UNREACHABLE, StartFailure } from './start-failure.ts';
import { redacted } from '../release/spec/redact.ts';
import type { Cluster } from '../activities/ports/cluster.ts';

/** How long to try, who hears about it, and what ends it early. */
export interface Patience {
  readonly patienceMs: number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const firstPauseMs = 500;
const longestPauseMs = 10_000;
const attemptTimeoutMs = 10_000;

/**
 * Connects to Temporal, which may be starting at the same moment: tries again with growing pauses.
 *
 * @throws StartFailure with exit code 7 when it does not answer within the patience; the reason of `signal` when aborted.
 */
export async function connectToTemporal(
  target: TemporalTarget<NativeConnectionOptions>,
  patience: Patience,
): Promise<NativeConnection> {
  const deadline = Date.now() + patience.patienceMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await connectOnce(target, patience.signal);
    } catch (error) {
      patience.signal.throwIfAborted();
      const reason = reasonOf(error);
      if (Date.now() + pauseMs > deadline) {
        throw new StartFailure(
          EXIT_UNREACHABLE,
          `Temporal at ${target.address} does not answer (${reason}); tried for ${Math.round(patience.patienceMs / 1000)} s`,
        );
      }
      patience.logger.warn(`Temporal at ${target.address} does not answer yet; trying again in ${pauseMs / 1000} s`, {
        reason,
      });
      await delay(pauseMs, undefined, { signal: patience.signal });
    }
  }
}

/** A host that swallows packets would hold `connect` for minutes: each attempt is bounded. */
async function connectOnce(
  target: TemporalTarget<NativeConnectionOptions>,
  signal: AbortSignal,
): Promise<NativeConnection> {
  const connecting = NativeConnection.connect(target.connection);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)]);
  try {
    return await Promise.race([connecting, rejectionOf(limit)]);
  } catch (error) {
    connecting.then((late) => late.close()).catch(() => undefined);
    throw error;
  }
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** Why something failed, in one line without credentials and, as far as possible, without the insides of libraries. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return redacted(innermostText(text.split('\n')[0] ?? '')).slice(0, 300);
}

/** The native client shows its errors as structures: an answer of the server with its message, or nested causes. */
function innermostText(text: string): string {
  const answered = /Status \{ code: \w+, message: "([^"]+)"/.exec(text);
  if (answered?.[1] !== undefined) return answered[1];
  if (!text.startsWith('tonic::')) return text;
  return [...text.matchAll(/"([^"]+)"/g)].at(-1)?.[1] ?? text;
}

/** Whether a dependency has answered, and if not, why. */
export interface Answered {
  readonly answered: boolean;
  readonly reason: string;
}

/**
 * Asks the API server in the background until it has answered once: whether the worker may list GameServerSets. A
 * cluster that is down when the worker starts is no reason to die, since releases only wait for it.
 */
export function awaitFirstAnswer(cluster: Cluster, logger: Logger, signal: AbortSignal): () => Answered {
  let latest: Answered = { answered: false, reason: 'has not answered yet' };
  const ask = async (): Promise<void> => {
    for (let pauseMs = firstPauseMs; !latest.answered; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const reason = await whyUnusable(cluster, signal);
      latest = reason === undefined ? { answered: true, reason: 'has answered' } : { answered: false, reason };
      signal.throwIfAborted();
      if (reason === undefined) return;
      logger.warn(`the API server ${cluster.describe()} cannot be used yet; trying again in ${pauseMs / 1000} s`, {
        reason,
      });
      await delay(pauseMs, undefined, { signal });
    }
  };
  // Only an end of the worker ends it early.
  void ask().catch(() => undefined);
  return () => latest;
}

async function whyUnusable(cluster: Cluster, signal: AbortSignal): Promise<string | undefined> {
  const access = { verb: 'list', group: 'game.kruise.io', resource: 'gameserversets', namespace: 'default' };
  try {
    await cluster.missingAccess([access], signal);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
