import { setTimeout as delay } from 'node:timers/promises';
import type { VendorTools } from './vendor.ts';

/** A connection to a chat that is opened again and again. */
export interface KeptConnection {
  /** `slack`, as in the log. */
  readonly vendor: string;
  /**
   * One connection from its opening to its end. Never rejects.
   * @param signal aborts it
   * @param opened called when clicks may come
   * @returns why it ended
   */
  readonly once: (signal: AbortSignal, opened: () => void) => Promise<string>;
  readonly warn: VendorTools['warn'];
}

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** A connection that lasted so long was a good one: the next one need not wait. */
const GOOD_MS = 60_000;

/**
 * Keeps a connection to a chat open until it is closed: chats renew theirs after some hours, and break down. The libraries of
 * the vendors wait for minutes, give up silently or end the process, each in its own way. Resolves when it is open or has
 * failed once: a chat that is down keeps no gateway from its other chats.
 * @returns closes it
 */
export async function keepConnected({ vendor, once, warn }: KeptConnection): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const isStopped = (): boolean => stopping.signal.aborted;
  const tried = Promise.withResolvers<undefined>();
  const running = (async () => {
    let pause = FIRST_PAUSE;
    while (!isStopped()) {
      const began = performance.now();
      const reason = await once(stopping.signal, () => tried.resolve(undefined));
      tried.resolve(undefined);
      if (isStopped()) return;
      warn('the connection to the chat is lost; it is opened again', { vendor, reason });
      pause = performance.now() - began > GOOD_MS ? FIRST_PAUSE : pause;
      const wait = (0.5 + Math.random() / 2) * pause;
      await delay(wait, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      pause = Math.min(LONGEST_PAUSE, 2 * pause);
    }
  })();
  await tried.promise;
  return async () => {
    stopping.abort();
    await running;
  };
}

/** Fails when a connection has not opened in time. */
export async function failing(afterMs: number): Promise<never> {
  await delay(afterMs, undefined, { ref: false });
  throw new Error(`it does not open within ${afterMs / 1_000} s`);
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
