import { describe, expect, test } from 'vitest';
import type { ServerFailure } from '../../release/checks/server.ts';
import { apartSentences } from '../../release/narrate/narrate.ts';
import { apply } from '../../release/progress/apply.ts';
import { withCounts } from '../../release/progress/groups.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { STAGE } from '../../release/progress/table.ts';
import type { Progress, Release, Row } from '../../release/progress/table.ts';
import { aPlannedRelease } from './a-planned-release.ts';

// The servers that a rollback lists as failed once it is over.

const NOW = 1_000;
const failure = (server: string): ServerFailure => ({ server, class: 'version', reason: `${server}: no proof` });

/** A release of three servers of which these had failed, on its way back. */
function goingBack(failed: readonly string[], strategy: 'rolling' | 'newServersOnly' = 'rolling'): Release {
  const { plan, spec, state, progress } = aPlannedRelease([1, 'rest'], NOW);
  const release = {
    plan: { ...plan, strategy },
    spec,
    state: { ...state, strategy, failures: failed.map(failure) },
    progress,
    isOnRecord: false,
  };
  return apply(
    release,
    { kind: 'turnedBack', scope: 'release', order: 'all', outcome: 'rolled-back', reason: 'bob', hasFailed: true },
    NOW,
  );
}

/** Its end, after what became of its servers. */
function ended(
  release: Release,
  {
    rows = {},
    progress = {},
    state = {},
  }: {
    readonly rows?: Readonly<Record<string, Row>>;
    readonly progress?: Partial<Progress>;
    readonly state?: Partial<ReleaseState>;
  } = {},
): ReleaseState {
  const known = { ...release.progress, ...progress, rows: new Map(Object.entries(rows)) };
  const back = known.back && { ...known.back, groups: [['duel-0', 'duel-1', 'duel-2']] };
  const whole = { ...release, progress: { ...known, back }, state: { ...release.state, ...state } };
  return apply(whole, { kind: 'finished', outcome: 'rolled-back', reason: '' }, NOW).state;
}

describe('a rollback that is over', () => {
  test('lists nobody as failed who is back, and tells what had failed apart from that', () => {
    const state = ended(goingBack(['duel-2', 'duel-1']));
    expect([state.failures, state.failedBefore]).toEqual([[], [failure('duel-2'), failure('duel-1')]]);
    expect(apartSentences(state)).toEqual(['had failed, and prove 1.0 now: duel-2 (version), duel-1 (version)']);
  });

  test('of which nobody had failed tells nothing of it', () => {
    const state = ended(goingBack([]));
    expect([state.failures, state.failedBefore]).toEqual([[], undefined]);
  });

  test.each<[string, Parameters<typeof ended>[1]]>([
    ['is kept for debugging', { state: { keptForDebugging: ['duel-2'] } }],
    ['was skipped', { state: { skipped: [{ server: 'duel-2', actor: 'bob', reason: 'broken disk' }] } }],
    ['has failed on the way back', { rows: { 'duel-2': { stage: STAGE.moved, failed: 'notReady' } } }],
  ])('still lists one that %s', (_what, more) => {
    const state = ended(goingBack(['duel-2', 'duel-1']), more);
    expect([state.failures, state.failedBefore]).toEqual([[failure('duel-2')], [failure('duel-1')]]);
  });

  test('still lists a newcomer that does not serve', () => {
    const newcomer = { ...goingBack([]).plan.waves[0]!.servers[0]!, name: 'duel-3' };
    const newcomers = { ...goingBack([]).progress.newcomers, notProved: [newcomer] };
    const state = ended(goingBack(['duel-3', 'duel-1']), { progress: { newcomers } });
    expect([state.failures, state.failedBefore]).toEqual([[failure('duel-3')], [failure('duel-1')]]);
  });

  test('counts nobody as failed who is back', () => {
    const rows = { 'duel-2': { stage: STAGE.proved, hadFailed: true }, 'duel-1': { stage: STAGE.proved } } as const;
    const release = goingBack(['duel-2']);
    const counted = (phase: ReleaseState['phase']): unknown =>
      withCounts({
        ...release,
        state: { ...release.state, phase },
        progress: {
          ...release.progress,
          rows: new Map(Object.entries(rows)),
          back: { ...release.progress.back!, groups: [['duel-2', 'duel-1']] },
        },
      }).waves.map(({ proven, failed }) => [proven, failed]);
    expect([counted('rolling-back'), counted('rolled-back')]).toEqual([
      [
        [0, 1],
        [1, 0],
      ],
      [
        [1, 0],
        [1, 0],
      ],
    ]);
  });

  test('that was left half-way still lists what had failed', () => {
    const state = ended(goingBack(['duel-2']), {
      progress: { leaving: { to: 'hold', outcome: 'cancelled', reason: '' } },
    });
    expect([state.failures, state.failedBefore]).toEqual([[failure('duel-2')], undefined]);
  });

  test('of new servers only brings nobody back', () => {
    const state = ended(goingBack(['duel-2'], 'newServersOnly'));
    expect([state.failures, state.failedBefore]).toEqual([[failure('duel-2')], undefined]);
  });
});

test('while a release goes back what made it go stays listed', () => {
  expect(goingBack(['duel-2']).state.failures).toEqual([failure('duel-2')]);
});
