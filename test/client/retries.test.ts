import type { WorkflowExecutionDescription } from '@temporalio/client';
import { describe, expect, test } from 'vitest';
import { retriesOf } from '../../client/temporal/retries.ts';

type Raw = WorkflowExecutionDescription['raw'];

const failing = (attempt: number, message: string): NonNullable<Raw['pendingActivities']>[number] => ({
  activityType: { name: 'awaitReady' },
  attempt,
  lastFailure: { message },
});

function retries(...pendingActivities: NonNullable<Raw['pendingActivities']>): ReturnType<typeof retriesOf> {
  return retriesOf({ raw: { pendingActivities } });
}

describe('what a release tries again', () => {
  test('is an activity that has failed, with the reason of its latest failure', () => {
    expect(retries(failing(3, 'no answer'))).toEqual([{ activity: 'awaitReady', attempt: 3, reason: 'no answer' }]);
  });

  test('is not what runs for the first time', () => {
    expect(retries({ activityType: { name: 'awaitReady' }, attempt: 1 })).toEqual([]);
  });

  test('is said once, with the most attempts, however many batches have the same trouble', () => {
    expect(retries(failing(2, 'no answer'), failing(4, 'no answer'), failing(3, 'no answer'))).toEqual([
      { activity: 'awaitReady', attempt: 4, reason: 'no answer' },
    ]);
  });
});
