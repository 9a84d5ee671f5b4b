import { cutText } from '../spec/plain-text.ts';

/** A server that is not right yet, and why, as it was last seen. */
export interface NotYetRight {
  readonly server: string;
  readonly reason: string;
}

/** How far a step over a batch of servers is while it is at work: only its activity knows, and says it in heartbeats. */
export interface UnderWay {
  readonly v: 1;
  /** Servers of the batch. */
  readonly of: number;
  /** Servers for which nothing is left to do. */
  readonly right: number;
  /** The first servers that are not right. */
  readonly notYet: readonly NotYetRight[];
  /** Servers that are not right, in all. */
  readonly count: number;
}

/** Heartbeats are kept small: so many servers are named, with so many characters of their reason. */
const NAMED = 20;
const REASON_LIMIT = 240;

/** The same, bounded for a heartbeat. */
export function underWay(of: number, right: number, notYet: readonly NotYetRight[]): UnderWay {
  const named = notYet.slice(0, NAMED).map(({ server, reason }) => ({ server, reason: cutText(reason, REASON_LIMIT) }));
  return { v: 1, of, right, notYet: named, count: notYet.length };
}

/** The progress that a heartbeat tells, if it tells any. A worker of another version may have written it. */
export function readUnderWay(details: unknown): UnderWay | undefined {
  const said = details as Partial<UnderWay> | null | undefined;
  if (typeof said !== 'object' || said === null || said.v !== 1 || !Array.isArray(said.notYet)) return undefined;
  const { of, right, count } = said;
  if (![of, right, count].every((number) => Number.isSafeInteger(number))) return undefined;
  const notYet = said.notYet.filter(
    (entry: Partial<NotYetRight> | null) => typeof entry?.server === 'string' && typeof entry.reason === 'string',
  );
  return { v: 1, of: of ?? 0, right: right ?? 0, notYet, count: count ?? 0 };
}

/** Several batches of one step as one. */
export function together(batches: readonly UnderWay[]): UnderWay | undefined {
  if (batches.length === 0) return undefined;
  const sum = (of: (batch: UnderWay) => number): number => batches.reduce((total, batch) => total + of(batch), 0);
  return {
    ...underWay(
      sum(({ of }) => of),
      sum(({ right }) => right),
      batches.flatMap(({ notYet }) => notYet),
    ),
    count: sum(({ count }) => count),
  };
}
