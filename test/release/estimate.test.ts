import { expect, test } from 'vitest';
import { estimateOf } from '../../release/plan/estimate.ts';

const past = (
  seconds: number,
  waves: number,
  strategy = 'rolling',
): { strategy: string; waves: number; seconds: number } => ({
  strategy,
  waves,
  seconds,
});
const planned = { strategy: 'rolling' as const, waves: [1, 2, 3] };

test('a release takes as long as its waves took in earlier ones, by the middle one', () => {
  expect(estimateOf(planned, [past(120, 2), past(1_000, 1), past(30, 3)])).toEqual({
    releases: 3,
    perWave: { least: 10, middle: 60, most: 1_000 },
    seconds: 180,
  });
});

test('releases of another strategy, and those without a wave, tell nothing', () => {
  expect(estimateOf(planned, [past(120, 2, 'targeted'), past(9, 0)])).toBeUndefined();
  expect(estimateOf(planned, [])).toBeUndefined();
  expect(estimateOf(planned, [past(120, 2, 'targeted'), past(8, 2)])).toMatchObject({ releases: 1, seconds: 12 });
});
