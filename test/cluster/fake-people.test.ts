import { describe, expect, test } from 'vitest';
import type { ExecOutcome } from '../../activities/ports/probes.ts';
import { PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import { annotationChange, setTarget } from '../../release/patches/patches.ts';
import { MAIN, NEW_IMAGE, OLD_IMAGE, SET, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import { gitOps } from '../support/fake-git-ops.ts';
import { effectiveReloads } from '../support/fake-log.ts';
import type { RawQuality, RawSet } from '../support/fake-set-model.ts';
import { fakeWorld } from '../support/fake-world.ts';
import type { FakeWorld } from '../support/fake-world.ts';

// Others who write, and connections that break: what the real cluster was caught at, and the fake one has learned.

const imageIn = ({ spec }: RawSet): string => spec.gameServerTemplate.spec.containers.at(-1)!.image;

/** The fields of a set that a release writes: image, strategy and an annotation. */
async function write({ cluster }: FakeWorld): Promise<void> {
  const set = (await cluster.readSet(SET))!;
  const rollingUpdate = { partition: 5, maxUnavailable: '100%', podUpdatePolicy: 'InPlaceIfPossible', paused: true };
  const outcome = await cluster.patch(setTarget(SET), {
    preconditions: [],
    changes: [
      { op: 'replace', path: '/spec/gameServerTemplate/spec/containers/1/image', value: NEW_IMAGE },
      { op: 'add', path: '/spec/updateStrategy', value: { type: 'RollingUpdate', rollingUpdate } },
      annotationChange(set.annotations !== undefined, 'hotwave.dev/test', 'held'),
    ],
  });
  expect(outcome).toEqual({ kind: 'applied' });
}

describe('a GitOps controller', () => {
  const STRATEGY = '/spec/updateStrategy';

  test('that applies puts back what its manifest says, under its name, and leaves what it does not mention', async () => {
    const it = fakeWorld();
    const argo = gitOps(it.cluster);
    await write(it);
    argo.sync();
    const { raw } = it.cluster.set();
    expect(imageIn(raw)).toBe(OLD_IMAGE);
    expect(raw.spec.updateStrategy?.rollingUpdate).toEqual({ ...USER_STRATEGY.rollingUpdate, paused: true });
    expect(raw.metadata.annotations).toEqual({ 'hotwave.dev/test': 'held' });
    const set = await it.cluster.readSet(SET);
    expect(set?.lastWriters[STRATEGY]).toBe('argocd');
    expect(set?.foreignOwners[STRATEGY]).toBe('argocd');
  });

  test('that replaces takes everything else away, annotations included', async () => {
    const it = fakeWorld();
    const argo = gitOps(it.cluster, { manager: 'flux', by: 'replace' });
    await write(it);
    argo.sync();
    const { raw } = it.cluster.set();
    expect(imageIn(raw)).toBe(OLD_IMAGE);
    expect(raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    expect(raw.metadata).not.toHaveProperty('annotations');
    const set = await it.cluster.readSet(SET);
    expect(set?.lastWriters[STRATEGY]).toBe('flux');
    expect(set?.foreignOwners).toEqual({});
  });

  test('owns no longer what somebody else has changed after it, but still the rest of the strategy', async () => {
    const it = fakeWorld();
    gitOps(it.cluster).sync();
    await write(it);
    const set = await it.cluster.readSet(SET);
    expect(set?.foreignOwners).toEqual({ [STRATEGY]: 'argocd', '/spec/replicas': 'argocd' });
  });

  test('looks again and again when it heals by itself, writes only what differs, and can be stopped', async () => {
    const it = fakeWorld();
    const argo = gitOps(it.cluster);
    argo.selfHeal(50);
    const { generation } = it.cluster.set().raw.metadata;
    it.clock.advance(200);
    expect(it.cluster.set().raw.metadata.generation).toBe(generation);
    for (let time = 0; time < 2; time += 1) {
      await write(it);
      it.clock.advance(50);
      expect(imageIn(it.cluster.set().raw)).toBe(OLD_IMAGE);
    }
    argo.stop();
    await write(it);
    it.clock.advance(200);
    expect(imageIn(it.cluster.set().raw)).toBe(NEW_IMAGE);
  });
});

describe('a service quality with an action', () => {
  const players: RawQuality = {
    name: 'players',
    serviceQualityAction: [
      { state: true, updatePriority: 'result' },
      { state: false, updatePriority: 0, opsState: 'Maintaining' },
    ],
  };

  const priorities = ({ cluster }: FakeWorld): unknown[] => [
    cluster.set().gameServers.get('duel-3')?.spec.updatePriority,
    cluster.server('duel-3').labels[PRIORITY_LABEL],
  ];

  test('writes updatePriority whenever its result changes, under the name of OpenKruiseGame', async () => {
    const it = fakeWorld({ sets: [{ serviceQualities: [players] }] });
    it.cluster.reportQuality('duel-3', 'players', { status: 'True', message: '7\n' });
    it.clock.advance(1);
    expect(priorities(it)).toEqual([7, '7']);
    it.cluster.editServer('ann', 'duel-3', ({ spec }) => (spec.updatePriority = 90));
    it.cluster.reportQuality('duel-3', 'players', { status: 'True', message: '7' });
    it.clock.advance(1);
    // The same result again is no news.
    expect(priorities(it)).toEqual([90, '90']);
    it.cluster.reportQuality('duel-3', 'players', { status: 'True', message: '8' });
    it.clock.advance(1);
    expect(priorities(it)).toEqual([8, '8']);
    const [gameServer] = await it.cluster.listGameServers(SET, ['duel-3']);
    expect(gameServer).toMatchObject({ updatePriority: 8, priorityBy: 'kruise-game', opsState: 'None' });
    it.cluster.reportQuality('duel-3', 'players', { status: 'False', message: '' });
    it.clock.advance(1);
    expect(it.cluster.set().gameServers.get('duel-3')?.spec).toMatchObject({
      updatePriority: 0,
      opsState: 'Maintaining',
    });
  });

  test('acts once when it is permanent', () => {
    const it = fakeWorld({ sets: [{ serviceQualities: [{ ...players, permanent: true }] }] });
    for (const message of ['7', '8']) {
      it.cluster.reportQuality('duel-3', 'players', { status: 'True', message });
      it.clock.advance(1);
    }
    expect(priorities(it)).toEqual([7, '7']);
  });
});

describe('a command', () => {
  const run = ({ cluster }: FakeWorld, server: string): Promise<ExecOutcome> =>
    cluster.exec({ namespace: 'arena', server, container: MAIN, command: ['engine', 'reload'], timeoutMs: 1_000 });

  test('may never start, because the API server cannot reach the node', async () => {
    const it = fakeWorld();
    it.cluster.faults.refuseExec({ server: 'duel-3' });
    expect(await run(it, 'duel-4')).toMatchObject({ kind: 'exited', code: 0 });
    expect(await run(it, 'duel-3')).toMatchObject({
      kind: 'failed',
      message: expect.stringMatching(/^error dialing backend/) as string,
    });
    expect(effectiveReloads(it.cluster, 'duel-3', '1.0')).toBe(0);
    expect(await run(it, 'duel-3')).toMatchObject({ kind: 'exited', code: 0 });
    expect(effectiveReloads(it.cluster, 'duel-3', '1.0')).toBe(1);
  });

  test('may run without anybody hearing of its end', async () => {
    const it = fakeWorld();
    it.cluster.faults.loseExec();
    expect(await run(it, 'duel-3')).toEqual({
      kind: 'unknown',
      message: 'the connection closed without an exit status',
    });
    expect(effectiveReloads(it.cluster, 'duel-3', '1.0')).toBe(1);
  });
});

describe('a server that is not to move', () => {
  test('may be given the new image by Kruise all the same, and still pull it', async () => {
    const it = fakeWorld({ timings: { swapMs: 5_000 } });
    await write(it);
    it.clock.advance(1);
    it.cluster.set().moveOutOfTurn('duel-0');
    const [server] = (await it.cluster.listServers(SET, { names: ['duel-0'] })).servers;
    expect(server).toMatchObject({
      revision: it.cluster.set().workload.updateRevision,
      lifecycle: 'Updating',
      containers: [{ name: MAIN }, { image: NEW_IMAGE, status: { image: OLD_IMAGE, restartCount: 0 } }],
    });
  });

  test('may be given an image by hand, which Kruise knows nothing of', async () => {
    const it = fakeWorld();
    it.cluster.set().writeImage('duel-0', SIDECAR, NEW_IMAGE);
    it.clock.advance(10);
    const [server] = (await it.cluster.listServers(SET, { names: ['duel-0'] })).servers;
    expect(server).toMatchObject({ lifecycle: 'Normal', containers: [{}, { status: { image: NEW_IMAGE } }] });
    expect(server?.revision).toBe(it.cluster.set().workload.updateRevision);
  });
});

describe('scaling', () => {
  const timings = { acceptMs: 10, scaleMs: 100 };
  const scale = ({ cluster }: FakeWorld, replicas: number): void =>
    cluster.edit('keda', ({ spec }) => (spec.replicas = replicas));

  async function counts({ cluster }: FakeWorld): Promise<unknown> {
    const { servers } = await cluster.listServers(SET);
    const going = servers.filter(({ deleting }) => deleting).length;
    return [cluster.set().raw.spec.replicas, cluster.set().workload.replicas, servers.length, going];
  }

  test('up: the set, then its workload, then its pods have the new number', async () => {
    const it = fakeWorld({ timings, sets: [{ replicas: 3 }] });
    scale(it, 5);
    expect(await counts(it)).toEqual([5, 3, 3, 0]);
    it.clock.advance(10);
    expect(await counts(it)).toEqual([5, 5, 3, 0]);
    it.clock.advance(100);
    expect(await counts(it)).toEqual([5, 5, 5, 0]);
  });

  test('down: pods on their way out are listed until they are gone', async () => {
    const it = fakeWorld({ timings, sets: [{ replicas: 5 }] });
    scale(it, 3);
    it.clock.advance(10);
    expect(await counts(it)).toEqual([3, 3, 5, 2]);
    it.clock.advance(100);
    expect(await counts(it)).toEqual([3, 3, 3, 0]);
  });

  test('down and up again: a name is free when its last pod is gone', async () => {
    const it = fakeWorld({ timings, sets: [{ replicas: 5 }] });
    const { uid } = it.cluster.server('duel-4');
    scale(it, 4);
    it.clock.advance(20);
    scale(it, 5);
    it.clock.advance(60);
    expect(await counts(it)).toEqual([5, 5, 5, 1]);
    it.clock.advance(200);
    expect(await counts(it)).toEqual([5, 5, 5, 0]);
    expect([...it.cluster.set().servers.keys()].toSorted().at(-1)).toBe('duel-4');
    expect(it.cluster.server('duel-4').uid).not.toBe(uid);
  });
});
