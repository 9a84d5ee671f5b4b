import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MAIN, NEW_IMAGE, SIDECAR } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { movedTo, reloads } from '../support/fake-log.ts';
import type { RawSet } from '../support/fake-set-model.ts';
import { asks, carriedToItsEnd, isOver } from '../support/carry.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { enginesTouched, everyServer, imagesIn, loadedBy, overridesIn } from '../support/observer.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';
import { until } from '../lab/until.ts';

const OTHER_IMAGE = NEW_IMAGE.replace('2.0', '3.0');

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

const setImage =
  (image: string) =>
  ({ spec }: RawSet): void => {
    spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = image;
  };

async function arrived(cluster: FakeCluster, name: string, image: string): Promise<void> {
  await until({ what: `${image} on ${name}`, deadlineMs: 30_000, everyMs: 5 }, () => {
    const server = cluster.server(name);
    return server.container(SIDECAR)!.status.image === image && server.available;
  });
}

/** A release that waits at the gate before wave 2: duel-9 has proved the new version. */
async function atItsGate(it: Stage, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }], ...wishes }));
  await release.until('the gate', atGate);
  return release;
}

/** Somebody gives the template a third image; the proved duel-9 goes along, and its engine is made to load it. */
async function edited(it: Stage): Promise<void> {
  it.cluster.edit('helm', setImage(OTHER_IMAGE));
  await arrived(it.cluster, 'duel-9', OTHER_IMAGE);
  it.cluster.server('duel-9').load();
}

async function approvedToItsEnd(release: StartedRelease): Promise<void> {
  await release.until('the gate', atGate);
  expect(await release.decide({ verb: 'approve', wave: 2 })).toMatchObject({ accepted: true });
  expect(await release.result()).toMatchObject({ outcome: 'done' });
}

describe('a proof', () => {
  // A4
  test('of a server that a foreign edit has moved meanwhile is made again when the edit is taken back', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    await edited(it);
    await release.until('the pause', isPaused);
    it.cluster.edit('helm', setImage(NEW_IMAGE));
    await release.until('the news', ({ foreignEdit }) => foreignEdit === undefined);
    await release.decide({ verb: 'resume' });
    await approvedToItsEnd(release);
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // A4
  test('of a server that a foreign edit has moved is made again when the release wins over the edit', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    await edited(it);
    await release.until('the pause', (state) => isPaused(state) && state.foreignEdit !== undefined);
    await release.decide({ verb: 'resume', wins: 'release' });
    await approvedToItsEnd(release);
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // A4
  test('of a server that a foreign edit has moved during a bake is made again', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ waves: ['rest'], bake: '5s' }));
    await release.until('the bake', ({ phase }) => phase === 'baking');
    it.cluster.edit('helm', setImage(OTHER_IMAGE));
    await arrived(it.cluster, 'duel-9', OTHER_IMAGE);
    for (const server of it.cluster.set().servers.values()) server.load();
    await release.until('the pause', (state) => isPaused(state) && state.foreignEdit !== undefined);
    await release.decide({ verb: 'resume', wins: 'release' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // A4
  test('of a chosen server whose override somebody has changed and changed back is made again', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    const override = (image: string): void =>
      it.cluster.editServer('kubectl-edit', 'duel-3', ({ spec }) => {
        spec.containers = [{ name: SIDECAR, image }];
      });
    override(OTHER_IMAGE);
    await arrived(it.cluster, 'duel-3', OTHER_IMAGE);
    it.cluster.server('duel-3').load();
    override(NEW_IMAGE);
    await arrived(it.cluster, 'duel-3', NEW_IMAGE);
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0', { 'duel-1': '2.0', 'duel-3': '2.0' }));
  });

  test('dies with its pod: a pod that is made again at a gate, after the proof, proves the version itself', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    it.cluster.set().recreate('duel-9');
    await until({ what: 'the new pod', deadlineMs: 30_000, everyMs: 5 }, () => it.cluster.set().servers.has('duel-9'));
    await arrived(it.cluster, 'duel-9', NEW_IMAGE);
    // Its engine has loaded what the image of its start carried.
    it.cluster.server('duel-9').engine.loaded = '1.0';
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  test('dies with the run of its sidecar: the files are copied anew, and the engine may have loaded others', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    const server = it.cluster.server('duel-9');
    server.restart(server.container(SIDECAR)!);
    server.engine.loaded = '1.0';
    server.touch();
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  test('is asked for once more right before the release says that every server proves the version', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ waves: [1, 'rest'] }));
    // In the last wave the engine of the first one starts again, from the files of its own image.
    const held = it.calls.hold({ operation: 'exec', about: ([request]) => isReloadOf(request, 'duel-0') });
    await held.reached;
    const server = it.cluster.server('duel-9');
    server.restart(server.container(MAIN)!);
    server.engine.loaded = '1.0';
    server.touch();
    held.release();
    const reasons = await carriedToItsEnd(release);
    expect(reasons.join()).toContain('duel-9');
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });
});

function isReloadOf(request: unknown, name: string): boolean {
  const { server, command } = request as { readonly server: string; readonly command: readonly string[] };
  return server === name && command.includes('reload');
}

describe('a main container that restarts by itself', () => {
  const restart = (cluster: FakeCluster, name: string, loaded: string): void => {
    const server = cluster.server(name);
    server.restart(server.container(MAIN)!);
    server.engine.loaded = loaded;
    server.touch();
  };

  // B1
  test('at a gate pauses the release; resume accepts it, the server proves again, and the release ends done', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atItsGate(it);
    restart(it.cluster, 'duel-9', '1.0');
    const reasons = await carriedToItsEnd(release);
    expect(reasons.join()).toContain('duel-9');
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    // It is in the record, by name.
    expect((await release.state()).warnings.join()).toContain('duel-9');
  });

  // B1: an outsider of the wave at work.
  test('in a later wave is accepted by resume as well, and its server moves with its wave', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    restart(it.cluster, 'duel-2', '1.0');
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // B1: of a server that no wave has.
  test('of a server that was not chosen is accepted by resume, and that server is left alone', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    restart(it.cluster, 'duel-7', '1.0');
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0', { 'duel-1': '2.0', 'duel-3': '2.0' }));
    expect(reloads(it.cluster)['duel-7']).toBeUndefined();
  });

  // B1
  test('at a gate does not stand in the way of a rollback', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    restart(it.cluster, 'duel-9', '2.0');
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
  });

  // B1: while the rollback is under way.
  test('during a rollback is accepted by resume, and the rollback ends', async ({ stage }) => {
    const it = await stage();
    const release = await atItsGate(it);
    const held = it.calls.hold({ operation: 'exec', about: ([request]) => isReloadOf(request, 'duel-9') });
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await held.reached;
    restart(it.cluster, 'duel-0', '1.0');
    held.release();
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '1.0'));
  });

  // A5: the kubelet shows it later than the engine answers.
  test('because the reload killed it is seen although its status comes late, and a person is asked', async ({
    stage,
  }) => {
    const it = await stage({ sets: [{ engine: { onReload: 'restart' } }], timings: { statusMs: 1_500 } });
    const release = await it.start(aRelease({ waves: ['rest'] }));
    const state = await release.until('a question or the end', (now) => isPaused(now) || now.endedAt !== undefined);
    expect(state).toMatchObject({ phase: 'paused' });
    expect(state.pausedBecause).toMatch(/duel-\d/);
    await carriedToItsEnd(release);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    // In every case: each that has restarted is known to have.
    const { restartsOfMainContainers } = await release.result();
    expect(restartsOfMainContainers).toBeGreaterThanOrEqual(enginesTouched(it.cluster).length);
    expect(enginesTouched(it.cluster)).toHaveLength(10);
  });
});

describe('a pod that is still starting when the release is planned', () => {
  // B2
  test('has not restarted when it starts for the first time: it is no reason to pause', async ({ stage }) => {
    const it = await stage({ timings: { startMs: (server) => (server === 'duel-2' ? 4_000 : 0) } });
    const release = await it.start(aRelease({ waves: [1, 1, 'rest'], gates: [{ before: 2 }] }));
    const state = await release.until('a question or the end', (now) => asks(now) || isOver(now));
    // To refuse a set that is not ready yet is right as well.
    if (isOver(state)) expect(state.reason).toContain('duel-2');
    const reasons = await carriedToItsEnd(release);
    expect(reasons.filter((reason) => reason.includes('restarted'))).toEqual([]);
    expect(enginesTouched(it.cluster)).toEqual([]);
    if (!isOver(state)) expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
  });

  // B2: the sidecar alone has not started yet, and later servers come meanwhile.
  test('of a later wave is opened with its wave once it runs', async ({ stage }) => {
    const it = await stage({ timings: { startMs: (server) => (server === 'duel-0' ? 6_000 : 0) } });
    const release = await it.start(aRelease({ ready: { timeout: '30s' } }));
    expect(await carriedToItsEnd(release)).toEqual([]);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('an outsider', () => {
  // A8
  test('whose image somebody has just written is not untouched, although its old container still runs', async ({
    stage,
  }) => {
    const it = await stage({ timings: { swapMs: (server) => (server === 'duel-7' ? 600_000 : 5) } });
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.cluster.editServer('kubectl-edit', 'duel-7', ({ spec }) => {
      spec.containers = [{ name: SIDECAR, image: OTHER_IMAGE }];
    });
    await until({ what: 'the image in the pod', deadlineMs: 30_000, everyMs: 5 }, () =>
      Object.values(imagesIn(it.cluster)).includes(OTHER_IMAGE),
    );
    await release.decide({ verb: 'approve', wave: 2 });
    const state = await release.until('a question or the end', (now) => isPaused(now) || now.endedAt !== undefined);
    // In every case: people are told, and the release must not say that all others were left alone.
    expect([state.pausedBecause, state.reason, ...state.warnings].join(' ')).toContain('duel-7');
    expect(state.reason).not.toContain('8 others were not touched');
    if (state.endedAt === undefined) await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
    expect(overridesIn(it.cluster)['duel-7']).toBe(OTHER_IMAGE);
  });
});

describe('a crash at a gate', () => {
  // B1
  test.for([['1.0'], ['2.0']] as const)(
    'is one question, before anybody more moves, when the engine comes back with %s',
    async ([loaded], { stage }) => {
      const it = await stage();
      const release = await it.start(aRelease({ gates: [{ before: 2 }, { before: 3 }] }));
      await release.until('the gate', atGate);
      const server = it.cluster.server('duel-9');
      server.restart(server.container(MAIN)!);
      server.engine.loaded = loaded;
      server.touch();
      await release.decide({ verb: 'approve', wave: 2 });
      const { pausedBecause } = await release.until('the question', isPaused);
      expect(pausedBecause).toContain('duel-9 restarted');
      expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-9']);
      await release.decide({ verb: 'resume' });
      const second = await release.until('gate 3', (state) => isPaused(state) || state.gate?.wave === 3);
      expect(second.pausedBecause).toBeUndefined();
      expect(second.waves.map(({ size, status }) => [size, status])).toEqual([
        [1, 'done'],
        [3, 'done'],
        [6, 'pending'],
      ]);
      await release.decide({ verb: 'approve', wave: 3 });
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, '2.0'));
    },
  );

  // B1
  test('while the next wave is being updated neither rewrites the waves nor leaves out its bake', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers', skip: 1 });
    const release = await it.start(aRelease({ gates: [{ before: 3 }], bake: '1s' }));
    await held.reached;
    const server = it.cluster.server('duel-9');
    server.restart(server.container(MAIN)!);
    server.touch();
    held.release();
    const phases = new Set<string>();
    for (let questions = 0; ;) {
      const state = await release.until('gate 3 or a question', (now) => {
        phases.add(`${now.phase} ${now.wave}`);
        return isPaused(now) || now.gate?.wave === 3;
      });
      if (!isPaused(state)) break;
      questions += 1;
      expect(state.pausedBecause).toContain('duel-9 restarted');
      expect(questions).toBe(1);
      await release.decide({ verb: 'resume' });
      await release.until('to go on', (now) => !isPaused(now));
    }
    const { waves } = await release.state();
    expect(waves.map(({ size }) => size)).toEqual([1, 3, 6]);
    expect(waves[1]).toMatchObject({ status: 'done', proven: 3 });
    await release.decide({ verb: 'approve', wave: 3 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});
