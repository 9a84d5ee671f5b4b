import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MonitorState } from '../../release/monitor/monitor.ts';
import { fleetImage, podsOf, scale, serverPath, setImage, waitForServers } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { monitorOf } from '../support/monitor.ts';
import type { WatchedMonitor } from '../support/monitor.ts';
import { CLUSTER, startRelease } from '../support/hotwave.ts';
import type { StartedRelease } from '../support/hotwave.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
  // A pod of the last seconds before a release for new servers is judged by its image: these are to be older.
  await world.aSet('newer', { replicas: 3 });
});

afterAll(() => world.stop());

/** A release that is followed by a monitor, which looks often because tests do not want to wait. */
function start(set: string, tag: string, more: string): Promise<StartedRelease> {
  const file = world.release(set, tag, `  guard: 1h\n${more}`);
  const { client } = world.hotwave;
  return startRelease(client, { cluster: CLUSTER, file, requester: 'tester', monitorInterval: 300 });
}

async function guarded(set: string): Promise<WatchedMonitor> {
  const monitor = monitorOf(world.hotwave, set);
  await monitor.until('a first look', isCalm);
  return monitor;
}

const isCalm = ({ problems, lookedAt }: MonitorState): boolean => problems.length === 0 && lookedAt > 0;

async function podNamed(name: string): Promise<Pod> {
  const set = name.slice(0, name.lastIndexOf('-'));
  return (await podsOf(world.lab.api, set)).find(({ metadata }) => metadata.name === name)!;
}

/** Somebody deletes a pod, or its node does; resolves when another one is Ready. */
async function recreate(name: string): Promise<Pod> {
  const { uid } = (await podNamed(name)).metadata;
  await world.lab.api.delete(`/api/v1/namespaces/default/pods/${name}`);
  return until({ what: `another pod ${name}`, deadlineMs: 60_000 }, async () => {
    const pod = await podNamed(name);
    return (pod as Pod | undefined) !== undefined && pod.metadata.uid !== uid && hasCondition(pod, 'Ready') && pod;
  });
}

/** A container of a server ends by itself, and the kubelet starts it again. */
async function crash(name: string, container: string): Promise<void> {
  const pod = await podNamed(name);
  const index = pod.status!.containerStatuses!.findIndex((status) => status.name === container);
  const { restartCount } = containerStatus(pod, container)!;
  const status = `/status/containerStatuses/${index}`;
  const ended = [
    { op: 'test', path: `${status}/name`, value: container },
    { op: 'replace', path: `${status}/ready`, value: false },
    { op: 'replace', path: `${status}/state`, value: { waiting: { reason: 'CrashLoopBackOff' } } },
  ];
  await world.lab.api.patch(`/api/v1/namespaces/default/pods/${name}/status`, ended, 'json');
  await until({ what: `${container} of ${name} to run again`, deadlineMs: 60_000 }, async () => {
    const now = await podNamed(name);
    return containerStatus(now, container)!.restartCount > restartCount && hasCondition(now, 'Ready');
  });
}

async function override(name: string, tag: string | null): Promise<void> {
  const containers = tag === null ? null : [{ name: 'sidecar', image: fleetImage(tag) }];
  await world.lab.api.patch(serverPath(name), { spec: { containers } });
}

/** The engine of a server is told to load these files as soon as it has them. */
async function reloadByHand(name: string, tag: string): Promise<void> {
  const { status } = await podNamed(name);
  const engine = `http://${status!.podIP!}:${world.lab.enginePort!}`;
  await until({ what: `${name} to have the files of ${tag}`, deadlineMs: 60_000 }, async () => {
    return (await (await fetch(`${engine}/files`)).text()) === tag;
  });
  await fetch(`${engine}/reload`, { method: 'POST' });
}

const onTag = (tag: string) => (pod: Pod) => containerStatus(pod, 'sidecar')!.image === fleetImage(tag);
const verify = async (set: string): Promise<string> => {
  const { code, out } = await hotwaveCommand(world.lab, ['verify', set]);
  return `${code} ${out.trim()}`;
};

describe('after a targeted release', () => {
  const SET = 'picked';
  let monitor: WatchedMonitor;

  beforeAll(async () => {
    await world.aSet(SET, { replicas: 4, reclaimPolicy: 'Delete' });
    const chosen = `  strategy: targeted\n  target: { gameServerSet: ${SET}, servers: { servers: [1, 2] } }`;
    expect(await (await start(SET, 'v2.0', chosen)).result()).toMatchObject({ outcome: 'done' });
    monitor = await guarded(SET);
  });

  test('recreated pods have to prove the version of their own servers: the override outlives its pod', async () => {
    await recreate('picked-1');
    expect(await monitor.said('picked-1', /^proves v2\.0, .* after: its pod was recreated$/)).toBeTruthy();
    await recreate('picked-0');
    expect(await monitor.said('picked-0', /^proves v1\.0, .* after: its pod was recreated$/)).toBeTruthy();
    expect(await monitor.until('calm', isCalm)).toMatchObject({ counts: { recreated: 2, edited: 0, reloads: 0 } });
    expect(await world.versions(SET)).toEqual(['v1.0', 'v2.0', 'v2.0', 'v1.0']);
  });

  test('a sidecar and an engine that crash have to prove the version again', async () => {
    await crash('picked-2', 'sidecar');
    expect(await monitor.said('picked-2', /^proves v2\.0, .* after: container sidecar was started again/)).toBeTruthy();
    await crash('picked-1', 'app-2048');
    expect(
      await monitor.said('picked-1', /^proves v2\.0, .* after: container app-2048 was started again/),
    ).toBeTruthy();
    expect(await monitor.until('calm', isCalm)).toMatchObject({ counts: { crashed: 1, restarted: 1 } });
  });

  test('an edit of the template moves the others: told with the field, and who is ahead, and nothing is put back', async () => {
    await setImage(world.lab.api, SET, fleetImage('v3.0'));
    await waitForServers(world.lab.api, { name: SET, count: 2, deadlineMs: 60_000, isAsWanted: onTag('v3.0') });
    for (const name of ['picked-0', 'picked-3']) {
      await reloadByHand(name, 'v3.0');
      expect(await monitor.said(name, /^ahead: /)).toBeTruthy();
    }
    const { events } = await monitor.state();
    const edits = events.filter(({ kind, server }) => kind === 'edited' && server === undefined);
    expect(edits.map(({ text }) => text)).toEqual([
      expect.stringMatching(/image of sidecar was changed to .*v3\.0 by .+$/),
    ]);
    expect(await verify(SET)).toMatch(/^1 0 of 2 servers on v1\.0, 2 of 2 on v2\.0 \(targeted\); 2 not: picked-0 /);
    expect(await world.versions(SET)).toEqual(['v3.0', 'v2.0', 'v2.0', 'v3.0']);
  });

  test('a chosen server whose override is taken away, and then its pod, is said to be off its version', async () => {
    await until({ what: 'the override to stay away', deadlineMs: 60_000, everyMs: 500 }, async () => {
      await override('picked-2', null);
      const { spec } = await world.lab.api.get<{ metadata: never; spec: { containers?: unknown } }>(
        serverPath('picked-2'),
      );
      return spec.containers === undefined;
    });
    expect(await monitor.said('picked-2', /^its image override was taken away$/)).toBeTruthy();
    await recreate('picked-2');
    expect(
      await monitor.said('picked-2', /^(ahead|behind): .*v3\.0.*; its pod was made after the release$/),
    ).toBeTruthy();
    expect((await monitor.state()).problems.map(({ server }) => server).sort()).toEqual([
      'picked-0',
      'picked-2',
      'picked-3',
    ]);
  });
});

test('after a targeted release whose GameServers die with their pods, a monitor says that the override is gone, and what the pod came back with', async () => {
  const set = 'mortal';
  await world.aSet(set, { replicas: 2 });
  const chosen = `  strategy: targeted\n  target: { gameServerSet: ${set}, servers: { servers: [0] }, allowCascade: true }`;
  expect(await (await start(set, 'v2.0', chosen)).result()).toMatchObject({ outcome: 'done' });
  const monitor = await guarded(set);
  await recreate('mortal-0');
  expect(await monitor.said('mortal-0', /^its image override was taken away$/)).toBeTruthy();
  // OpenKruiseGame may still know the old GameServer when it admits the new pod, which then has its image.
  const said = await monitor.said(
    'mortal-0',
    /^(behind: v1\.0(; its pod was made after the release)?|proves v2\.0, .*)$/,
  );
  const [came] = await world.versions(set);
  expect(said).toContain(came);
  expect(await verify(set)).toMatch(came === 'v2.0' ? /^0 / : /^1 .*not: mortal-0/);
});

describe('after a release for new servers only', () => {
  const SET = 'newer';
  let monitor: WatchedMonitor;

  beforeAll(async () => {
    const started = await start(SET, 'v2.0', '  strategy: newServersOnly\n  newServers: { watch: 1m, count: 1 }');
    await started.until('it follows new servers', ({ phase }) => phase === 'watching');
    await scale(world.lab.api, SET, 4);
    expect(await started.result()).toMatchObject({ outcome: 'done' });
    monitor = await guarded(SET);
  });

  test('a server that comes later proves the new version, and an older one that crashes the old', async () => {
    await scale(world.lab.api, SET, 5);
    expect(await monitor.said('newer-4', /^proves v2\.0, .* after: it is new$/)).toBeTruthy();
    await crash('newer-1', 'sidecar');
    expect(await monitor.said('newer-1', /^proves v1\.0, .* after: container sidecar was started again/)).toBeTruthy();
    await crash('newer-3', 'app-2048');
    expect(await monitor.said('newer-3', /^proves v2\.0, .* after: container app-2048 was started again/)).toBeTruthy();
    expect(await monitor.until('calm', isCalm)).toMatchObject({ servers: 5, counts: { appeared: 1, edited: 0 } });
    expect(await verify(SET)).toBe('0 3 of 3 servers on v1.0, 2 of 2 on v2.0 (newServersOnly)');
  });

  test('an older server whose pod is recreated comes on the new version, as every new one', async () => {
    await recreate('newer-0');
    expect(await monitor.said('newer-0', /^proves v2\.0, .* after: its pod was recreated$/)).toBeTruthy();
    expect(await verify(SET)).toBe('0 3 of 3 servers on v2.0, 2 of 2 on v1.0 (newServersOnly)');
  });

  test('somebody who puts a rolling strategy back moves the older servers: told, with the servers that moved', async () => {
    const rollingUpdate = { podUpdatePolicy: 'InPlaceIfPossible', partition: 0, maxUnavailable: '100%' };
    await setImage(world.lab.api, SET, fleetImage('v2.0'), rollingUpdate);
    await waitForServers(world.lab.api, { name: SET, count: 5, deadlineMs: 60_000, isAsWanted: onTag('v2.0') });
    for (const name of ['newer-1', 'newer-2']) expect(await monitor.said(name, /^ahead: /)).toBeTruthy();
    const { events } = await monitor.state();
    expect(events.some(({ kind, text }) => kind === 'edited' && /^updateStrategy was changed by /.test(text))).toBe(
      true,
    );
    expect(
      await world.lab.api.get(`/apis/game.kruise.io/v1alpha1/namespaces/default/gameserversets/${SET}`),
    ).toMatchObject({ spec: { updateStrategy: { rollingUpdate } } });
  });
});
