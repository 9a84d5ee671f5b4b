import type { DecisionMessage } from './message.ts';

/** The namespace of SSH signatures over decisions: one for another purpose vouches for nothing here. */
export const SIGNATURE_NAMESPACE = 'hotwave';

/**
 * The bytes of a decision that a signature is over: its JSON without `signature`, keys in order of their UTF-16 units, no
 * spaces, UTF-8. For flat objects of texts and whole numbers that is RFC 8785 (JCS), so that every language can write it.
 */
export function canonicalDecision({ signature: _signature, ...signed }: DecisionMessage): string {
  const entries = Object.entries(signed).filter(([, value]) => value !== undefined);
  return JSON.stringify(Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1))));
}
