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

/** The numbers that compact ranges name, ascending; at most so many of each range, whatever the text says. */
export function numbersIn(ranges: string, most = MOST_NUMBERS): number[] {
  const numbers = ranges.split(',').flatMap((range) => {
    if (!/^\d+(-\d+)?$/.test(range)) return [];
    const [from = 0, to = from] = range.split('-').map(Number);
    return Array.from({ length: Math.max(0, Math.min(most, to - from + 1)) }, (_, index) => from + index);
  });
  return numbers.toSorted((left, right) => left - right);
}

/** More servers than any set has. */
const MOST_NUMBERS = 100_000;

/** True when compact ranges name the number. A value that cannot be read names nothing. */
export function isInRanges(ranges: string, number: number): boolean {
  return ranges.split(',').some((range) => {
    const [from, to = from] = range.split('-').map((part) => (part === '' ? NaN : Number(part)));
    return from !== undefined && to !== undefined && number >= from && number <= to;
  });
}
