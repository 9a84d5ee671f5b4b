import { describe, expect, test } from 'vitest';
import { isSentAgain } from '../../client/temporal/connect.ts';

/** The answers of Temporal's server. */
function status(code: number, details: string): Parameters<typeof isSentAgain>[1] {
  return { code, details } as unknown as Parameters<typeof isSentAgain>[1];
}

const LOST = status(9, 'Unable to perform workflow execution update due to unexpected workflow task failure.');

describe('a request that failed', () => {
  test.each([
    ['because its workflow task was lost is sent again', LOST, true],
    ['because Temporal was away for a moment is sent again', status(14, 'connection refused'), true],
    [
      'because many ask the same workflow is not: they would all come back at once',
      status(8, 'query buffer is full'),
      false,
    ],
    ['because the workflow is not there is not', status(5, 'workflow not found'), false],
    ['because no worker polls is not', status(9, 'no poller seen for task queue recently'), false],
  ])('%s', (_why, why, again) => {
    expect(isSentAgain(1, why)).toBe(again);
  });

  test('because its workflow task was lost is given up after four times', () => {
    expect([2, 3, 4].map((attempt) => isSentAgain(attempt, LOST))).toEqual([true, true, false]);
  });
});
