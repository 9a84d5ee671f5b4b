import { expect, test } from 'vitest';
import { mixedVerdict } from '../../release/decisions/max-mixed.ts';

const HOURS = 3_600_000;

test.each([
  ['no budget', undefined, 0, 9 * HOURS, 'advance', undefined],
  ['not mixed yet', { limit: 4 * HOURS, then: 'pause' }, undefined, 9 * HOURS, 'advance', undefined],
  ['time left', { limit: 4 * HOURS, then: 'rollback' }, 4 * HOURS, 4 * HOURS - 1, 'advance', undefined],
  [
    'no time left, a person decides',
    { limit: 4 * HOURS, then: 'pause' },
    4 * HOURS,
    4 * HOURS,
    'pause',
    'servers have been of two versions for 4h: resume gives it another 4h, rollback ends it',
  ],
  [
    'no time left, nobody decides',
    { limit: 90_000, then: 'rollback' },
    0,
    1,
    'rollback',
    'servers have been of two versions for 90s',
  ],
] as const)('servers of two versions, %s', (_what, budget, mixedUntil, now, kind, reason) => {
  expect(mixedVerdict({ mixedUntil }, budget, now)).toEqual(reason === undefined ? { kind } : { kind, reason });
});
