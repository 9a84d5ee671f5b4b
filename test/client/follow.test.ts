import { describe, expect, test } from 'vitest';
import type { Ending, FollowOptions } from '../../client/terminal/follow.ts';
import { follow, isWaitingForPeople } from '../../client/terminal/follow.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { aReleaseState } from './support.ts';

type Look = ReleaseState | undefined | 'gone';

async function followed(
  looks: readonly Look[],
  options: Partial<FollowOptions> = {},
): Promise<{ ending: Ending; seen: string[] }> {
  const remaining = [...looks];
  const last = looks.at(-1);
  const sightings = follow({
    read: () => Promise.resolve(remaining.length > 0 ? remaining.shift() : last),
    interval: 0,
    stop: new AbortController().signal,
    timeout: Infinity,
    ...options,
  });
  const seen: string[] = [];
  for (;;) {
    const next = await sightings.next();
    if (next.done) return { ending: next.value, seen };
    seen.push(`${next.value.state.phase}${next.value.silentFor > 0 ? ' (silent)' : ''}`);
  }
}

const updating = aReleaseState();
const atGate = aReleaseState({ phase: 'waiting-approval' });
const done = aReleaseState({ phase: 'done' });

describe('following a release', () => {
  test('ends with the release', async () => {
    expect(await followed([updating, atGate, done])).toEqual({
      ending: 'final',
      seen: ['updating', 'waiting-approval', 'done'],
    });
  });

  test.each(['waiting-approval', 'paused'] as const)('ends while %s when asked to stop there', async (phase) => {
    const { ending } = await followed([updating, aReleaseState({ phase })], { isReached: isWaitingForPeople });
    expect(ending).toBe('reached');
  });

  test('outlives a worker that is silent for a while', async () => {
    expect(await followed([updating, undefined, done])).toEqual({
      ending: 'final',
      seen: ['updating', 'updating (silent)', 'done'],
    });
  });

  test('shows nothing as long as nothing is known', async () => {
    expect((await followed([undefined, undefined, done])).seen).toEqual(['done']);
  });

  test('ends when the time is over, after at least one look', async () => {
    expect(await followed([updating], { timeout: 0 })).toEqual({ ending: 'time is over', seen: ['updating'] });
  });

  test('ends at once when it is stopped', async () => {
    expect(await followed([updating], { stop: AbortSignal.abort() })).toEqual({ ending: 'interrupted', seen: [] });
  });

  test('ends when the workflow was closed from outside', async () => {
    expect((await followed([updating, 'gone'])).ending).toBe('gone');
  });
});
