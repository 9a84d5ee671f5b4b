import type { AuditFrame } from './audit.ts';

/** Servers of one page: it bounds what one call asks, returns and repeats. */
const PAGE_SIZE = 250;
/** Pages that are read at once: an audit must not press the servers harder than a release does. */
const PAGES_AT_ONCE = 4;

/** A batch of servers of an audit. */
export interface AuditPage {
  readonly frame: AuditFrame;
  readonly names: readonly string[];
  /** Images of GameServers that win over the template, by server. */
  readonly overrides: Readonly<Record<string, string>>;
}

/** The pages of an audit, in rounds: those of one round are read at once. */
export function auditRounds({ frame, names, overrides }: AuditPage): (readonly AuditPage[])[] {
  const pages = inPieces(names, PAGE_SIZE).map((page) => ({
    frame,
    names: page,
    overrides: Object.fromEntries(Object.entries(overrides).filter(([name]) => page.includes(name))),
  }));
  return inPieces(pages, PAGES_AT_ONCE);
}

function inPieces<Value>(values: readonly Value[], size: number): (readonly Value[])[] {
  const pieces: (readonly Value[])[] = [];
  for (let start = 0; start < values.length; start += size) pieces.push(values.slice(start, start + size));
  return pieces;
}
