import { agreed, counted } from '../spec/counted.ts';
import type { AuditGroup } from './audit-groups.ts';
import { auditGroups } from './audit-groups.ts';
import type { Mismatch, AuditFrame, AuditRow } from './audit.ts';

/** The sum of all rows. */
export interface AuditVerdict {
  /** Every server that should exist proves the version that it has to run, and none mismatches. */
  readonly verified: boolean;
  /** One line for people. */
  readonly summary: string;
  readonly servers: number;
  readonly proved: number;
  /** How many servers have loaded which version; the empty text stands for those that did not say. */
  readonly versions: Readonly<Record<string, number>>;
  readonly mismatches: Readonly<Record<string, number>>;
}

/** The audit of a set at one moment. */
export interface Audit extends AuditVerdict {
  readonly v: 1;
  readonly set: AuditFrame['set'];
  readonly replicas: number;
  readonly templateImage: string;
  readonly expectedVersion: AuditFrame['expectedVersion'];
  readonly notes: readonly string[];
  /** All servers by what they say; absent in answers of earlier workers. */
  readonly groups?: readonly AuditGroup[];
  readonly rows: readonly AuditRow[];
  /** Rows that are left out because the answer would be too long; those with a mismatch come first. */
  readonly omitted: number;
}

/** The answer to an audit: what every server runs, or why nobody can say. */
export type AuditAnswer =
  | { readonly kind: 'audit'; readonly audit: Audit }
  | { readonly kind: 'refused' | 'unreachable'; readonly reason: string };

/** Temporal takes payloads of at most 2 MiB. */
const ROWS_LIMIT = 1_500_000;

/** Puts the rows of an audit together. Bounded: beyond some thousand servers it keeps those that matter. */
export function auditOf(frame: AuditFrame, rows: readonly AuditRow[]): Audit {
  const kept = boundedRows(rows);
  const { set, replicas, templateImage, expectedVersion, notes } = frame;
  return {
    v: 1,
    set,
    replicas,
    templateImage,
    expectedVersion,
    notes,
    ...verdictOf(frame, rows),
    groups: auditGroups(rows),
    rows: kept,
    omitted: rows.length - kept.length,
  };
}

/** Judges all rows. */
export function verdictOf(
  frame: Pick<AuditFrame, 'replicas' | 'expectedVersion'>,
  rows: readonly AuditRow[],
): AuditVerdict {
  const proved = rows.filter((row) => row.proves).length;
  return {
    verified: rows.length > 0 && rows.length >= frame.replicas && rows.every(isAsItShouldBe),
    summary: summaryOf(frame, rows),
    servers: rows.length,
    proved,
    versions: countBy(rows, ({ loaded }) => loaded),
    mismatches: countBy(
      rows.filter(({ mismatch }) => mismatch !== ''),
      ({ mismatch }) => mismatch,
    ),
  };
}

/** An engine keeps what it has loaded: it proves a version that neither its image nor its files have any more. */
function isAsItShouldBe({ proves, mismatch }: AuditRow): boolean {
  return proves && mismatch === '';
}

/**
 * `10 of 12 servers on v2.0; 2 not: gss-3 (v1.0), gss-7 (not loaded: runs v1.0, files v2.0)`: what a person wants to
 * know first.
 */
function summaryOf(
  { replicas, expectedVersion }: Pick<AuditFrame, 'replicas' | 'expectedVersion'>,
  rows: readonly AuditRow[],
): string {
  if (rows.length === 0) return 'the set has no servers';
  const groups = Object.entries(countBy(rows, ({ wanted }) => wanted)).map(([version, count]) => {
    const proved = rows.filter((row) => row.wanted === version && row.proves).length;
    return { version, proved, count };
  });
  const counts = groups.map(
    ({ version, proved, count }, index) =>
      `${proved} of ${index === 0 ? counted(count, 'server') : count} on ${version}`,
  );
  const parts = [
    `${counts.join(', ')}${expectedVersion.strategy === 'rolling' ? '' : ` (${expectedVersion.strategy})`}`,
    named(
      rows.filter((row) => !row.proves),
      'not',
    ),
    named(
      rows.filter((row) => row.proves && row.mismatch !== ''),
      'mismatching',
    ),
    rows.length < replicas
      ? `${replicas - rows.length} of ${counted(replicas, 'server')} ${agreed(replicas - rows.length, 'does', 'do')} not exist`
      : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

const NAMED = 5;
const REASON_LIMIT = 120;

function named(rows: readonly AuditRow[], what: string): string {
  if (rows.length === 0) return '';
  const names = rows.slice(0, NAMED).map((row) => `${row.server} (${mismatchText(row).slice(0, REASON_LIMIT)})`);
  const more = rows.length > NAMED ? ` and ${rows.length - NAMED} more` : '';
  return `${rows.length} ${what}: ${names.join(', ')}${more}`;
}

/** A server's mismatch as people read it: the word and the reason, or the version alone when it is merely another one. */
function mismatchText({ mismatch, reason }: Pick<AuditRow, 'mismatch' | 'reason'>): string {
  const isPlainVersion = mismatch === 'behind' && !reason.includes(' ');
  if (isPlainVersion) return reason;
  return [mismatch, reason].filter((part) => part !== '').join(': ');
}

function countBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Record<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function boundedRows(rows: readonly AuditRow[]): readonly AuditRow[] {
  const urgent = (mismatch: Mismatch): number => (mismatch === '' ? 1 : 0);
  const sizes = new Map(rows.map((row) => [row, bytesOf(row)]));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (total <= ROWS_LIMIT) return rows;
  let room = ROWS_LIMIT;
  return rows
    .toSorted((left, right) => urgent(left.mismatch) - urgent(right.mismatch))
    .filter((row) => (room -= sizes.get(row) ?? 0) >= 0);
}

function bytesOf(row: AuditRow): number {
  return new TextEncoder().encode(JSON.stringify(row)).length + 1;
}
