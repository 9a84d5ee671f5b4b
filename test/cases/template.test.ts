import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MAIN, MAIN_IMAGE, NEW_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import { until } from '../lab/until.ts';
import { carriedToItsEnd, asks, isOver } from '../support/carry.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { movedTo } from '../support/fake-log.ts';
import type { RawSet } from '../support/fake-set-model.ts';
import { A_SET_WRITE } from '../support/moments.ts';
import { enginesTouched, everyServer, loadedBy } from '../support/observer.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';
import { readRecords } from '../../release/record/record.ts';
import { stageCommand } from '../support/stage-command.ts';

const NEXT_ENGINE = MAIN_IMAGE.replace('1.0', '1.1');
const HELD = {
  ...USER_STRATEGY,
  rollingUpdate: { ...USER_STRATEGY.rollingUpdate, partition: 10 },
};
/** People let nobody move while they prepare something in the template. */
const NOBODY_MOVES = { sets: [{ updateStrategy: HELD }] };

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

function stageEngine(set: RawSet): void {
  set.spec.gameServerTemplate.spec.containers.find(({ name }) => name === MAIN)!.image = NEXT_ENGINE;
}

async function atItsGate(it: Stage, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }], ...wishes }));
  await release.until('the gate', atGate);
  return release;
}

/** Servers that were given another image of the main container by anybody. */
function enginesMoved(cluster: FakeCluster): string[] {
  return cluster.log.flatMap((entry) => (entry.kind === 'moved' && entry.container === MAIN ? [entry.server] : []));
}

describe('another image of the main container, staged in the template before a release of the sidecar,', () => {
  // A12
  test('restarts no engine when the release is rolled back', async ({ stage }) => {
    const it = await stage(NOBODY_MOVES);
    it.cluster.edit('helm', stageEngine);
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    const state = await release.until('a question or the end', (now) => asks(now) || isOver(now));
    if (!isOver(state)) {
      await release.decide({ verb: 'rollback', actor: 'bob' });
      const after = await release.until('a question or the end', (now) => isOver(now) || isPaused(now));
      if (!isOver(after)) await release.decide({ verb: 'cancel', then: 'hold' });
    }
    await release.result();
    await it.calls.quiet();
    expect(enginesMoved(it.cluster)).toEqual([]);
    expect(enginesTouched(it.cluster)).toEqual([]);
  });

  // A12
  test('restarts no engine when the release moves its servers, wave by wave', async ({ stage }) => {
    const it = await stage(NOBODY_MOVES);
    it.cluster.edit('helm', stageEngine);
    const release = await it.start(aRelease());
    const state = await release.until('a question or the end', (now) => asks(now) || isOver(now));
    // It says what is in the way: refused, or a question.
    expect(`${state.reason} ${state.pausedBecause} ${state.warnings.join()}`).toMatch(/engine|containers\/0\/image/);
    if (!isOver(state)) await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
    await it.calls.quiet();
    expect(enginesMoved(it.cluster)).toEqual([]);
  });
});

describe('another image of the main container, written into the template during a release,', () => {
  // B10
  test('at a gate pauses the release, which names the field, and moves no server beyond the open wave', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('helm', stageEngine);
    const { pausedBecause } = await release.until('the pause', isPaused, 30_000);
    expect(pausedBecause).toMatch(/helm changed .*containers\/0\/image.* of duel/);
    await it.calls.quiet();
    expect(enginesMoved(it.cluster).filter((name) => name !== 'duel-9')).toEqual([]);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  test('and left so by wins edit is named at the end with the servers whose engine it has restarted', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('helm', stageEngine);
    await release.until('the pause', isPaused, 30_000);
    const isRestarted = (): boolean => it.cluster.server('duel-9').container(MAIN)!.status.restartCount === 1;
    await until({ what: 'the engine of duel-9', deadlineMs: 60_000, everyMs: 5 }, isRestarted);
    await release.decide({ verb: 'resume', wins: 'edit' });
    const { outcome, reason } = await release.result();
    expect(outcome).toBe('cancelled');
    expect(reason).toMatch(
      /^helm changed .*containers\/0\/image of duel from .*; the edit stays; .*container engine has restarted on 1 server: duel-9$/,
    );
  });

  // A12
  test('at a gate is not given to servers by a rollback', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('helm', stageEngine);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const state = await release.until('a question or the end', (now) => isOver(now) || isPaused(now));
    if (!isOver(state)) {
      expect(state.pausedBecause).toMatch(/containers\/0\/image|engine/);
      await release.decide({ verb: 'cancel', then: 'hold' });
    }
    await release.result();
    await it.calls.quiet();
    expect(enginesMoved(it.cluster).filter((name) => name !== 'duel-9')).toEqual([]);
  });

  test('at a gate lets a rollback end by overrides, and the set says that its servers are back', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('helm', stageEngine);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const { outcome, reason } = await release.result();
    expect(outcome).toBe('rolled-back');
    expect(reason).toContain('they keep overrides, and the set controls stay');
    expect(await stageCommand(it, ['verify', 'arena/duel'])).toMatchObject({ code: 0, err: '' });
    const { running } = readRecords(it.cluster.set().raw.metadata.annotations);
    expect(running).toMatchObject({ back: true, leftAt: expect.any(Number) as number });
  });

  // A12: the next wave.
  test('right before the next wave is opened is not given to the servers of that wave', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    const held = it.calls.hold(A_SET_WRITE);
    await release.decide({ verb: 'approve', wave: 2 });
    await held.reached;
    it.cluster.edit('helm', stageEngine);
    held.release();
    const { pausedBecause } = await release.until('the pause', isPaused, 30_000);
    expect(pausedBecause).toMatch(/containers\/0\/image|engine/);
    await it.calls.quiet();
    expect(enginesMoved(it.cluster).filter((name) => name !== 'duel-9')).toEqual([]);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  // A12: after it was taken back.
  test('and taken back leaves the way free: the release goes on to its end', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('helm', stageEngine);
    await release.until('the pause', isPaused, 30_000);
    it.cluster.edit('helm', ({ spec }) => {
      spec.gameServerTemplate.spec.containers.find(({ name }) => name === MAIN)!.image = MAIN_IMAGE;
    });
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  test('under a targeted release pauses it as well', async ({ stage }) => {
    const it = await stage(NOBODY_MOVES);
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.cluster.edit('helm', stageEngine);
    await release.decide({ verb: 'approve', wave: 2 });
    const state = await release.until('a question or the end', (now) => isOver(now) || isPaused(now));
    expect(`${state.pausedBecause} ${state.warnings.join()}`).toMatch(/containers\/0\/image|engine/);
    if (!isOver(state)) await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
    expect(enginesMoved(it.cluster)).toEqual([]);
  });
});

describe('a container that somebody adds to the template', () => {
  test('at a gate pauses the release before it moves anybody: in-place updates cannot add one', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('helm', ({ spec }) => {
      spec.gameServerTemplate.spec.containers.push({ name: 'log-agent', image: 'registry.test/log:1.0' });
    });
    await release.decide({ verb: 'approve', wave: 2 });
    const { pausedBecause } = await release.until('the pause', isPaused, 30_000);
    expect(pausedBecause).toMatch(/log-agent|containers/);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-9']);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  test('at a gate does not come into servers by a rollback', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.edit('helm', ({ spec }) => {
      spec.gameServerTemplate.spec.containers.push({ name: 'log-agent', image: 'registry.test/log:1.0' });
    });
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const state = await release.until('a question or the end', (now) => isOver(now) || isPaused(now));
    if (!isOver(state)) await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
    expect(enginesTouched(it.cluster)).toEqual([]);
  });
});

describe('priorities that somebody else writes during a release', () => {
  const priority = (cluster: FakeCluster, name: string, value: number): void =>
    cluster.editServer('kruise-game-manager', name, ({ spec }) => {
      spec.updatePriority = value;
    });

  // B5
  test("pause it when they change who moves next, and with a person's word it goes on with the new order", async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    priority(it.cluster, 'duel-0', 50);
    const reasons = await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    if (reasons.length > 0) expect(reasons.join()).toContain('duel-0');
    expect(movedTo(it.cluster, NEW_IMAGE).toSorted()).toEqual([...it.cluster.set().servers.keys()].toSorted());
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  // B5: again and again, as a service quality does.
  test('do not end in a question that comes for ever when they are rewritten at each look', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    for (const ordinal of [0, 1, 2]) priority(it.cluster, `duel-${ordinal}`, 40 + ordinal);
    await release.until('a question', asks);
    for (const ordinal of [4, 5]) priority(it.cluster, `duel-${ordinal}`, 90 + ordinal);
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // B5: as OpenKruiseGame's manual does it.
  test('from a service quality are either planned for or asked about once, and the release ends', async ({ stage }) => {
    const quality = { name: 'players', serviceQualityAction: [{ state: true, updatePriority: 'result' as const }] };
    const it = await stage({ sets: [{ serviceQualities: [quality] }] });
    const release = await atItsGate(it);
    const { warnings } = await release.state();
    expect(warnings).toEqual([expect.stringMatching(/^service quality players may write updatePriority result /)]);
    for (const ordinal of [0, 3, 5]) {
      it.cluster.reportQuality(`duel-${ordinal}`, 'players', { status: 'True', message: String(60 + ordinal) });
    }
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // B5: where the release has given priorities itself, because a wave is named.
  test("over the release's own, again and again, are asked about once: the release ends, and theirs stay", async ({
    stage,
  }) => {
    const it = await stage();
    const named = (name: string, ...servers: number[]): object => ({ name, servers });
    const release = await atItsGate(it, { waves: [named('quiet', 0, 1), named('loud', 2, 3), 'rest'] as never });
    priority(it.cluster, 'duel-9', 95);
    await release.until('the pause', (state) => isPaused(state) && state.foreignEdit !== undefined, 30_000);
    expect(await release.decide({ verb: 'resume', actor: 'bob' })).toMatchObject({ accepted: true });
    await release.until('the gate', atGate);
    priority(it.cluster, 'duel-9', 96);
    priority(it.cluster, 'duel-8', 94);
    expect(await carriedToItsEnd(release)).toEqual([]);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    expect(movedTo(it.cluster, NEW_IMAGE).slice(2, 4).toSorted()).toEqual(['duel-8', 'duel-9']);
    expect(it.cluster.set().gameServers.get('duel-9')!.spec.updatePriority).toBe(96);
    expect(it.cluster.set().gameServers.get('duel-5')!.spec.updatePriority).toBe(0);
  });

  // B5
  test('do not stand in the way of a rollback', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    priority(it.cluster, 'duel-0', 50);
    await release.decide({ verb: 'approve', wave: 2 });
    await release.until('a question or the end', (now) => isOver(now) || isPaused(now));
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await release.result();
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
    expect(it.cluster.set().gameServers.get('duel-0')!.spec.updatePriority).toBe(50);
  });
});

describe('a scale change that is still under way when a wave is opened', () => {
  // B11
  test.for([
    ['up', 13],
    ['down', 8],
  ] as const)('%s does not starve the wave, and moves no server of a later one', async ([, replicas], { stage }) => {
    const it = await stage({ timings: { acceptMs: 1_500 } });
    const release = await atItsGate(it, { waves: [1, 3, 2, 'rest'], gates: [{ before: 2 }, { before: 3 }] });
    it.cluster.edit('hpa', ({ spec }) => {
      spec.replicas = replicas;
    });
    await release.decide({ verb: 'approve', wave: 2 });
    const atThird = (now: ReleaseState): boolean => isOver(now) || isPaused(now) || now.gate?.wave === 3;
    const state = await release.until('the gate before wave 3', atThird);
    expect(isOver(state) ? state.reason : '').toBe('');
    expect(movedTo(it.cluster, NEW_IMAGE).filter((name) => /^duel-[0-5]$/.test(name))).toEqual([]);
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });
});
