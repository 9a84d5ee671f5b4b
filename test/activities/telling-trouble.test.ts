import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import type { Troubles } from '../../activities/ports/troubles.ts';
import { THROUGH_MS, tellingTrouble } from '../../activities/telling-trouble.ts';
import type { CallTrouble } from '../../release/progress/call-trouble.ts';
import { inActivity } from '../support/activity-context.ts';

const refused = new ClusterFailure('overloaded', 'the API server is overloaded', { retryable: true });
const final = new ClusterFailure('forbidden', 'the worker may not patch gameserversets', { retryable: false });
const SCHEDULED = Date.UTC(2026, 0, 2);
const LIMIT = 900_000;
const call = { activity: 'openWave', scheduledAt: SCHEDULED, until: SCHEDULED + LIMIT };

function told(): { readonly troubles: Troubles; readonly said: CallTrouble[] } {
  const said: CallTrouble[] = [];
  return { said, troubles: { tell: (trouble) => Promise.resolve(void said.push(trouble)) } };
}

interface Attempted {
  readonly attempt: number;
  readonly activityType?: string;
  readonly run: () => Promise<string>;
}

async function attempted({ attempt, activityType = 'openWave', run }: Attempted): Promise<readonly CallTrouble[]> {
  const { troubles, said } = told();
  const times = { scheduledTimestampMs: SCHEDULED, scheduleToCloseTimeoutMs: LIMIT };
  const activity = tellingTrouble(troubles, run);
  await inActivity(() => activity(undefined), { attempt, activityType, ...times }).catch(() => undefined);
  return said;
}

describe('a call that will be made again is told to its release', () => {
  test('at its first failure, with the reason and the time at which it gives up', async () => {
    const said = await attempted({ attempt: 1, run: () => Promise.reject(refused) });
    expect(said).toEqual([{ ...call, attempt: 1, reason: 'the API server is overloaded' }]);
  });

  test('at attempts 1, 2, 4, 8 and so on: a history has room for that', async () => {
    const attempts = Array.from({ length: 90 }, (_, index) => index + 1);
    const said = await Promise.all(
      attempts.map((attempt) => attempted({ attempt, run: () => Promise.reject(refused) })),
    );
    expect(said.flat().map(({ attempt }) => attempt)).toEqual([1, 2, 4, 8, 16, 32, 64]);
  });

  test.each([
    ['the failure is final: the release hears it anyway', { run: () => Promise.reject(final) }],
    ['it goes well', { run: () => Promise.resolve('done') }],
    ['nobody waits for it', { run: () => Promise.reject(refused), activityType: 'watchSet' }],
  ])('but not when %s', async (_when, how) => {
    expect(await attempted({ attempt: 1, ...how })).toEqual([]);
  });
});

describe('a call that lasts', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const lasting = (milliseconds: number, then: () => Promise<string>) => async (): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    return await then();
  };

  test('is said to go through once it has lasted longer than a request may, and to fail when it fails later', async () => {
    const saying = attempted({ attempt: 3, run: lasting(THROUGH_MS + 1, () => Promise.reject(refused)) });
    await vi.advanceTimersByTimeAsync(THROUGH_MS + 1);
    expect(await saying).toEqual([
      { ...call, attempt: 3 },
      { ...call, attempt: 3, reason: 'the API server is overloaded' },
    ]);
  });

  test('is not said to go through when it has never failed', async () => {
    const saying = attempted({ attempt: 1, run: lasting(THROUGH_MS + 1, () => Promise.resolve('done')) });
    await vi.advanceTimersByTimeAsync(THROUGH_MS + 1);
    expect(await saying).toEqual([]);
  });
});
