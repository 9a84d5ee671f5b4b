import { setTimeout as pause } from 'node:timers/promises';

/** The purpose of a wait, in words that complete "waited 20 s for ...". */
export interface Wait {
  readonly what: string;
  readonly deadlineMs: number;
  /** Time between two probes; 100 ms when left out. */
  readonly everyMs?: number;
  /** Added to the error when the deadline passes, such as the end of a log. */
  readonly detail?: () => string;
}

/** Thrown by a probe to end the wait at once, because no further probe can succeed. */
export class GiveUp extends Error {}

/**
 * Probes until the answer is neither undefined nor false, and returns it.
 * A probe that throws counts as "not yet"; its last message is part of the error when the deadline passes.
 * @throws Error naming what was waited for, how long, the last problem and the detail
 */
export async function until<T>(
  wait: Wait,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + wait.deadlineMs;
  let problem = '';
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      problem = `; last problem: ${error instanceof Error ? error.message : String(error)}`;
      if (error instanceof GiveUp) throw waitError(wait, `gave up waiting for ${wait.what}${problem}`);
    }
    if (performance.now() > deadline) {
      throw waitError(wait, `waited ${Math.round(wait.deadlineMs / 1000)} s for ${wait.what}${problem}`);
    }
    await pause(wait.everyMs ?? 100);
  }
}

function waitError(wait: Wait, message: string): Error {
  const detail = wait.detail?.() ?? '';
  return new Error(detail === '' ? message : `${message}\n${detail}`);
}
