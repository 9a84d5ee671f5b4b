import { expect, test } from 'vitest';
import { checkServers } from '../../activities/probes/check-servers.ts';
import { lookAtFleet } from '../../activities/servers/look-at-fleet.ts';
import type { FleetLook } from '../../release/checks/fleet-look.ts';
import { basisOf, packBases, unpackBases } from '../../release/fleet/basis.ts';
import type { Probe } from '../../release/spec/spec.ts';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { packServers } from '../../release/fleet/server-rows.ts';
import { inActivity } from '../support/activity-context.ts';
import { MAIN, SET, SIDECAR, servers } from '../support/builders.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { planned } from '../support/questions.ts';

const PROOF: Probe = { http: { port: 80, path: '/version', within: 200, timeout: 100 } };
const BASIS = { container: SIDECAR, containers: [MAIN, SIDECAR] };

function imageOf({ containers }: ServerView): string {
  return containers.find(({ name }) => name === SIDECAR)?.image ?? '';
}

async function basesOf(cluster: FakeCluster, ordinals: readonly number[]): Promise<string> {
  const { servers: all } = await cluster.listServers(SET);
  const chosen = all.filter(({ ordinal }) => ordinals.includes(ordinal));
  return packBases(
    chosen.map((server) => ({ ordinal: server.ordinal, basis: basisOf(planned(server), imageOf(server)) })),
  );
}

async function look(cluster: Parameters<typeof lookAtFleet>[0], expected: string): Promise<FleetLook> {
  return (await inActivity(() => lookAtFleet(cluster)({ set: SET, ...BASIS, expected }))).result;
}

test('a fleet that is as expected costs one list and says nothing', async () => {
  const cluster = fakeCluster();
  const expected = await basesOf(cluster, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const before = cluster.calls.listServers;
  expect(await look(cluster, expected)).toEqual({ missing: [], changed: [], more: 0 });
  expect(cluster.calls.listServers).toBe(before + 1);
});

test('only servers of which something is expected are looked at: the missing are named, the changed shown as they are', async () => {
  const cluster = fakeCluster();
  const expected = await basesOf(cluster, [1, 2, 3, 4, 5, 9]);
  for (const name of ['duel-0', 'duel-4']) {
    const crashed = cluster.server(name);
    crashed.restart(crashed.container(MAIN)!);
    crashed.touch();
  }
  cluster.set().remove('duel-9');
  const { missing, changed } = await look(cluster, expected);
  expect(missing).toEqual(['duel-9']);
  expect(changed.map(({ server }) => server.name)).toEqual(['duel-4']);
  expect(changed[0]).toMatchObject({ image: expect.stringContaining('scripts:1.0') as string, deleting: false });
  expect(changed[0]?.server.containers[MAIN]).toMatch(/^1:/);
});

test('a server whose pod is being deleted is shown, although nothing else of it is another one', async () => {
  const [leaving] = servers(1, () => ({ deleting: true }));
  const one = { listServers: () => Promise.resolve({ servers: [leaving!], resourceVersion: '1' }) };
  const expected = packBases([{ ordinal: 0, basis: basisOf(planned(leaving!), imageOf(leaving!)) }]);
  expect((await look(one as unknown as FakeCluster, expected)).changed).toMatchObject([{ deleting: true }]);
});

test('the first start of a container shows nothing', async () => {
  const cluster = fakeCluster();
  const { servers: all } = await cluster.listServers(SET);
  const starting = planned({ ...all[0]!, containers: all[0]!.containers.map(({ name, image }) => ({ name, image })) });
  const expected = packBases([{ ordinal: 0, basis: basisOf(starting, imageOf(all[0]!)) }]);
  expect((await look(cluster, expected)).changed).toEqual([]);
});

test('at most 300 servers are written out, and the others are counted', async () => {
  const all = servers(1_000);
  const many = { listServers: () => Promise.resolve({ servers: all, resourceVersion: '1' }) };
  const expected = packBases(all.map(({ ordinal }) => ({ ordinal, basis: '' })));
  const { changed, more } = await look(many as unknown as FakeCluster, expected);
  expect([changed.length, more]).toEqual([300, 700]);
});

test('a check says on what basis each server has answered right: the one before it was asked', async () => {
  const cluster = fakeCluster();
  const { servers: all } = await cluster.listServers(SET);
  const expected = unpackBases(await basesOf(cluster, [0, 1, 2]));
  cluster.server('duel-1').engine.loaded = '0.9';
  const { result } = await inActivity(() =>
    checkServers(
      cluster,
      undefined,
    )({
      set: SET,
      servers: packServers(all.slice(0, 3).map(planned)),
      concurrency: { total: 5, perNode: 5 },
      direction: 'forward',
      kind: 'version',
      probes: [PROOF],
      version: '1.0',
      container: SIDECAR,
    }),
  );
  expect(result.failures.map(({ server }) => server)).toEqual(['duel-1']);
  expect(unpackBases(result.bases!)).toEqual(new Map([0, 2].map((ordinal) => [ordinal, expected.get(ordinal)])));
});
