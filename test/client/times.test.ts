import { expect, test } from 'vitest';
import { withTimes } from '../../client/terminal/times.ts';

const AT = Date.UTC(2026, 0, 2, 12);

test('a point in time stands as RFC 3339 beside its milliseconds, wherever it is', () => {
  expect(withTimes({ startedAt: AT, wait: [{ since: AT, for: 'x' }] })).toEqual({
    startedAt: AT,
    startedAtTime: '2026-01-02T12:00:00.000Z',
    wait: [{ since: AT, sinceTime: '2026-01-02T12:00:00.000Z', for: 'x' }],
  });
});

test('what is no point in time stays as it is, whatever it is called', () => {
  const value = { until: 'done', at: 3, endedAt: undefined, openedAt: 9e15, seconds: AT, format: AT, previousAt: null };
  expect(withTimes(value)).toEqual(value);
});
