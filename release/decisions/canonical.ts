import type { SetRef } from '../fleet/fleet.ts';
import { canonicalJson } from '../fleet/hash.ts';
import type { ReleaseFile } from '../spec/spec.ts';
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

/** The text that somebody signs to begin something, or to end it: a release, a rollback from the set, a halt, a monitor. */
export interface Beginning {
  readonly verb: 'start' | 'rollback' | 'halt' | 'unhalt' | 'unguard';
  readonly cluster: string;
  readonly namespace?: string | undefined;
  readonly set?: string | undefined;
  /** The name of the release. */
  readonly release?: string | undefined;
  /** Of a rollback: the version and the image that are gone back to, when they were named. */
  readonly to?: string | undefined;
  readonly image?: string | undefined;
  /** The release file as it is sent: its JSON, keys in order. A hash would have to withstand a search for a second file. */
  readonly file?: string | undefined;
  /** The statement that a release which holds the set by another Temporal is dead, and whose it is. */
  readonly takeover?: string | undefined;
  /** Of a start: a freeze window is no reason to refuse it. */
  readonly duringFreeze?: 'yes' | undefined;
  readonly actor: string;
  readonly channel: string;
  readonly reason?: string | undefined;
  /** Of a halt: when its time is over, milliseconds since the epoch. */
  readonly until?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly signedAt: number;
}

/** A beginning before it is signed: over which channel and when is said by whoever signs. */
export type Unsigned = Omit<Beginning, 'channel' | 'signedAt'>;

/** The signed text of a start: all that its workflow is started with. */
export function beginningOfStart(input: {
  readonly file: ReleaseFile;
  readonly cluster: string;
  readonly requester: string;
  readonly takeover?: { readonly actor: string; readonly reason: string } | undefined;
  readonly duringFreeze?: unknown;
}): Unsigned {
  const { file, cluster, requester: actor, takeover, duringFreeze } = input;
  const { namespace, gameServerSet: set } = file.spec.target;
  return {
    verb: 'start',
    cluster,
    namespace,
    set,
    release: file.metadata.name,
    file: canonicalJson(file),
    actor,
    takeover: takeover && `${takeover.actor}: ${takeover.reason}`,
    duringFreeze: duringFreeze === undefined || duringFreeze === false ? undefined : 'yes',
  };
}

/** The signed text of a rollback by what is written on the set: all that its workflow is started with. */
export function beginningOfRollback(input: {
  readonly cluster: string;
  readonly set: SetRef;
  readonly requester: string;
  readonly reason?: string | undefined;
  readonly to?: { readonly version?: string | undefined; readonly image?: string | undefined } | undefined;
  readonly file?: ReleaseFile | undefined;
  readonly holderIsDead?: boolean | undefined;
}): Unsigned {
  const { cluster, set, requester: actor, reason, to, file, holderIsDead } = input;
  return {
    verb: 'rollback',
    cluster,
    namespace: set.namespace,
    set: set.name,
    to: to?.version,
    image: to?.image,
    file: file && canonicalJson(file),
    takeover: holderIsDead === true ? 'the holder is dead' : undefined,
    actor,
    reason,
  };
}

/** The bytes of a beginning that a signature is over, as with {@link canonicalDecision}. */
export function canonicalBeginning(beginning: Beginning): string {
  return canonical(beginning);
}

function canonical(flat: object): string {
  const entries = Object.entries(flat).filter(([, value]) => value !== undefined);
  return JSON.stringify(Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1))));
}
