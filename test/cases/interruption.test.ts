import { describe, expect } from 'vitest';
import type { GuardedPatch } from '../../release/patches/patches.ts';
import { readRecords } from '../../release/record/record.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MAIN, NEW_IMAGE, SET, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import type { HeldCall, WhichCalls } from '../support/cluster-calls.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { movedTo, reloads } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { A_NEW_OVERRIDE, A_PRIORITY, A_RELOAD, A_STRATEGY_WRITE, AN_OVERRIDE } from '../support/moments.ts';
import { everyServer, expectNothingSince, loadedBy, now, overridesIn } from '../support/observer.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

// Case A1: an activity that was interrupted wrote on for seconds, while the release had gone on to something else.

const HUNDRED = { sets: [{ replicas: 100 }] };
const NAMES = Array.from({ length: 100 }, (_, ordinal) => `duel-${ordinal}`);
/** Long enough that a hundred calls take seconds, sixteen or so at once. */
const SLOW_MS = 700;

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const isHalted = ({ phase }: ReleaseState): boolean => phase === 'halted';
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

/** A targeted release of every server in one wave. */
const targeted = (wishes: SpecWishes = {}): ReturnType<typeof aRelease> =>
  aTargetedRelease({
    target: {
      namespace: SET.namespace,
      gameServerSet: SET.name,
      servers: { servers: NAMES.map((_, ordinal) => ordinal) },
      allowCascade: true,
    },
    waves: ['rest'],
    ready: { timeout: '60s' },
    ...wishes,
  });

const rolling = (wishes: SpecWishes = {}): ReturnType<typeof aRelease> =>
  aRelease({ waves: ['rest'], ready: { timeout: '60s' }, ...wishes });

/** Resolves when something has happened to so many servers. */
async function begun(release: StartedRelease, what: string, count: () => number, least = 3): Promise<void> {
  const isBegun = (): boolean => count() >= least;
  await release.until(what, isBegun, 60_000);
}

const reloaded = (cluster: FakeCluster): number => Object.keys(reloads(cluster)).length;

/** One of these calls is on its way for as long as the test wants; those after it take their time. */
function heldUp(it: Stage, which: WhichCalls): HeldCall {
  const held = it.calls.hold({ ...which, skip: 9, onTheWire: true });
  it.calls.slow(which, SLOW_MS);
  return held;
}

/** As long as a write is under way, a release neither stands still nor ends: it waits for the write. */
async function expectWaiting(it: Stage, release: StartedRelease): Promise<void> {
  await it.calls.quiet(1);
  const { phase } = await release.state();
  expect(['paused', 'halted', 'done', 'rolled-back', 'cancelled', 'failed']).not.toContain(phase);
}

/** A release of a hundred servers that is in the middle of its overrides. */
async function inOverrides(it: Stage): Promise<StartedRelease> {
  it.calls.slow(A_NEW_OVERRIDE, SLOW_MS);
  const release = await it.start(targeted());
  await begun(release, 'overrides', () => movedTo(it.cluster, NEW_IMAGE).length);
  return release;
}

/** A release of a hundred servers that is in the middle of its reloads. */
async function inReloads(it: Stage, wishes: SpecWishes = {}): Promise<StartedRelease> {
  it.calls.slow(A_RELOAD, SLOW_MS);
  const release = await it.start(rolling({ concurrency: { total: 10, perNode: 5 }, ...wishes }));
  await begun(release, 'reloads', () => reloaded(it.cluster));
  return release;
}

/** A write of a priority that is not the one that servers had. */
function isForward(parameters: readonly unknown[]): boolean {
  if (A_PRIORITY.about?.(parameters) !== true) return false;
  const [, { changes }] = parameters as readonly [unknown, GuardedPatch];
  return changes.some(({ path, value }) => path === '/spec/updatePriority' && value !== 0);
}

describe('a rollback', () => {
  test.for<readonly [what: string, release: () => ReturnType<typeof aRelease>, write: WhichCalls]>([
    ['overrides are written', targeted, A_NEW_OVERRIDE],
    ['engines are told to reload', rolling, A_RELOAD],
  ])(
    'that comes while %s begins when the last of them has ended: no server is left on the new version',
    async ([, wanted, write], { stage }) => {
      const it = await stage(HUNDRED);
      const held = heldUp(it, write);
      const release = await it.start(wanted());
      await held.reached;
      await release.decide({ verb: 'rollback', actor: 'bob' });
      await expectWaiting(it, release);
      held.release();
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      const end = now(it.cluster);
      await it.calls.quiet();
      expectNothingSince(it.cluster, end);
      expect(overridesIn(it.cluster)).toEqual({});
      expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    },
  );

  test('of a wave leaves its overrides alone once it has been paused: nothing is written until somebody resumes', async ({
    stage,
  }) => {
    const it = await stage(HUNDRED);
    const release = await it.start(
      aRelease({ waves: [80, 'rest'], gates: [{ before: 2 }], ready: { timeout: '60s' } }),
    );
    await release.until('the gate', atGate);
    const held = heldUp(it, AN_OVERRIDE);
    await release.decide({ verb: 'rollback', scope: 'wave' });
    await held.reached;
    const halting = stageCommand(it, ['halt', '--reason', 'login is down']);
    await expectWaiting(it, release);
    held.release();
    await halting;
    await release.until('the halt', isHalted);
    const halted = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, halted);
    await stageCommand(it, ['unhalt']);
    await release.until('the pause', isPaused);
    expect(Object.values(loadedBy(it.cluster)).filter((version) => version === '2.0')).toEqual([]);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
  });

  test('that comes while overrides of an earlier release are taken away gives back each that was taken, and none goes afterwards', async ({
    stage,
  }) => {
    const it = await stage({ sets: [{ replicas: 100, reclaimPolicy: 'Delete' }] });
    const target = { ...targeted().spec.target, servers: { servers: NAMES.slice(0, 90).map((_, ordinal) => ordinal) } };
    expect(await (await it.start(targeted({ name: 'chosen', target }))).result()).toMatchObject({ outcome: 'done' });
    const before = overridesIn(it.cluster);
    const held = heldUp(it, AN_OVERRIDE);
    const release = await it.start(rolling({ name: 'promote' }));
    await held.reached;
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await expectWaiting(it, release);
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    const end = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, end);
    expect(overridesIn(it.cluster)).toEqual(before);
    const untouched = Object.fromEntries(NAMES.slice(90).map((name) => [name, '1.0']));
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0', untouched));
  });

  test('that comes while priorities are written takes back each that was written, and none comes afterwards', async ({
    stage,
  }) => {
    const it = await stage(HUNDRED);
    const forward = { ...A_PRIORITY, about: (parameters: readonly unknown[]) => isForward(parameters) };
    const held = heldUp(it, forward);
    const waves = [{ name: 'quiet', servers: Array.from({ length: 80 }, (_, ordinal) => ordinal) }, 'rest'];
    const release = await it.start(rolling({ waves }));
    const changed = (): number =>
      [...it.cluster.set().gameServers.values()].filter(({ spec }) => spec.updatePriority !== 0).length;
    await held.reached;
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await expectWaiting(it, release);
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    const end = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, end);
    expect(changed()).toBe(0);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual([]);
  });
});

describe('a release', () => {
  test('is paused only when nothing is written any more: from then on no engine is told and no server moves', async ({
    stage,
  }) => {
    const it = await stage(HUNDRED);
    const release = await inReloads(it);
    await release.decide({ verb: 'pause', actor: 'bob' });
    await release.until('the pause', isPaused);
    const paused = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, paused);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(reloads(it.cluster)).toEqual(Object.fromEntries(NAMES.map((name) => [name, 1])));
  });

  test('that is paused while overrides are written gives no server an image before somebody resumes', async ({
    stage,
  }) => {
    const it = await stage(HUNDRED);
    const release = await inOverrides(it);
    await release.decide({ verb: 'pause', actor: 'bob' });
    await release.until('the pause', isPaused);
    const paused = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, paused);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  test.for([
    ['an override', AN_OVERRIDE, aTargetedRelease()],
    ['the opening of a wave', { ...A_STRATEGY_WRITE, skip: 1 }, aRelease()],
    ['a reload', A_RELOAD, aRelease()],
  ] as const)('is pausing, and says so, as long as %s is still on its way', async ([, which, file], { stage }) => {
    const it = await stage();
    const held = it.calls.hold({ ...which, when: 'after', onTheWire: true });
    const release = await it.start(file);
    await held.reached;
    await release.decide({ verb: 'pause', actor: 'bob' });
    const isPausing = ({ phase }: ReleaseState): boolean => phase === 'pausing';
    await release.until('the release to be pausing', isPausing, 20_000);
    held.release();
    await release.until('the pause', isPaused);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('that is cancelled and left half-way while overrides are written leaves every server where it is from its end on', async ({
    stage,
  }) => {
    const it = await stage(HUNDRED);
    const release = await inOverrides(it);
    await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    const end = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, end);
  });

  test('that is halted while overrides are written gives no server an image before the halt ends', async ({
    stage,
  }) => {
    const it = await stage(HUNDRED);
    const release = await inOverrides(it);
    await stageCommand(it, ['halt', '--reason', 'login is down']);
    await release.until('the halt', isHalted);
    const halted = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, halted);
    await stageCommand(it, ['unhalt']);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  test('that meets a foreign edit while engines are told to reload tells none more once it has paused', async ({
    stage,
  }) => {
    const it = await stage(HUNDRED);
    const release = await inReloads(it);
    it.cluster.edit('helm', ({ spec }) => {
      spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate: { ...USER_STRATEGY.rollingUpdate, partition: 3 } };
    });
    await release.until('the pause', (state) => isPaused(state) && state.foreignEdit !== undefined);
    const paused = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, paused);
    await release.decide({ verb: 'resume', wins: 'release' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(reloads(it.cluster)).toEqual(Object.fromEntries(NAMES.map((name) => [name, 1])));
  });

  test('does not tell a server any more that was skipped while engines are told, and none of the others twice', async ({
    stage,
  }) => {
    const it = await stage(HUNDRED);
    // The server whose command is on its way is told: nobody can take that back.
    const onTheWay = new Set<string>();
    const about = (parameters: readonly unknown[]): boolean => {
      const isReload = A_RELOAD.about!(parameters);
      if (isReload) onTheWay.add((parameters[0] as { readonly server: string }).server);
      return isReload;
    };
    it.calls.slow({ ...A_RELOAD, about }, SLOW_MS);
    const release = await it.start(rolling({ concurrency: { total: 10, perNode: 5 } }));
    await begun(release, 'reloads', () => reloaded(it.cluster));
    const [skipped = '', late = ''] = NAMES.filter((name) => !onTheWay.has(name)).toReversed();
    const answer = await release.decide({ verb: 'skip', server: skipped, reason: 'its players stay' });
    expect(answer).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await it.calls.quiet();
    const counts = reloads(it.cluster);
    expect(Object.entries(counts).filter(([, count]) => count !== 1)).toEqual([]);
    expect(counts[late]).toBe(1);
    expect(counts[skipped]).toBeUndefined();
  });

  test('that is cancelled during its rollback writes nothing after its end', async ({ stage }) => {
    const it = await stage(HUNDRED);
    const release = await it.start(targeted({ waves: [90, 'rest'], gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    const held = heldUp(it, A_RELOAD);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await held.reached;
    await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' });
    await expectWaiting(it, release);
    held.release();
    const { outcome } = await release.result();
    const end = now(it.cluster);
    await it.calls.quiet();
    expectNothingSince(it.cluster, end);
    if (outcome === 'rolled-back') expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
  });

  test('that is cancelled while its last write is made ends as that write says', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'restoreSet', operation: 'patch', when: 'after' });
    const release = await it.start(aRelease());
    await held.reached;
    expect(await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' })).toMatchObject({ accepted: true });
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(readRecords(it.cluster.set().raw.metadata.annotations).last).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  test('that is cancelled while its last write is made is not rolled back for what is found afterwards', async ({
    stage,
  }) => {
    let isSick = false;
    const it = await stage({
      exec: ({ command, server }) =>
        command.includes('ping')
          ? { kind: 'exited', code: isSick && server === 'duel-3' ? 1 : 0, stdout: '', stderr: 'slow' }
          : undefined,
    });
    const held = it.calls.hold({ activity: 'restoreSet', operation: 'patch' });
    const health = [{ exec: { container: MAIN, command: ['engine', 'ping'], within: '50ms' } }];
    const release = await it.start(aRelease({ health }));
    await held.reached;
    await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' });
    isSick = true;
    it.cluster.crash('duel-3', SIDECAR);
    held.release();
    expect((await release.result()).outcome).not.toBe('rolled-back');
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });
});
