import { defaultPayloadConverter } from '@temporalio/common';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { describe, expect, test } from 'vitest';
import { underWay } from '../../release/checks/under-way.ts';
import { retriesOf, underWayOf } from '../../client/temporal/retries.ts';

type Raw = WorkflowExecutionDescription['raw'];

const failing = (attempt: number, message: string): NonNullable<Raw['pendingActivities']>[number] => ({
  activityType: { name: 'awaitReady' },
  attempt,
  lastFailure: { message },
});

function retries(...pendingActivities: NonNullable<Raw['pendingActivities']>): ReturnType<typeof retriesOf> {
  return retriesOf({ raw: { pendingActivities } }, loadDataConverter());
}

describe('what a release tries again', () => {
  test('is an activity that has failed, with the reason of its latest failure', async () => {
    expect(await retries(failing(3, 'no answer'))).toEqual([
      { activity: 'awaitReady', attempt: 3, reason: 'no answer' },
    ]);
  });

  test('is not what runs for the first time', async () => {
    expect(await retries({ activityType: { name: 'awaitReady' }, attempt: 1 })).toEqual([]);
  });

  test('is said once, with the most attempts, however many batches have the same trouble', async () => {
    expect(await retries(failing(2, 'no answer'), failing(4, 'no answer'), failing(3, 'no answer'))).toEqual([
      { activity: 'awaitReady', attempt: 4, reason: 'no answer' },
    ]);
  });
});

describe('how far a step is', () => {
  const saying = (details: unknown): NonNullable<Raw['pendingActivities']>[number] => ({
    heartbeatDetails: { payloads: [defaultPayloadConverter.toPayload(details)] },
  });
  const seen = (...details: unknown[]): ReturnType<typeof underWayOf> =>
    underWayOf({ raw: { pendingActivities: details.map(saying) } }, loadDataConverter());
  const notYet = (count: number): { server: string; reason: string }[] =>
    Array.from({ length: count }, (_, index) => ({ server: `duel-${index}`, reason: 'it answers "1.0"' }));

  test('is told by its batches together, as their heartbeats say', async () => {
    expect(await seen(underWay(250, 200, notYet(1)), underWay(50, 50, []))).toEqual({
      v: 1,
      of: 300,
      right: 250,
      notYet: [{ server: 'duel-0', reason: 'it answers "1.0"' }],
      count: 1,
    });
  });

  test('names a few servers and counts all, however many are not right', async () => {
    const told = await seen(underWay(250, 0, notYet(250)), underWay(250, 0, notYet(250)));
    expect(told?.notYet).toHaveLength(20);
    expect(told?.count).toBe(500);
    expect(JSON.stringify(underWay(250, 0, notYet(250))).length).toBeLessThan(8_000);
  });

  test.each([
    undefined,
    null,
    7,
    'text',
    { v: 2 },
    { v: 1, told: [] },
    { v: 1, of: 'x', right: 1, count: 1, notYet: [] },
  ])('is not known by a heartbeat that says %j', async (details) => {
    expect(await seen(details)).toBeUndefined();
  });

  test('is not known where nothing is at work', async () => {
    expect(await underWayOf({ raw: {} }, loadDataConverter())).toBeUndefined();
  });
});
