import { describe, expect, test } from 'vitest';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { containerOf, isServing } from '../../release/fleet/fleet.ts';
import { firstWavePatch, priorityPatch, rollbackPatch, setBaseline, setTarget } from '../../release/patches/patches.ts';
import type { SetControls } from '../../release/patches/patches.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { unreachable } from '../support/fake-faults.ts';
import { fakeWorld } from '../support/fake-world.ts';
import type { FakeWorld } from '../support/fake-world.ts';

const hold = (wishes: Partial<SetControls> = {}): SetControls => ({
  partition: 0,
  maxUnavailable: '100%',
  paused: false,
  ...wishes,
});

async function release(cluster: FakeCluster, wishes: Partial<SetControls> = {}, image = NEW_IMAGE): Promise<void> {
  const set = (await cluster.readSet(SET))!;
  const baseline = setBaseline(set, SIDECAR, image)!;
  expect(await cluster.patch(setTarget(SET), firstWavePatch(baseline, set.replicas, hold(wishes)))).toEqual({
    kind: 'applied',
  });
}

const onImage = (image: string) => (server: ServerView) =>
  containerOf(server.containers, SIDECAR)?.status?.image === image && isServing(server);

async function updated({ cluster }: FakeWorld, image = NEW_IMAGE): Promise<number[]> {
  const { servers } = await cluster.listServers(SET);
  return servers.filter(onImage(image)).map(({ ordinal }) => ordinal);
}

const moved = ({ cluster }: FakeWorld): string[] =>
  cluster.log.flatMap((entry) => (entry.kind === 'moved' ? [entry.server] : []));

describe('the fake cluster', () => {
  test('moves by priority, then by ordinal, as many as the partition lets it', async () => {
    const it = fakeWorld({ sets: [{ replicas: 5, priority: (ordinal) => (ordinal === 1 ? 9 : 0) }] });
    await release(it.cluster, { partition: 2 });
    it.clock.advance(100);
    expect(moved(it)).toEqual(['duel-1', 'duel-4', 'duel-3']);
    expect(await updated(it)).toEqual([1, 3, 4]);
    expect(it.cluster.set().workload).toMatchObject({ observedGeneration: 2, partition: 2 });
  });

  test('has no more servers unavailable than the set allows', async () => {
    const it = fakeWorld({ sets: [{ replicas: 6 }] });
    await release(it.cluster, { maxUnavailable: 2 });
    let most = 0;
    for (let ms = 0; ms < 100; ms += 1) {
      it.clock.advance(1);
      const { servers } = await it.cluster.listServers(SET);
      most = Math.max(most, servers.filter((server) => !isServing(server)).length);
    }
    expect(most).toBe(2);
    expect(await updated(it)).toHaveLength(6);
    expect(it.cluster.set().workload.currentRevision).toBe(it.cluster.set().workload.updateRevision);
  });

  test('starts nothing while the set is paused', async () => {
    const it = fakeWorld();
    await release(it.cluster, { paused: true });
    it.clock.advance(100);
    expect(moved(it)).toEqual([]);
  });

  test.each([
    ['badpull', { state: 'waiting', reason: 'ImagePullBackOff', restartCount: 0 }],
    ['crash', { state: 'waiting', reason: 'CrashLoopBackOff', restartCount: 4 }],
    ['neverready', { state: 'running', ready: false, restartCount: 1 }],
  ] as const)('fails with `%s`, and a rollback heals it', async (failure, status) => {
    const it = fakeWorld({ sets: [{ replicas: 3 }] });
    const baseline = setBaseline((await it.cluster.readSet(SET))!, SIDECAR, `${NEW_IMAGE}-${failure}`)!;
    await release(it.cluster, {}, `${NEW_IMAGE}-${failure}`);
    it.clock.advance(200);
    const [server] = (await it.cluster.listServers(SET)).servers;
    expect(isServing(server!)).toBe(false);
    expect(containerOf(server!.containers, SIDECAR)?.status).toMatchObject(status);
    await it.cluster.patch(setTarget(SET), rollbackPatch(baseline, { image: baseline.newImage }));
    it.clock.advance(200);
    expect(await updated(it, OLD_IMAGE)).toEqual([0, 1, 2]);
  });

  test('fails on single servers only, where a test says so', async () => {
    const it = fakeWorld({ sets: [{ replicas: 3 }], failures: { 'duel-1': 'crash' } });
    await release(it.cluster);
    it.clock.advance(200);
    expect(await updated(it)).toEqual([0, 2]);
  });

  test('has engines that load new files only when told to', async () => {
    const it = fakeWorld({ sets: [{ replicas: 2 }], failures: { 'duel-1': 'stale' } });
    await release(it.cluster);
    it.clock.advance(100);
    const answers = async (): Promise<unknown[]> => {
      const { servers } = await it.cluster.listServers(SET);
      const ask = (host: string): ReturnType<FakeCluster['httpGet']> =>
        it.cluster.httpGet({ host, port: 80, path: '/version', timeoutMs: 1_000 });
      return Promise.all(servers.map(async ({ ip }) => (await ask(ip)) as { body?: string }));
    };
    expect(await answers()).toMatchObject([{ body: '1.0' }, { body: '1.0' }]);
    for (const server of ['duel-0', 'duel-1']) {
      const command = ['fleet-engine', 'reload', `arena/${server}`];
      const outcome = await it.cluster.exec({
        namespace: 'arena',
        server,
        container: SIDECAR,
        command,
        timeoutMs: 1_000,
      });
      expect(outcome).toMatchObject({ kind: 'exited', code: 0 });
    }
    expect(await answers()).toMatchObject([{ body: '2.0' }, { body: '1.0' }]);
  });

  test('loses writes of GameServers as OpenKruiseGame 1.0 does, and takes them when written again', async () => {
    const it = fakeWorld();
    it.cluster.loseGameServerWrites(1);
    const write = async (token: string): Promise<unknown> => {
      const [gameServer] = await it.cluster.listGameServers(SET, ['duel-2']);
      const target = { kind: 'GameServer', namespace: 'arena', name: 'duel-2' } as const;
      await it.cluster.patch(target, priorityPatch(gameServer!, 50, token));
      it.clock.advance(10);
      const [after] = await it.cluster.listGameServers(SET, ['duel-2']);
      return [after?.updatePriority, it.cluster.server('duel-2').syncToken];
    };
    expect(await write('a')).toEqual([0, 'a']);
    expect(await write('b')).toEqual([50, 'b']);
  });

  test('keeps an override against a new template', async () => {
    const it = fakeWorld({
      sets: [{ replicas: 2, overrides: { 'duel-0': { [SIDECAR]: 'registry.test/scripts:1.5' } } }],
    });
    it.clock.advance(50);
    await release(it.cluster);
    it.clock.advance(100);
    expect(await updated(it, 'registry.test/scripts:1.5')).toEqual([0]);
    expect(await updated(it)).toEqual([1]);
    expect(it.cluster.server('duel-0').revision).toBe(it.cluster.set().workload.updateRevision);
  });

  test('gives a recreated pod a new identity, on the revision that Kruise gives it', async () => {
    const it = fakeWorld({ sets: [{ replicas: 3 }] });
    await release(it.cluster, { partition: 2_147_483_647 });
    it.clock.advance(50);
    const before = it.cluster.server('duel-1');
    it.cluster.set().recreate('duel-1');
    it.clock.advance(50);
    expect(it.cluster.server('duel-1').uid).not.toBe(before.uid);
    expect(await updated(it, OLD_IMAGE)).toEqual([0, 1, 2]);
  });

  test.for(Array.from({ length: 30 }, (_, milliseconds) => milliseconds))(
    'updates nobody in place of a pod that is recreated after %d ms',
    async (milliseconds) => {
      const it = fakeWorld({ sets: [{ replicas: 5 }] });
      await release(it.cluster, { partition: 3 });
      it.clock.advance(milliseconds);
      it.cluster.set().recreate('duel-4');
      it.clock.advance(100);
      expect(moved(it)).not.toContain('duel-2');
      expect(await updated(it)).toEqual([3, 4]);
    },
  );

  test('scales as somebody else wishes, and the guard of the next write sees it', async () => {
    const it = fakeWorld({ sets: [{ replicas: 3 }] });
    const set = (await it.cluster.readSet(SET))!;
    it.cluster.faults.before('patch', () => it.cluster.edit('keda', ({ spec }) => (spec.replicas = 5)));
    const patch = firstWavePatch(setBaseline(set, SIDECAR, NEW_IMAGE)!, 3, hold());
    expect(await it.cluster.patch(setTarget(SET), patch)).toMatchObject({
      kind: 'preconditionFailed',
      path: '/spec/replicas',
      expected: 3,
      actual: 5,
      manager: 'keda',
    });
    it.clock.advance(10);
    expect((await it.cluster.listServers(SET)).servers).toHaveLength(5);
  });

  test('can lose the answer to a write that was done', async () => {
    const it = fakeWorld();
    const patch = firstWavePatch(setBaseline((await it.cluster.readSet(SET))!, SIDECAR, NEW_IMAGE)!, 10, hold());
    it.cluster.faults.loseReply('patch');
    await expect(it.cluster.patch(setTarget(SET), patch)).rejects.toEqual(unreachable());
    expect(await it.cluster.patch(setTarget(SET), patch)).toEqual({ kind: 'alreadyApplied' });
    it.cluster.faults.fail('readSet', unreachable(), 2);
    await expect(it.cluster.readSet(SET)).rejects.toThrow('connection refused');
    await expect(it.cluster.readSet(SET)).rejects.toThrow('connection refused');
    expect(await it.cluster.readSet(SET)).toBeDefined();
  });

  test('updates ten thousand servers', { timeout: 30_000 }, async () => {
    const it = fakeWorld({ sets: [{ replicas: 10_000 }] });
    await release(it.cluster);
    it.clock.advance(100);
    expect(await updated(it)).toHaveLength(10_000);
  });
});
