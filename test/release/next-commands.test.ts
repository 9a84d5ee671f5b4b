import { describe, expect, test } from 'vitest';
import { nextCommands } from '../../release/narrate.ts';
import { initialState } from '../../release/state.ts';
import type { Phase, ReleaseState } from '../../release/state.ts';

function aState(phase: Phase, cluster = 'default'): ReleaseState {
  const identity = {
    release: 'scripts-2-0',
    cluster,
    set: { namespace: 'arena', name: 'duel' },
    strategy: 'rolling',
    requester: 'ann',
    image: 'registry.test/scripts:2.0',
    version: '2.0',
  };
  return { ...initialState(identity, 0), phase, wave: 2 };
}

describe('the commands that a person is shown', () => {
  test('can be pasted into a shell one by one: nothing in them is a choice or a pipe', () => {
    expect(nextCommands(aState('paused'))).toEqual([
      'hotwave resume arena/duel',
      'hotwave rollback arena/duel',
      'hotwave cancel arena/duel --then hold',
      'hotwave cancel arena/duel --then rollback',
    ]);
  });

  test('name the wave whose gate is meant', () => {
    expect(nextCommands(aState('waiting-approval')).slice(0, 2)).toEqual([
      'hotwave approve arena/duel --wave 2',
      'hotwave reject arena/duel --wave 2',
    ]);
  });

  test('name the cluster where it is not the usual one, because the same set may exist in two', () => {
    for (const command of nextCommands(aState('paused', 'eu'))) expect(command).toMatch(/ --cluster eu\b/);
  });
});
