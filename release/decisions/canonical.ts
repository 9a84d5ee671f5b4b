import type { DecisionMessage } from './message.ts';

/** The namespace of SSH signatures over decisions: one for another purpose vouches for nothing here. */
export const SIGNATURE_NAMESPACE = 'hotwave';

/**
 * The bytes of a decision that a signature is over: its JSON without `signature`, keys in order of their UTF-16 units, no
 * spaces, UTF-8. For flat objects of texts and whole numbers that is RFC 8785 (JCS), so that every language can write it.
 */
export function canonicalDecision({ signature: _signature, ...signed }: DecisionMessage): string {
  return canonical(signed);
}

/** The text that somebody signs to begin something: a release, a rollback from the set, a halt. */
export interface Beginning {
  readonly verb: 'start' | 'rollback' | 'halt' | 'unhalt';
  readonly cluster: string;
  readonly namespace?: string | undefined;
  readonly set?: string | undefined;
  /** The name of the release. */
  readonly release?: string | undefined;
  /** Of a rollback: the version or the image that is gone back to, when it was named. */
  readonly to?: string | undefined;
  /** The hash of the release file as it is sent. */
  readonly file?: string | undefined;
  readonly actor: string;
  readonly channel: string;
  readonly reason?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly signedAt: number;
}

/** The bytes of a beginning that a signature is over, as with {@link canonicalDecision}. */
export function canonicalBeginning(beginning: Beginning): string {
  return canonical(beginning);
}

function canonical(flat: object): string {
  const entries = Object.entries(flat).filter(([, value]) => value !== undefined);
  return JSON.stringify(Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1))));
}
