import type { Notice } from '../../release/notices/notice.ts';
import { setEventOf } from '../../release/notices/set-event.ts';
import type { Policy } from '../../release/policy/policy-spec.ts';
import { sinksOf } from '../../release/policy/sinks.ts';
import { plainText } from '../../release/spec/plain-text.ts';
import type { Access } from '../ports/access.ts';
import { ClusterFailure } from '../ports/failure.ts';
import type { Delivery } from '../ports/notice-sender.ts';
import type { SetEvents } from '../ports/set-events.ts';

/** Longest sentence of trouble, in characters: it is kept until the notice is delivered. */
const MOST_TROUBLE = 500;

/** Tries once to tell a notice as an Event on its set. One that is there already is delivered. */
export async function recordNotice(events: SetEvents, notice: Notice, signal: AbortSignal): Promise<Delivery> {
  try {
    await events.recordEvent(setEventOf(notice), signal);
    return { kind: 'delivered' };
  } catch (error) {
    // Also what no release tries again: somebody may grant the right, and what waits arrives.
    if (!(error instanceof ClusterFailure)) throw error;
    const trouble = plainText(error.message, MOST_TROUBLE);
    // The API server will not take this very Event however often it is sent: those behind it must not wait for it.
    if (error.reason === 'invalid') return { kind: 'refused', trouble };
    return { kind: 'trouble', trouble, retryAfterMs: error.retryAfterMs };
  }
}

/** The permissions that the sinks of a namespace need, beside those of releases. */
export function accessOfSinks(policy: Policy, namespace: string): readonly Access[] {
  const writesEvents = sinksOf(policy, namespace).some(({ type }) => type === 'kubernetes-events');
  return writesEvents ? [{ verb: 'create', group: '', resource: 'events', namespace }] : [];
}
