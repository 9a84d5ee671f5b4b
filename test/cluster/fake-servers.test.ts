import { describe, expect, test } from 'vitest';
import type { ContainerView } from '../../release/fleet/fleet.ts';
import { containerOf, isServing } from '../../release/fleet/fleet.ts';
import { firstWavePatch, setBaseline, setTarget } from '../../release/patches/patches.ts';
import { MAIN, NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { effectiveReloads, loads, restarts, writesAfter } from '../support/fake-log.ts';
import type { RawSet } from '../support/fake-set-model.ts';
import { fakeWorld } from '../support/fake-world.ts';
import type { FakeWorld } from '../support/fake-world.ts';

// Tricks that the real cluster was caught at, and the fake one has learned.

async function container({ cluster }: FakeWorld, server: string, name: string): Promise<ContainerView> {
  const { servers } = await cluster.listServers(SET, { names: [server] });
  return containerOf(servers[0]!.containers, name)!;
}

async function version({ cluster }: FakeWorld, name: string): Promise<unknown> {
  const { ip: host } = cluster.server(name);
  return cluster.httpGet({ host, port: 8080, path: '/version', timeoutMs: 1_000 });
}

const says = (body: string) => ({ kind: 'answered', status: 200, body });

const reload = ({ cluster }: FakeWorld, server: string, timeoutMs = 1_000) =>
  cluster.exec({ namespace: SET.namespace, server, container: MAIN, command: ['engine', 'reload'], timeoutMs });

const imageOf =
  (name: string, image: string) =>
  ({ spec }: RawSet): void => {
    spec.gameServerTemplate.spec.containers.find((candidate) => candidate.name === name)!.image = image;
  };

const partition =
  (value: number) =>
  ({ spec }: RawSet): void => {
    const rollingUpdate = { partition: value, maxUnavailable: '100%', podUpdatePolicy: 'InPlaceIfPossible' };
    spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate };
  };

/** The new image for all servers at once, and time for it. */
function update({ clock, cluster }: FakeWorld, image = NEW_IMAGE): void {
  cluster.edit('tester', partition(0));
  cluster.edit('tester', imageOf(SIDECAR, image));
  clock.advance(100);
}

describe('an engine', () => {
  test('that crashes starts again in its pod and loads the files that are there', async () => {
    const it = fakeWorld();
    update(it);
    const before = await container(it, 'duel-3', MAIN);
    it.cluster.crash('duel-3');
    const after = await container(it, 'duel-3', MAIN);
    expect([before.status?.restartCount, after.status?.restartCount]).toEqual([0, 1]);
    expect(after.status?.containerId).not.toBe(before.status?.containerId);
    expect(after.image).toBe(before.image);
    expect(await version(it, 'duel-3')).toEqual(says('2.0'));
    expect(await container(it, 'duel-3', SIDECAR)).toMatchObject({ status: { restartCount: 1 } });
    expect(loads(it.cluster, 'duel-3')).toEqual(['2.0 start']);
  });

  test('answers long before the status shows that it was restarted', async () => {
    const it = fakeWorld({ timings: { statusMs: 1_500 }, sets: [{ engine: { onReload: 'restart' } }] });
    update(it);
    const before = await container(it, 'duel-3', MAIN);
    expect(await reload(it, 'duel-3')).toMatchObject({ kind: 'exited', code: 0 });
    it.clock.advance(1_499);
    expect(await version(it, 'duel-3')).toEqual(says('2.0'));
    expect(await container(it, 'duel-3', MAIN)).toEqual(before);
    it.clock.advance(1);
    const { status } = await container(it, 'duel-3', MAIN);
    expect(status).toMatchObject({ restartCount: 1, ready: true });
    expect(status?.containerId).not.toBe(before.status?.containerId);
    expect(restarts(it.cluster, 'duel-3')).toEqual([SIDECAR, MAIN]);
  });

  test('that is restarted twice before the status shows it has the second run in its status', async () => {
    const it = fakeWorld({ timings: { statusMs: 1_000 } });
    it.cluster.crash('duel-3');
    it.clock.advance(500);
    it.cluster.crash('duel-3');
    it.clock.advance(500);
    expect((await container(it, 'duel-3', MAIN)).status?.restartCount).toBe(0);
    it.clock.advance(500);
    expect((await container(it, 'duel-3', MAIN)).status?.restartCount).toBe(2);
  });

  test('may load only seconds after its reload was answered', async () => {
    const it = fakeWorld({ sets: [{ engine: { loadMs: (server) => (server === 'duel-3' ? 8_000 : 0) } }] });
    update(it);
    for (const server of ['duel-3', 'duel-4'])
      expect(await reload(it, server)).toMatchObject({ kind: 'exited', code: 0 });
    it.clock.advance(7_999);
    expect(await version(it, 'duel-3')).toEqual(says('1.0'));
    expect(await version(it, 'duel-4')).toEqual(says('2.0'));
    it.clock.advance(1);
    expect(await version(it, 'duel-3')).toEqual(says('2.0'));
    expect(effectiveReloads(it.cluster, 'duel-3', '2.0')).toBe(1);
  });

  test('that dies before it has loaded does not load once more', async () => {
    const it = fakeWorld({ sets: [{ engine: { loadMs: 8_000 } }] });
    update(it);
    await reload(it, 'duel-3');
    it.cluster.crash('duel-3');
    it.clock.advance(10_000);
    expect(loads(it.cluster, 'duel-3')).toEqual(['2.0 start']);
  });

  test('may answer only after seconds, and loads also for somebody who has given up', async () => {
    const it = fakeWorld({ sets: [{ engine: { answerMs: 5_000 } }] });
    update(it);
    const patient = reload(it, 'duel-3', 10_000);
    const hasty = reload(it, 'duel-4', 2_000);
    await Promise.resolve();
    await Promise.resolve();
    it.clock.advance(2_000);
    expect(await hasty).toEqual({ kind: 'unknown', message: 'no answer within 2 s' });
    it.clock.advance(3_000);
    expect(await patient).toMatchObject({ kind: 'exited', code: 0 });
    expect(await version(it, 'duel-3')).toEqual(says('2.0'));
    expect(await version(it, 'duel-4')).toEqual(says('2.0'));
  });

  test('may load new files by itself', async () => {
    const it = fakeWorld({ sets: [{ engine: { watchesFiles: true } }] });
    update(it);
    expect(await version(it, 'duel-3')).toEqual(says('2.0'));
    expect(loads(it.cluster, 'duel-3')).toEqual(['2.0 files']);
  });
});

describe('a sidecar that ignores the signal to end', () => {
  const timings = { termMs: 33_000, swapMs: 10 };

  test('runs on with the old files until it is killed', async () => {
    const it = fakeWorld({ timings });
    update(it);
    it.clock.advance(32_000);
    expect(await container(it, 'duel-3', SIDECAR)).toMatchObject({
      image: NEW_IMAGE,
      status: { image: OLD_IMAGE, ready: true, restartCount: 0 },
    });
    expect(it.cluster.server('duel-3').engine.files).toBe('1.0');
    it.clock.advance(2_000);
    expect((await container(it, 'duel-3', SIDECAR)).status).toMatchObject({ image: NEW_IMAGE, restartCount: 1 });
  });

  test('starts with the image of that time even when the old one is wanted again, and goes back after that', async () => {
    const it = fakeWorld({ timings });
    update(it);
    it.clock.advance(20_000);
    update(it, OLD_IMAGE);
    expect((await container(it, 'duel-3', SIDECAR)).image).toBe(OLD_IMAGE);
    it.clock.advance(13_000);
    expect((await container(it, 'duel-3', SIDECAR)).status).toMatchObject({ image: NEW_IMAGE, restartCount: 1 });
    expect(it.cluster.server('duel-3').engine.files).toBe('2.0');
    it.clock.advance(34_000);
    expect((await container(it, 'duel-3', SIDECAR)).status).toMatchObject({ image: OLD_IMAGE, restartCount: 2 });
    expect(it.cluster.server('duel-3').engine).toEqual({ files: '1.0', loaded: '1.0' });
  });
});

describe('a pod that is still starting', () => {
  const starting = (startMs: number) => ({
    timings: { startMs: (server: string) => (server === 'duel-3' ? startMs : 0) },
    sets: [{ replicas: 5 }],
  });

  test('has no status, then containers that are being created, then its first start, which is no restart', async () => {
    const it = fakeWorld(starting(1_000));
    expect(await container(it, 'duel-3', MAIN)).not.toHaveProperty('status');
    expect(await version(it, 'duel-3')).toMatchObject({ kind: 'failed' });
    it.clock.advance(500);
    expect((await container(it, 'duel-3', MAIN)).status).toMatchObject({
      state: 'waiting',
      reason: 'ContainerCreating',
      restartCount: 0,
      containerId: '',
    });
    const [pod] = (await it.cluster.listServers(SET, { names: ['duel-3'] })).servers;
    expect(pod).toMatchObject({ phase: 'Pending', ip: '', conditions: { Ready: 'False' } });
    it.clock.advance(500);
    expect((await container(it, 'duel-3', MAIN)).status).toMatchObject({ state: 'running', restartCount: 0 });
    expect((await it.cluster.listServers(SET)).servers.every(isServing)).toBe(true);
    expect(await version(it, 'duel-3')).toEqual(says('1.0'));
    expect(restarts(it.cluster, 'duel-3')).toEqual([]);
  });

  test('starts with the image that it is to have by then', async () => {
    const it = fakeWorld(starting(1_000));
    update(it);
    it.clock.advance(1_000);
    expect(await container(it, 'duel-3', SIDECAR)).toMatchObject({
      image: NEW_IMAGE,
      status: { image: NEW_IMAGE, restartCount: 0 },
    });
    expect(await version(it, 'duel-3')).toEqual(says('2.0'));
    const { servers } = await it.cluster.listServers(SET);
    expect(servers.every(isServing)).toBe(true);
  });

  test('may wait until a test starts it', async () => {
    const it = fakeWorld(starting(Number.POSITIVE_INFINITY));
    it.clock.advance(60_000);
    expect(await container(it, 'duel-3', MAIN)).not.toHaveProperty('status');
    it.cluster.server('duel-3').start();
    expect(await version(it, 'duel-3')).toEqual(says('1.0'));
  });
});

describe('a new image of the main container in the template', () => {
  const newEngine = imageOf(MAIN, 'registry.test/engine:1.1');

  test('restarts the engines of those that may move, in Kruise order, and of nobody else', async () => {
    const it = fakeWorld({ sets: [{ replicas: 4 }] });
    it.cluster.edit('tester', partition(2));
    it.cluster.edit('tester', imageOf(SIDECAR, NEW_IMAGE));
    it.clock.advance(100);
    it.cluster.edit('colleague', newEngine);
    it.clock.advance(100);
    const counts = it.cluster
      .set()
      .sorted()
      .map(({ main }) => main.restarts);
    expect(counts).toEqual([0, 0, 1, 1]);
    // An engine that starts loads what is there.
    expect(await version(it, 'duel-3')).toEqual(says('2.0'));
    expect(await version(it, 'duel-0')).toEqual(says('1.0'));
  });

  test('waits behind a closed partition, and restarts every engine when it is opened', () => {
    const it = fakeWorld({ sets: [{ replicas: 4 }] });
    it.cluster.edit('colleague', partition(4));
    it.cluster.edit('colleague', newEngine);
    it.clock.advance(100);
    const engines = (): number[] =>
      it.cluster
        .set()
        .sorted()
        .map(({ main }) => main.restarts);
    expect(engines()).toEqual([0, 0, 0, 0]);
    it.cluster.edit('tester', partition(0));
    it.clock.advance(100);
    expect(engines()).toEqual([1, 1, 1, 1]);
  });
});

describe('the log', () => {
  test('tells what was written and sent after a time, and what others have edited', async () => {
    const it = fakeWorld();
    const set = (await it.cluster.readSet(SET))!;
    const open = { partition: 0, maxUnavailable: '100%', paused: false } as const;
    await it.cluster.patch(setTarget(SET), firstWavePatch(setBaseline(set, SIDECAR, NEW_IMAGE)!, 10, open));
    it.clock.advance(100);
    await reload(it, 'duel-3');
    it.cluster.edit('keda', ({ spec }) => (spec.replicas = 11));
    expect(writesAfter(it.cluster, -1)).toMatchObject([{ kind: 'patch' }, { kind: 'exec', server: 'duel-3' }]);
    expect(writesAfter(it.cluster, 50)).toMatchObject([{ kind: 'exec', at: 100 }]);
    expect(it.cluster.log.at(-1)).toEqual({ at: 100, kind: 'edited', manager: 'keda', what: 'GameServerSet duel' });
  });
});
