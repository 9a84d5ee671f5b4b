/**
 * Numbers as compact ranges, ascending.
 *
 * | numbers | text |
 * |---|---|
 * | 4 | `4` |
 * | 2 1 0 | `0-2` |
 * | 9 0 1 2 5 | `0-2,5,9` |
 */
export function compactRanges(numbers: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const number of [...new Set(numbers)].sort((left, right) => left - right)) {
    const last = ranges.at(-1);
    if (last?.to === number - 1) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  return ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}
