import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveCount } from '../../release/spec/quantity.ts';
import type { Count } from '../../release/spec/quantity.ts';

describe('a share of servers', () => {
  test.for([
    ['7%', 100, 7],
    ['55%', 100, 55],
    ['14%', 50, 7],
    ['0.1%', 1_000, 1],
    ['0.07%', 10_000, 7],
    ['33.4%', 3, 2],
    ['5%', 3, 1],
    ['0%', 10, 0],
    ['100%', 7, 7],
  ] as const)('%s of %i are %i', ([share, total, expected]) => {
    expect(resolveCount(share, total)).toBe(expected);
  });

  test('is the smallest number of servers that is no less, whatever the share', () => {
    const shares = fc.tuple(fc.integer({ min: 0, max: 100_00 }), fc.integer({ min: 0, max: 100_000 }));
    fc.assert(
      fc.property(shares, ([hundredths, total]) => {
        const text = `${Math.floor(hundredths / 100)}.${String(hundredths % 100).padStart(2, '0')}%`;
        const count = resolveCount(text as Count, total);
        // All in whole numbers: hundredths of a per cent of the servers.
        expect(count * 10_000).toBeGreaterThanOrEqual(hundredths * total);
        expect((count - 1) * 10_000).toBeLessThan(hundredths * total + (hundredths * total === 0 ? 1 : 0));
      }),
    );
  });
});
