import { ordinalOf } from '../fleet/identity.ts';
import { compactRanges } from '../fleet/ranges.ts';
import type { AuditRow } from './audit.ts';

/** Servers that say the same of themselves, folded: ten thousand of them are a few lines. */
export interface AuditGroup extends Pick<AuditRow, 'wanted' | 'loaded' | 'files' | 'image' | 'proves' | 'mismatch'> {
  readonly count: number;
  /** Their ordinals as compact ranges. */
  readonly servers: string;
}

/** Answers bound what a set can say: beyond so many groups the smallest are left out. */
const MOST_GROUPS = 100;

/** The rows of an audit by what they say, those that prove their version first, the larger groups before the smaller. */
export function auditGroups(rows: readonly AuditRow[]): readonly AuditGroup[] {
  const groups = new Map<string, AuditRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.wanted, row.loaded, row.files, row.image, row.proves, row.mismatch]);
    const known = groups.get(key);
    if (known) known.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()]
    .flatMap((group) => foldedOf(group))
    .toSorted(byUse)
    .slice(0, MOST_GROUPS);
}

function foldedOf(rows: readonly AuditRow[]): AuditGroup[] {
  const [first] = rows;
  if (!first) return [];
  const { wanted, loaded, files, image, proves, mismatch } = first;
  const servers = compactRanges(rows.map(({ server }) => ordinalOf(server)));
  return [{ wanted, loaded, files, image, proves, mismatch, count: rows.length, servers }];
}

function byUse(left: AuditGroup, right: AuditGroup): number {
  const rank = ({ proves, mismatch }: AuditGroup): number => (proves && mismatch === '' ? 0 : 1);
  return rank(left) - rank(right) || right.count - left.count;
}
