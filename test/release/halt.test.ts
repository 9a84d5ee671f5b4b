import { describe, expect, test } from 'vitest';
import {
  MOST_EXCEPTIONS,
  exceptionTexts,
  holdsSet,
  releasesText,
  unhaltOnlyCommand,
  withException,
} from '../../release/decisions/halt.ts';
import type { HaltException, HeldRelease, StandingHalt } from '../../release/decisions/halt.ts';

const halt = (more: Partial<StandingHalt> = {}): StandingHalt => ({
  cluster: 'eu',
  actor: 'ops',
  reason: 'fire',
  since: 0,
  until: 60_000,
  ...more,
});

const exception = (name: string, namespace = 'arena'): HaltException => ({
  set: { namespace, name },
  actor: 'bob',
  reason: 'it brings the fix',
  at: 1,
});

const DUEL = { cluster: 'eu', set: { namespace: 'arena', name: 'duel' } };

describe('a halt', () => {
  test.each<[string, StandingHalt, boolean]>([
    ['of its cluster', halt(), true],
    ['of its namespace', halt({ namespace: 'arena' }), true],
    ['of another namespace', halt({ namespace: 'lobby' }), false],
    ['of another cluster', halt({ cluster: 'us' }), false],
    ['that lets it go on', halt({ exceptions: [exception('duel')] }), false],
    [
      'that lets a set of that name in another namespace go on',
      halt({ exceptions: [exception('duel', 'lobby')] }),
      true,
    ],
    ['that lets another set go on', halt({ exceptions: [exception('duel-2')] }), true],
  ])('%s holds a set, or not', (_what, standing, holds) => {
    expect(holdsSet(standing, DUEL)).toBe(holds);
  });

  test('lets a set go on once, of its own namespaces only, and not without end', () => {
    const first = withException(halt(), exception('duel'));
    expect(first).toEqual({ exceptions: [exception('duel')] });
    const again = { ...exception('duel'), actor: 'cid' };
    expect(withException(halt({ exceptions: [exception('duel')] }), again)).toEqual(first);
    expect(withException(halt({ namespace: 'lobby' }), exception('duel'))).toEqual({
      refusal: 'arena/duel is not of namespace lobby in cluster eu',
    });
    const many = Array.from({ length: MOST_EXCEPTIONS }, (_, index) => exception(`set-${index}`));
    expect(withException(halt({ exceptions: many }), exception('duel'))).toEqual({
      refusal: '100 sets go on already: end the halt instead, hotwave unhalt --cluster eu',
    });
  });

  test('names who goes on, and does not say that they are about to stand still', () => {
    const release = (set: string, phase: HeldRelease['phase']): HeldRelease => ({
      workflowId: `hotwave/eu/arena/${set}`,
      release: `of-${set}`,
      phase,
    });
    const exceptions = [exception('duel')];
    const releases = [release('duel', 'updating'), release('chess', 'halted')];
    expect(releasesText({ releases, exceptions })).toBe('stand still: of-chess (arena/chess)');
    expect(releasesText({ releases: releases.slice(0, 1), exceptions })).toBe('no other release is running on it');
    expect(exceptionTexts({ exceptions })).toEqual(['goes on in spite of it: arena/duel (bob: it brings the fix)']);
    expect(unhaltOnlyCommand(DUEL)).toBe('hotwave unhalt --only arena/duel --cluster eu');
  });
});
