import { setTimeout as delay } from 'node:timers/promises';
import { isMissingPermission } from './errors.ts';
import type { Refusal } from './errors.ts';

/**
 * When a request that was not permitted is sent again. An API server that has just started answers 403 to everybody
 * until it has read its roles, which takes a second or two (seen with 1.30): no reason to stop a release.
 */
const PAUSES_MS: readonly number[] = [250, 750, 2_000];

/**
 * Sends a request again while the authorizer refuses it, for as long as that may be an API server that has just
 * started. A refused request has changed nothing.
 * @throws what `send` throws; the reason of `signal` when the caller gave up
 */
export async function whilePermissionsSettle<Result>(
  send: () => Promise<Result>,
  refusalOf: (result: Result) => Refusal | undefined,
  signal: AbortSignal | undefined,
): Promise<Result> {
  let result = await send();
  for (const milliseconds of PAUSES_MS) {
    const refusal = refusalOf(result);
    if (!refusal || !isMissingPermission(refusal)) return result;
    // A caller that gave up is told so right below, with the reason.
    await delay(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined);
    signal?.throwIfAborted();
    result = await send();
  }
  return result;
}
