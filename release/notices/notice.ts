import type { SetRef } from '../fleet/fleet.ts';
import type { Phase, Verb, WaveProgress } from '../progress/state.ts';

/** The kinds of news that people are told. New kinds may come; a receiver leaves out those that it does not know. */
export const NOTICE_KINDS = [
  'started',
  'gate-opened',
  'reminder',
  'vote',
  'gate-decided',
  'failing',
  'paused',
  'frozen',
  'halted',
  'resumed',
  'rolling-back',
  'rolled-back',
  'done',
  'failed',
  'cancelled',
  'refused',
  'mismatch',
] as const;
/** The news that people are told. */
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** One thing that people must know, as it is sent to every sink. Delivered at least once; the same id is the same notice. */
export interface Notice {
  readonly v: 1;
  /** Unique; the same when it is delivered again. */
  readonly id: string;
  /** From 1, in the order in which the release told them. */
  readonly sequence: number;
  readonly kind: NoticeKind;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** One sentence for people. */
  readonly text: string;
  readonly release: ReleaseCard;
}

/** A release as a card in a chat shows it: everything that a receiver needs, so that it has to remember nothing. */
export interface ReleaseCard {
  readonly cluster: string;
  readonly set: SetRef;
  readonly release: string;
  readonly workflowId: string;
  /** The run that told it: a signed decision names it. */
  readonly runId: string;
  /** The Temporal namespace. */
  readonly temporalNamespace: string;
  readonly planHash: string;
  readonly strategy: string;
  readonly version: string;
  readonly previousVersion: string;
  readonly requester: string;
  readonly phase: Phase;
  /** Why it is where it is: what it waits for, on whom, or how it ended. */
  readonly why: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  /** When the wait of now ends by itself, milliseconds since the epoch. */
  readonly until?: number | undefined;
  /** At most {@link MOST_WAVES}; `moreWaves` are left out. */
  readonly waves: readonly Pick<WaveProgress, 'number' | 'name' | 'size' | 'status' | 'proven' | 'failed'>[];
  readonly moreWaves?: number | undefined;
  /** At most {@link MOST_FAILURES}; `failed` counts them all. */
  readonly failures: readonly { readonly server: string; readonly class: string; readonly reason: string }[];
  readonly failed: number;
  readonly gate?: CardGate | undefined;
  /** The latest {@link MOST_DECISIONS}, oldest first. */
  readonly decisions: readonly CardDecision[];
  /** The decisions that count now. */
  readonly can: readonly Verb[];
}

/** The gate that is open. */
export interface CardGate {
  readonly wave: number;
  /** `1 more of ops`. */
  readonly missing: string;
  readonly approvedBy: readonly string[];
}

/** A decision as a card shows it. */
export interface CardDecision {
  readonly verb: Verb;
  readonly actor: string;
  readonly channel: string;
  /** The name of the key that vouches for it; absent when the name is only claimed. */
  readonly vouchedBy?: string | undefined;
  readonly at: number;
  readonly accepted: boolean;
  readonly reason?: string | undefined;
  readonly answer: string;
}

/** Most waves of a card. */
export const MOST_WAVES = 50;
/** Most failed servers of a card. */
export const MOST_FAILURES = 10;
/** Most decisions of a card. */
export const MOST_DECISIONS = 10;
