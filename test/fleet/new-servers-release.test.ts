import { afterAll, beforeAll, expect, test } from 'vitest';
import { scale, setPath, waitForServers } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { FleetWorld, moves } from '../support/fleet-world.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const onlyNew = (count: number, watch = '1m'): string =>
  `  strategy: newServersOnly\n  newServers: { watch: ${watch}, count: ${count} }\n`;

const strategyOf = async (set: string): Promise<unknown> =>
  (await world.lab.api.get<GameServerSet>(setPath(set))).spec.updateStrategy;

test('servers that exist stay, new ones prove the new version, and a later rolling release moves the rest by waves only', async () => {
  await world.aSet('grow', { replicas: 3 });
  const own = await strategyOf('grow');
  const recorder = await world.record('grow');
  const started = await world.hotwave.start(world.release('grow', 'v2.0', onlyNew(2)));
  await started.until('it follows new servers', ({ phase }) => phase === 'watching');
  expect(await strategyOf('grow')).toEqual({ type: 'OnDelete' });
  await scale(world.lab.api, 'grow', 5);
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'done', strategy: 'newServersOnly', recreatedPods: 0 });
  expect(result.reason).toBe('2 new servers prove v2.0; 3 older servers stayed as they were');
  expect(await world.versions('grow')).toEqual(['v1.0', 'v1.0', 'v1.0', 'v2.0', 'v2.0']);
  expect(moves(recorder.changes)).toEqual([]);

  const rolling = await world.hotwave.start(
    world.release('grow', 'v2.0', '  waves: [1, rest]\n  gates: [ { before: 1 } ]'),
  );
  await rolling.until('the gate', ({ phase }) => phase === 'waiting-approval');
  expect(moves(recorder.changes)).toEqual([]);
  await rolling.decide({ verb: 'approve', wave: 1 });
  expect(await rolling.result()).toMatchObject({ outcome: 'done', servers: 3, waves: 2 });
  await recorder.stop();
  expect(moves(recorder.changes)[0]).toBe('grow-2');
  expect(await world.versions('grow')).toEqual(['v2.0', 'v2.0', 'v2.0', 'v2.0', 'v2.0']);
  expect(await strategyOf('grow')).toEqual(own);
});

test('a bad new server takes the new image back for those to come, and leaves who is there alone', async () => {
  await world.aSet('bad', { replicas: 2 });
  const own = await strategyOf('bad');
  const started = await world.hotwave.start(
    world.release('bad', 'v2.0-unready', `${onlyNew(1)}  version: v9.9\n  ready: { timeout: 10s }`),
  );
  await started.until('it follows new servers', ({ phase }) => phase === 'watching');
  await scale(world.lab.api, 'bad', 3);
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'rolled-back' });
  expect(result.reason).toMatch(/bad-2: http .* answered "v2.0-unready", expected "v9.9"/);
  await scale(world.lab.api, 'bad', 4);
  await waitForServers(world.lab.api, { name: 'bad', count: 4, deadlineMs: 60_000 });
  expect(await world.versions('bad')).toEqual(['v1.0', 'v1.0', 'v2.0-unready', 'v1.0']);
  // A rolling strategy would move bad-2, with its players: it is not put back while a server is on the new version.
  expect(await strategyOf('bad')).toEqual({ type: 'OnDelete' });
  expect(own).not.toEqual({ type: 'OnDelete' });
});

test('a release that is taken back before anybody came puts the strategy back, and nobody moves', async () => {
  await world.aSet('none', { replicas: 2 });
  const own = await strategyOf('none');
  const recorder = await world.record('none');
  const started = await world.hotwave.start(world.release('none', 'v2.0', onlyNew(1)));
  await started.until('it follows new servers', ({ phase }) => phase === 'watching');
  await started.decide({ verb: 'rollback', reason: 'changed our mind' });
  expect(await started.result()).toMatchObject({ outcome: 'rolled-back' });
  await recorder.stop();
  expect(await strategyOf('none')).toEqual(own);
  expect(moves(recorder.changes)).toEqual([]);
});

test('fewer new servers than expected in time are a failure that says how many there were', async () => {
  await world.aSet('late', { replicas: 1 });
  const result = await (await world.hotwave.start(world.release('late', 'v2.0', onlyNew(1, '2s')))).result();
  expect(result).toMatchObject({ outcome: 'failed' });
  expect(result.reason).toBe('0 new servers of 1 were created and proved within 2s');
});
