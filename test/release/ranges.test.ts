import { expect, test } from 'vitest';
import { compactRanges, isInRanges } from '../../release/fleet/ranges.ts';

test.each([
  ['0-2,5,9', [0, 1, 2, 5, 9]],
  ['4', [4]],
  ['', []],
  ['x,-3,7-', []],
])('the ranges %j name %j of the first ten numbers', (ranges, named) => {
  const numbers = Array.from({ length: 10 }, (_, number) => number);
  expect(numbers.filter((number) => isInRanges(ranges, number))).toEqual(named);
});

test('what is made compact names the same numbers again', () => {
  const numbers = [0, 1, 5, 6, 7, 40, 99];
  const ranges = compactRanges(numbers);
  expect(Array.from({ length: 120 }, (_, number) => number).filter((number) => isInRanges(ranges, number))).toEqual(
    numbers,
  );
});
