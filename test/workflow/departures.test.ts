import { describe, expect } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { FROZEN } from '../../release/patches/patches.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE, OLD_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { effects, movedTo } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

/** The activities of a release in order, and what the set is like when it is left in the middle of one. */
const STEPS: readonly (readonly [keyof Activities, 'untouched' | 'frozen' | 'put back'])[] = [
  ['planRelease', 'untouched'],
  ['stageTemplate', 'frozen'],
  ['changePriorities', 'frozen'],
  ['openWave', 'frozen'],
  ['awaitReady', 'frozen'],
  ['checkServers', 'frozen'],
  ['reloadServers', 'frozen'],
  ['bakeWave', 'frozen'],
  ['lookAtFleet', 'frozen'],
  ['restoreSet', 'put back'],
];

const inPhase =
  (phase: ReleaseState['phase']) =>
  (state: ReleaseState): boolean =>
    state.phase === phase;

const priority = (ordinal: number): number => ordinal;

/** Holds a release in the middle of an activity, says something to it there, and lets it go on. */
async function leaveDuring(
  it: Stage,
  activity: keyof Activities,
  decision: Parameters<StartedRelease['decide']>[0],
): Promise<StartedRelease> {
  const held = it.calls.hold({ activity });
  const release = await it.start(aRelease({ waves: [{ name: 'first', servers: [3, 4] }, 'rest'], bake: '100ms' }));
  await held.reached;
  expect(await release.decide({ actor: 'bob', reason: 'players left', ...decision })).toMatchObject({ accepted: true });
  held.release();
  return release;
}

function expectEverythingBack({ cluster }: Stage): void {
  const set = cluster.set();
  expect([...set.servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(10).fill('1.0'));
  expect([...set.servers.values()].map((server) => server.container('scripts')!.status.image)).toEqual(
    Array(10).fill(OLD_IMAGE),
  );
  expect(set.raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  expect([...set.gameServers.values()].map(({ spec }) => spec.updatePriority)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
}

function partitionOf(cluster: FakeCluster): number | undefined {
  return cluster.set().raw.spec.updateStrategy?.rollingUpdate?.partition;
}

describe('cancel --then hold', () => {
  test('during restoreSet comes too late: the release ends as the set says already', async ({ stage }) => {
    const it = await stage({ sets: [{ priority }] });
    const release = await leaveDuring(it, 'restoreSet', { verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test.for(STEPS.filter(([activity]) => activity !== 'restoreSet'))(
    'during %s leaves every server on the version it has, and the set %s',
    async ([activity, left], { stage }) => {
      const it = await stage({ sets: [{ priority }] });
      const release = await leaveDuring(it, activity, { verb: 'cancel', then: 'hold' });
      expect(await release.result()).toMatchObject({ outcome: 'cancelled', reason: 'by bob: players left' });
      const before = it.cluster.log.length;
      if (left === 'frozen') expect(partitionOf(it.cluster)).toBe(FROZEN);
      else expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
      expect(movedTo(it.cluster, OLD_IMAGE)).toEqual([]);
      expect(await release.handle.describe()).toMatchObject({ status: { name: 'COMPLETED' } });
      expect(effects(it.cluster, before)).toEqual([]);
    },
  );
});

describe('rollback', () => {
  test.for(STEPS)('during %s brings every server and setting back', async ([activity], { stage }) => {
    const it = await stage({ sets: [{ priority }] });
    const release = await leaveDuring(it, activity, { verb: 'rollback' });
    const isEarly = activity === 'planRelease';
    const proof = isEarly ? 'hotwave had written nothing, so every server stays as it is' : 'every server proves 1.0';
    expect(await release.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: `asked for by bob: players left; ${proof}`,
      restartsOfMainContainers: 0,
      recreatedPods: 0,
    });
    expectEverythingBack(it);
  });

  test('before the first write of a release that gives no priorities says that hotwave had written nothing', async ({
    stage,
  }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'planRelease' });
    const release = await it.start(aRelease());
    await held.reached;
    await release.decide({ verb: 'rollback', actor: 'bob', reason: 'players left' });
    const { reason, outcome } = await (held.release(), release.result());
    expect({ outcome, reason }).toEqual({
      outcome: 'rolled-back',
      reason: 'asked for by bob: players left; hotwave had written nothing, so every server stays as it is',
    });
    expect(effects(it.cluster, 0)).toEqual([]);
  });

  test('is what cancel --then rollback does before it ends as cancelled', async ({ stage }) => {
    const it = await stage({ sets: [{ priority }] });
    const release = await leaveDuring(it, 'reloadServers', { verb: 'cancel', then: 'rollback' });
    expect(await release.result()).toMatchObject({
      outcome: 'cancelled',
      reason: 'by bob: players left; every server proves 1.0',
    });
    expectEverythingBack(it);
  });
});

/** States in which a release waits for a person, and how to get there. */
const WAITS: readonly (readonly [string, SpecWishes, (release: StartedRelease) => Promise<unknown>])[] = [
  ['at a gate', { gates: [{ before: 2 }] }, (release) => release.until('the gate', inPhase('waiting-approval'))],
  [
    'paused at a gate',
    { gates: [{ before: 2 }] },
    async (release) => {
      await release.until('the gate', inPhase('waiting-approval'));
      await release.decide({ verb: 'pause' });
      await release.until('the pause', inPhase('paused'));
    },
  ],
  [
    'paused after a failure',
    { onFailure: { then: 'pause' }, image: `${NEW_IMAGE}-stale` },
    (release) => release.until('the pause', inPhase('paused')),
  ],
];

describe('a release that waits for a person', () => {
  test.for(WAITS)('%s rolls back when asked', async ([, wishes, arrive], { stage }) => {
    const it = await stage({ sets: [{ priority }] });
    const release = await it.start(aRelease(wishes));
    await arrive(release);
    expect(await release.decide({ verb: 'rollback', actor: 'bob', reason: 'late' })).toMatchObject({ accepted: true });
    // An engine that had all its time to prove the new version, and did not, may still load it.
    const proof = wishes.image?.endsWith('-stale')
      ? 'all others prove 1.0; told to load 2.0-stale, never proved it and may load it yet: duel-9'
      : 'every server proves 1.0';
    expect(await release.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: `asked for by bob: late; ${proof}`,
    });
    expectEverythingBack(it);
  });

  test.for(WAITS)('%s stays as it is when cancelled so', async ([, wishes, arrive], { stage }) => {
    const it = await stage();
    const release = await it.start(aRelease(wishes));
    await arrive(release);
    expect(await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' })).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    expect(partitionOf(it.cluster)).toBe(FROZEN);
    expect(it.cluster.set().raw.spec.updateStrategy?.rollingUpdate).not.toHaveProperty('paused');
    expect(movedTo(it.cluster, OLD_IMAGE)).toEqual([]);
  });
});

test('a rollback is not stopped half-way: pause, cancel and a second rollback are refused with the reason', async ({
  stage,
}) => {
  const it = await stage();
  const held = it.calls.hold({ activity: 'rollBackSet' });
  const release = await leaveDuring(it, 'reloadServers', { verb: 'rollback' });
  await held.reached;
  expect(await release.decide({ verb: 'pause' })).toEqual({
    accepted: false,
    message: 'scripts-2-0 is rolling back, which is not paused half-way; wait for it to end',
  });
  expect(await release.decide({ verb: 'cancel', then: 'hold' })).toMatchObject({ accepted: false });
  expect(await release.decide({ verb: 'rollback' })).toMatchObject({ accepted: false });
  held.release();
  expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
});

test('a release that was left half-way can be followed by another, which puts the own strategy back', async ({
  stage,
}) => {
  const it = await stage();
  const first = await it.start(aRelease({ gates: [{ before: 2 }] }));
  await first.until('the gate', inPhase('waiting-approval'));
  await first.decide({ verb: 'cancel', then: 'hold' });
  await first.result();
  const second = await it.start(aRelease({ name: 'once-more' }));
  expect(await second.result()).toMatchObject({ outcome: 'done', servers: 9 });
  expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
});

describe("Temporal's own cancel", () => {
  test.for(['awaitReady', 'openWave', 'stageTemplate'] as const)(
    'during %s leaves every server where it is and the set frozen',
    async (activity, { stage }) => {
      const it = await stage();
      const held = it.calls.hold({ activity });
      const release = await it.start(aRelease());
      await held.reached;
      await release.handle.cancel();
      held.release();
      expect(await release.result()).toMatchObject({
        outcome: 'cancelled',
        reason: "cancelled in Temporal, without the choice that hotwave's own cancel asks for",
      });
      expect(partitionOf(it.cluster)).toBe(FROZEN);
      expect(movedTo(it.cluster, OLD_IMAGE)).toEqual([]);
    },
  );

  test('at a gate leaves the set frozen', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', inPhase('waiting-approval'));
    await release.handle.cancel();
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    expect(partitionOf(it.cluster)).toBe(FROZEN);
  });
});
