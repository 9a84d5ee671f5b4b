import { afterAll, beforeAll, expect, test } from 'vitest';
import { setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld, moves } from '../support/fleet-world.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start({ swap: { fromMs: 800, toMs: 1_200 } });
});

afterAll(() => world.stop());

test('a halt in the middle of a wave lets nobody else move, of any release, until the halt is over', async () => {
  const { lab, hotwave } = world;
  const sets = ['halted-a', 'halted-b'];
  await Promise.all(sets.map((set) => world.aSet(set, { replicas: 6 })));
  const strategyOf = async (set: string): Promise<unknown> =>
    (await lab.api.get<GameServerSet>(setPath(set))).spec.updateStrategy;
  const before = await strategyOf('halted-a');
  const recorders = await Promise.all(sets.map((set) => world.record(set)));
  const moved = (): string[] => recorders.flatMap(({ changes }) => moves(changes));

  const more = '  waves: [rest]\n  maxUnavailable: 1\n  ready: { timeout: 60s }';
  const releases = await Promise.all(sets.map((set) => hotwave.start(world.release(set, 'v2.0', more))));
  const wait = { what: 'a server of each set to move', deadlineMs: 60_000, everyMs: 50 };
  await until(wait, () => recorders.every(({ changes }) => moves(changes).length > 0));

  const halted = await hotwaveCommand(lab, ['halt', '--reason', 'login is down', '--namespace', 'default']);
  expect(halted).toMatchObject({ code: 0 });
  await Promise.all(releases.map((release) => release.idle('the halt', ({ phase }) => phase === 'halted')));
  const atHalt = moved();
  expect(atHalt.length).toBeLessThan(12);
  expect(await strategyOf('halted-a')).toMatchObject({ rollingUpdate: { paused: true } });
  expect(await hotwaveCommand(lab, ['halts'])).toMatchObject({ code: 3 });
  await world.aSet('halted-c');
  const refused = await hotwave.start(world.release('halted-c', 'v2.0'));
  expect(await refused.result()).toMatchObject({ outcome: 'refused' });
  // Making a set and being refused has taken longer than several updates.
  expect(moved()).toEqual(atHalt);

  expect(await hotwaveCommand(lab, ['unhalt', '--namespace', 'default'])).toMatchObject({ code: 0 });
  for (const release of releases)
    expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
  await Promise.all(recorders.map((recorder) => recorder.stop()));
  for (const set of sets) expect(await world.versions(set)).toEqual(Array(6).fill('v2.0'));
  expect(await strategyOf('halted-a')).toEqual(before);
  expect(await hotwaveCommand(lab, ['halts'])).toMatchObject({ code: 0 });
});
