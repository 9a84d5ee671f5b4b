import { expect, test } from 'vitest';
import { median, percentile } from './statistics.ts';

test.for([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[7], 7],
  [[], undefined],
] as const)('the median of %j is %s', ([values, expected]) => {
  expect(median(values)).toBe(expected);
});

test('the 95th percentile of few values is the largest, of a hundred the 95th', () => {
  expect(percentile([5, 9, 1], 0.95)).toBe(9);
  expect(
    percentile(
      Array.from({ length: 100 }, (_, index) => index + 1),
      0.95,
    ),
  ).toBe(95);
  expect(percentile([], 0.95)).toBeUndefined();
});
