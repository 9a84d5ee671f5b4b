import { Context, asyncLocalStorage } from '@temporalio/activity';
import type { Info } from '@temporalio/activity';

/** The state that an attempt of an activity finds. */
export interface Attempt {
  /** From 1. */
  readonly attempt?: number;
  readonly activityType?: string;
  /** When the call was scheduled, milliseconds since the epoch. */
  readonly scheduledTimestampMs?: number;
  /** How long all attempts may take together, in milliseconds. */
  readonly scheduleToCloseTimeoutMs?: number;
  /** The record of the attempt before. */
  readonly heartbeatDetails?: unknown;
  /** Ends it. Default never. */
  readonly signal?: AbortSignal;
}

/**
 * Runs an activity in the SDK's own context without a Temporal server, and collects what it records. Only for what
 * depends on attempts and heartbeats.
 */
export async function inActivity<Result>(
  run: () => Promise<Result>,
  { signal = new AbortController().signal, ...attempt }: Attempt = {},
): Promise<{ readonly result: Result; readonly heartbeats: readonly unknown[] }> {
  const heartbeats: unknown[] = [];
  const info = { attempt: 1, ...attempt } as Info;
  const never = new Promise<never>(() => undefined);
  const parts = [info, never, signal, (details: unknown) => heartbeats.push(details)] as const;
  const context = new Context(...(parts as unknown as ConstructorParameters<typeof Context>));
  return { result: await asyncLocalStorage.run(context, run), heartbeats };
}
