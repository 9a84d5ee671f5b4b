import { afterAll, beforeAll, expect, test } from 'vitest';
import { fleetImage, podsOf, serverPath, setImage, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { GameServer } from '../lab/kubernetes-objects.ts';
import { FleetWorld, moves } from '../support/fleet-world.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const choosing = (set: string, servers: string, more = ''): string =>
  `  strategy: targeted\n  target: { gameServerSet: ${set}, servers: ${servers} }\n${more}`;

async function overrides(set: string, servers: number): Promise<(string | undefined)[]> {
  const gameServers = Array.from({ length: servers }, (_, ordinal) =>
    world.lab.api.get<GameServer>(serverPath(`${set}-${ordinal}`)),
  );
  const images = (await Promise.all(gameServers)).map(
    ({ spec }) => spec.containers?.find(({ name }) => name === 'sidecar')?.image,
  );
  return images.map((image) => image?.replace(fleetImage(''), ''));
}

async function restarts(set: string): Promise<number[]> {
  return (await podsOf(world.lab.api, set)).map((pod) => containerStatus(pod, 'sidecar')!.restartCount);
}

test('chosen servers move, wave by wave, nobody else does, and promote takes the rest without moving anyone twice', async () => {
  await world.aSet('pick', { replicas: 5, reclaimPolicy: 'Delete' });
  const template = (await world.lab.api.get<GameServerSet>(setPath('pick'))).spec;
  // Somebody else's override of the same server, which must survive.
  const foreign = { name: 'app-2048', image: 'registry.example/2048:v1.0' };
  await world.lab.api.patch(serverPath('pick-1'), { spec: { containers: [foreign] } });
  const recorder = await world.record('pick');
  const file = world.release('pick', 'v2.0', choosing('pick', '{ servers: [1-2, 4] }', '  waves: [1, rest]'));
  const result = await (await world.hotwave.start(file)).result();
  expect(result).toMatchObject({ outcome: 'done', strategy: 'targeted', servers: 3, waves: 2, recreatedPods: 0 });
  const moved = moves(recorder.changes);
  expect([moved.slice(0, 1), moved.slice(1).sort()]).toEqual([['pick-4'], ['pick-1', 'pick-2']]);
  expect(await world.versions('pick')).toEqual(['v1.0', 'v2.0', 'v2.0', 'v1.0', 'v2.0']);
  expect((await world.lab.api.get<GameServerSet>(setPath('pick'))).spec).toEqual(template);

  const promoted = await (await world.hotwave.start(world.release('pick', 'v2.0', '  waves: [1, rest]'))).result();
  expect(promoted).toMatchObject({ outcome: 'done', strategy: 'rolling', servers: 2, waves: 2 });
  await recorder.stop();
  expect(moves(recorder.changes).slice(3)).toEqual(['pick-3', 'pick-0']);
  expect(await world.versions('pick')).toEqual(['v2.0', 'v2.0', 'v2.0', 'v2.0', 'v2.0']);
  expect(await restarts('pick')).toEqual([1, 1, 1, 1, 1]);
  expect(await overrides('pick', 5)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  const { spec } = await world.lab.api.get<GameServer>(serverPath('pick-1'));
  expect(spec.containers).toMatchObject([foreign]);
  expect(spec.containers).toHaveLength(1);
});

test('a bad version on chosen servers is taken back, proved, and leaves no override behind', async () => {
  await world.aSet('sick', { replicas: 4, reclaimPolicy: 'Delete' });
  const recorder = await world.record('sick');
  const file = world.release('sick', 'v2.0-stale', choosing('sick', '{ servers: [0, 2, 3] }', '  waves: [2, rest]'));
  const started = await world.hotwave.start(file);
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'rolled-back' });
  expect(result.reason).toMatch(/answered "v1.0", expected "v2.0-stale"/);
  await recorder.stop();
  expect(new Set(moves(recorder.changes))).toEqual(new Set(['sick-3', 'sick-2']));
  expect(await world.versions('sick')).toEqual(['v1.0', 'v1.0', 'v1.0', 'v1.0']);
  expect(await overrides('sick', 4)).toEqual([undefined, undefined, undefined, undefined]);
});

test('no more servers than maxUnavailable are on their way at once', async () => {
  await world.aSet('paced', { replicas: 6, reclaimPolicy: 'Delete' });
  const recorder = await world.record('paced');
  const file = world.release(
    'paced',
    'v2.0',
    choosing('paced', '{ servers: [0-5] }', '  waves: [rest]\n  maxUnavailable: 2'),
  );
  expect(await (await world.hotwave.start(file)).result()).toMatchObject({ outcome: 'done', servers: 6 });
  await recorder.stop();
  let onTheirWay = 0;
  let most = 0;
  for (const { where } of recorder.changes) {
    onTheirWay += where === 'spec' ? 1 : -1;
    most = Math.max(most, onTheirWay);
  }
  expect(most).toBe(2);
});

test('servers whose GameServers die with their pods are refused, unless the release file accepts it', async () => {
  await world.aSet('mortal', { replicas: 2 });
  const refused = await (
    await world.hotwave.start(world.release('mortal', 'v2.0', choosing('mortal', '{ servers: [0] }')))
  ).result();
  expect(refused).toMatchObject({ outcome: 'refused' });
  expect(refused.reason).toMatch(/1 of the chosen GameServers \(mortal-0\) die with their pods/);
  const accepted = world.release(
    'mortal',
    'v2.0',
    '  strategy: targeted\n  target: { gameServerSet: mortal, servers: { servers: [0] }, allowCascade: true }',
  );
  expect(await (await world.hotwave.start(accepted)).result()).toMatchObject({ outcome: 'done', servers: 1 });
  expect(await world.versions('mortal')).toEqual(['v2.0', 'v1.0']);
});

test('a template that changes underneath stops the release, and a left-over override of another image refuses the next', async () => {
  await world.aSet('under', { replicas: 3, reclaimPolicy: 'Delete' });
  const file = world.release(
    'under',
    'v2.0',
    choosing('under', '{ servers: [1, 2] }', '  waves: [1, rest]\n  gates: [ { before: 2 } ]'),
  );
  const started = await world.hotwave.start(file);
  await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
  await setImage(world.lab.api, 'under', fleetImage('v3.0'));
  await started.decide({ verb: 'approve', wave: 2 });
  const { pausedBecause } = await started.until('a pause', ({ phase }) => phase === 'paused');
  expect(pausedBecause).toMatch(
    /changed .*containers.*image of under (from ".*v1\.0" )?to "registry.example\/2048-sidecar:v3.0"/,
  );
  await started.decide({ verb: 'cancel', then: 'hold', reason: 'somebody moved the template' });
  expect(await started.result()).toMatchObject({ outcome: 'cancelled' });

  const next = await (await world.hotwave.start(world.release('under', 'v4.0'))).result();
  expect(next).toMatchObject({ outcome: 'refused' });
  expect(next.reason).toMatch(/overrides? the image of sidecar with another one/);
});
