import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAttributes } from '../../client/temporal/search-attributes.ts';
import type { MonitorState } from '../../release/monitor/monitor.ts';
import { fleetImage, podsOf, scale, serverPath, setImage, setPath, waitForServers } from '../lab/game-server-sets.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { monitorOf } from '../support/monitor.ts';
import type { WatchedMonitor } from '../support/monitor.ts';
import { CLUSTER, startRelease } from '../support/hotwave.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

/** A release that is followed by a monitor, which looks often because tests do not want to wait. */
async function guardedRelease(set: string, tag: string, guard = '1h'): Promise<WatchedMonitor> {
  const file = world.release(set, tag, `  guard: ${guard}`);
  const { client } = world.hotwave;
  const started = await startRelease(client, { cluster: CLUSTER, file, requester: 'tester', monitorInterval: 300 });
  expect(await started.result()).toMatchObject({ outcome: 'done' });
  return monitorOf(world.hotwave, set);
}

const isCalm = ({ problems, lookedAt }: MonitorState): boolean => problems.length === 0 && lookedAt > 0;
const command = (...argv: string[]): ReturnType<typeof hotwaveCommand> => hotwaveCommand(world.lab, argv);

async function podNamed(set: string, name: string): Promise<Pod> {
  return (await podsOf(world.lab.api, set)).find(({ metadata }) => metadata.name === name)!;
}

async function engine(pod: Pod, path: string, method = 'GET'): Promise<string> {
  return (await fetch(`http://${pod.status!.podIP!}:${world.lab.enginePort!}${path}`, { method })).text();
}

async function override(name: string, tag: string | null): Promise<void> {
  const containers = tag === null ? null : [{ name: 'sidecar', image: fleetImage(tag) }];
  await world.lab.api.patch(serverPath(name), { spec: { containers } });
}

async function untilFiles(set: string, name: string, tag: string): Promise<void> {
  await until({ what: `${name} to have the files of ${tag}`, deadlineMs: 60_000 }, async () => {
    return (await engine(await podNamed(set, name), '/files')) === tag;
  });
}

describe('after a release', () => {
  const SET = 'kept';
  let monitor: WatchedMonitor;

  beforeAll(async () => {
    await world.aSet(SET);
    monitor = await guardedRelease(SET, 'v2.0');
    await monitor.until('a first look', isCalm);
  });

  test('a monitor watches, the lock of the set is free, and versions and verify say the same as the monitor', async () => {
    expect(await monitor.state()).toMatchObject({ phase: 'guarding', release: 'kept-v2-0', servers: 3, problems: [] });
    const { out, code } = await command('guard', SET);
    expect(out).toMatch(/^watches v2\.0 on 3 servers for another .*; nothing is wrong\n/);
    expect(code).toBe(0);
    expect(await command('verify', SET)).toMatchObject({ code: 0, out: '3 of 3 servers on v2.0\n' });
    expect(readAttributes(await monitor.handle.describe())).toMatchObject({
      phase: 'guarding',
      set: 'default/kept',
      cluster: CLUSTER,
      release: 'kept-v2-0',
      requester: 'tester',
    });
  });

  test('a recreated pod and a scaled-up server have to prove the version, and do', async () => {
    const before = await podNamed(SET, 'kept-0');
    await world.lab.api.delete(`/api/v1/namespaces/default/pods/kept-0`);
    await until({ what: 'another pod', deadlineMs: 60_000 }, async () => {
      const pod = (await podsOf(world.lab.api, SET)).find(({ metadata }) => metadata.name === 'kept-0');
      return pod !== undefined && pod.metadata.uid !== before.metadata.uid;
    });
    expect(await monitor.said('kept-0', /^proves v2\.0, .* after: its pod was recreated$/)).toBeTruthy();
    await scale(world.lab.api, SET, 4);
    expect(await monitor.said('kept-3', /^proves v2\.0, .* after: it is new$/)).toBeTruthy();
    expect(await monitor.until('calm', isCalm)).toMatchObject({ servers: 4, counts: { recreated: 1, appeared: 1 } });
  });

  test('an engine that has lost the version while its files are right is made to reload', async () => {
    // Somebody tries the old version on one server and goes back, but forgets to reload.
    await override('kept-1', 'v1.0');
    await untilFiles(SET, 'kept-1', 'v1.0');
    await engine(await podNamed(SET, 'kept-1'), '/reload', 'POST');
    expect(await monitor.said('kept-1', /^override: its GameServer asks for .*v1\.0.*; runs v1\.0/)).toBeTruthy();
    await override('kept-1', 'v2.0');
    await untilFiles(SET, 'kept-1', 'v2.0');
    expect(await monitor.said('kept-1', /^its engine was made to reload and proves v2\.0/)).toBeTruthy();
    expect(await engine(await podNamed(SET, 'kept-1'), '/version')).toBe('v2.0');
    await override('kept-1', null);
    expect(await monitor.said('kept-1', /^its image override was taken away$/)).toBeTruthy();
    expect(await monitor.until('calm', isCalm)).toMatchObject({ counts: { repaired: 1, reloads: 1 } });
  });

  test('what happens while no worker runs is seen by the next one, which comes without waiting', async () => {
    const before = await podNamed(SET, 'kept-2');
    const stopped = performance.now();
    await world.withoutWorker(async () => {
      // A watch has nothing to finish: it must not use up the 20 s that a release has to end what it is at.
      expect(performance.now() - stopped).toBeLessThan(10_000);
      await world.lab.api.delete(`/api/v1/namespaces/default/pods/kept-2`);
      await waitForServers(world.lab.api, {
        name: SET,
        count: 4,
        deadlineMs: 60_000,
        isAsWanted: ({ metadata }) => metadata.uid !== before.metadata.uid,
      });
    });
    monitor = monitorOf(world.hotwave, SET);
    expect(await monitor.said('kept-2', /^proves v2\.0, .* after: its pod was recreated$/)).toBeTruthy();
  });

  test('an edit by somebody else is told with their name and left alone', async () => {
    await setImage(world.lab.api, SET, fleetImage('v3.0'), { partition: 3 });
    const { events } = await monitor.until('the edit', ({ counts }) => counts.edited >= 5);
    const edits = events
      .filter(({ kind, server }) => kind === 'edited' && server === undefined)
      .map(({ text }) => text);
    expect(edits).toEqual([
      expect.stringMatching(/^the template's image of sidecar was changed to .*v3\.0 by .+$/),
      expect.stringMatching(/^updateStrategy was changed by .+$/),
    ]);
    expect(await monitor.said('kept-3', /^ahead: /)).toBeTruthy();
    const { code, out } = await command('guard', SET);
    expect({ code, first: out.split('\n')[0] }).toEqual({
      code: 1,
      first: expect.stringMatching(/; 1 server is not proved$/) as string,
    });
  });

  test('a person ends it, and is answered', async () => {
    expect(await command('guard', SET, '--stop', '--actor', 'ann', '--reason', 'seen it')).toMatchObject({
      code: 0,
      out: 'stopped; the servers stay as they are\n',
    });
    expect(await monitor.handle.result()).toMatchObject({ reason: 'stopped by ann: seen it', problems: 1 });
    expect(readAttributes(await monitor.handle.describe()).phase).toBe('guard-ended');
    expect(await command('guard', SET, '--stop')).toMatchObject({ code: 8 });
  });
});

describe('the next release', () => {
  test('takes the monitor over, however soon it comes after the one before', async () => {
    await world.aSet('twice');
    const monitor = await guardedRelease('twice', 'v2.0');
    await guardedRelease('twice', 'v3.0');
    const taken = await monitorOf(world.hotwave, 'twice').until(
      'the newer release',
      ({ version }) => version === 'v3.0',
    );
    expect(taken).toMatchObject({ release: 'twice-v3-0', phase: 'guarding' });
    const running = world.hotwave.client.workflow.list({
      query: `WorkflowId = '${monitor.handle.workflowId}' AND ExecutionStatus = 'Running'`,
    });
    await until({ what: 'one running monitor', deadlineMs: 60_000 }, async () => {
      const ids = [];
      for await (const { runId } of running) ids.push(runId);
      return ids.length === 1;
    });
  });

  test('ends the monitor also when it wants none itself', async () => {
    await world.aSet('once');
    const monitor = await guardedRelease('once', 'v2.0');
    const next = await world.hotwave.start(world.release('once', 'v3.0'));
    expect(await next.result()).toMatchObject({ outcome: 'done' });
    expect(await monitor.handle.result()).toMatchObject({
      reason: expect.stringMatching(/release once-v3-0 has/) as string,
    });
  });

  test('that is refused leaves the monitor alone', async () => {
    await world.aSet('calm');
    const monitor = await guardedRelease('calm', 'v2.0');
    const refused = world.release('calm', 'v3.0', '  previousVersion: v9.9');
    expect(await (await world.hotwave.start(refused)).result()).toMatchObject({ outcome: 'refused' });
    expect((await monitor.state()).phase).toBe('guarding');
  });
});

test('a monitor ends by itself when its time is over', async () => {
  await world.aSet('brief');
  const monitor = await guardedRelease('brief', 'v2.0', '2s');
  expect(await monitor.handle.result()).toMatchObject({ reason: 'its time is over', problems: 0 });
});

test('a monitor of a deleted set ends by itself', async () => {
  await world.aSet('doomed');
  const monitor = await guardedRelease('doomed', 'v2.0');
  await world.lab.api.delete(setPath('doomed'));
  expect(await monitor.handle.result()).toMatchObject({ reason: 'the GameServerSet is deleted' });
});
