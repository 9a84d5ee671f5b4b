import type { Drift, LedgerFrame, LedgerRow } from './audit.ts';

/** What all rows together say. */
export interface LedgerVerdict {
  /** Every server proves the version that it has to run. */
  readonly verified: boolean;
  /** One line for people. */
  readonly summary: string;
  readonly servers: number;
  readonly proved: number;
  /** How many servers have loaded which version; the empty text stands for those that did not say. */
  readonly versions: Readonly<Record<string, number>>;
  readonly drifts: Readonly<Record<string, number>>;
}

/** The ledger of a set at one moment. */
export interface Ledger extends LedgerVerdict {
  readonly v: 1;
  readonly set: LedgerFrame['set'];
  readonly replicas: number;
  readonly templateImage: string;
  readonly yardstick: LedgerFrame['yardstick'];
  readonly notes: readonly string[];
  readonly rows: readonly LedgerRow[];
  /** Rows that are left out because the answer would be too long; those with a drift come first. */
  readonly omitted: number;
}

/** Temporal takes payloads of at most 2 MiB. */
const ROWS_LIMIT = 1_500_000;

/** Puts the rows of a ledger together. Bounded: beyond some thousand servers it keeps those that matter. */
export function ledgerOf(frame: LedgerFrame, rows: readonly LedgerRow[]): Ledger {
  const kept = boundedRows(rows);
  const { set, replicas, templateImage, yardstick, notes } = frame;
  return {
    v: 1,
    set,
    replicas,
    templateImage,
    yardstick,
    notes,
    ...verdictOf(frame, rows),
    rows: kept,
    omitted: rows.length - kept.length,
  };
}

/** Judges all rows. */
export function verdictOf(
  frame: Pick<LedgerFrame, 'replicas' | 'yardstick'>,
  rows: readonly LedgerRow[],
): LedgerVerdict {
  const proved = rows.filter((row) => row.proves).length;
  return {
    verified: rows.length > 0 && proved === rows.length && rows.length >= frame.replicas,
    summary: summaryOf(frame, rows),
    servers: rows.length,
    proved,
    versions: countBy(rows, ({ loaded }) => loaded),
    drifts: countBy(
      rows.filter(({ drift }) => drift !== ''),
      ({ drift }) => drift,
    ),
  };
}

/**
 * `10 of 12 servers on v2.0; 2 not: gss-3 (v1.0), gss-7 (not loaded: runs v1.0, files v2.0)`: what a person wants to
 * know first.
 */
function summaryOf(
  { replicas, yardstick }: Pick<LedgerFrame, 'replicas' | 'yardstick'>,
  rows: readonly LedgerRow[],
): string {
  if (rows.length === 0) return 'the set has no servers';
  const groups = Object.entries(countBy(rows, ({ wanted }) => wanted)).map(([version, count]) => {
    const proved = rows.filter((row) => row.wanted === version && row.proves).length;
    return { version, text: `${proved} of ${count}` };
  });
  const counts = groups.map(({ version, text }, index) => `${text}${index === 0 ? ' servers' : ''} on ${version}`);
  const parts = [
    `${counts.join(', ')}${yardstick.strategy === 'rolling' ? '' : ` (${yardstick.strategy})`}`,
    named(
      rows.filter((row) => !row.proves),
      'not',
    ),
    named(
      rows.filter((row) => row.proves && row.drift !== ''),
      'drifting',
    ),
    rows.length < replicas ? `${replicas - rows.length} of ${replicas} servers do not exist` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

const NAMED = 5;
const REASON_LIMIT = 120;

function named(rows: readonly LedgerRow[], what: string): string {
  if (rows.length === 0) return '';
  const names = rows.slice(0, NAMED).map((row) => `${row.server} (${driftText(row).slice(0, REASON_LIMIT)})`);
  const more = rows.length > NAMED ? ` and ${rows.length - NAMED} more` : '';
  return `${rows.length} ${what}: ${names.join(', ')}${more}`;
}

/** A server's drift as people read it: the word and the reason, or the version alone when it is merely another one. */
function driftText({ drift, reason }: Pick<LedgerRow, 'drift' | 'reason'>): string {
  const isPlainVersion = drift === 'behind' && !reason.includes(' ');
  if (isPlainVersion) return reason;
  return [drift, reason].filter((part) => part !== '').join(': ');
}

function countBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Record<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function boundedRows(rows: readonly LedgerRow[]): readonly LedgerRow[] {
  const urgent = (drift: Drift): number => (drift === '' ? 1 : 0);
  const sizes = new Map(rows.map((row) => [row, bytesOf(row)]));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (total <= ROWS_LIMIT) return rows;
  let room = ROWS_LIMIT;
  return rows
    .toSorted((left, right) => urgent(left.drift) - urgent(right.drift))
    .filter((row) => (room -= sizes.get(row) ?? 0) >= 0);
}

function bytesOf(row: LedgerRow): number {
  return new TextEncoder().encode(JSON.stringify(row)).length + 1;
}
