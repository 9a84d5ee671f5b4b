import { afterAll, beforeAll, expect, test } from 'vitest';
import { RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { podsOf, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld, moves } from '../support/fleet-world.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const back = (set: string): Promise<{ code: number; out: string; err: string }> =>
  hotwaveCommand(world.lab, ['rollback', '--from-cluster', `default/${set}`, '--reason', 'Temporal is empty']);

const theSet = (name: string): Promise<GameServerSet> => world.lab.api.get<GameServerSet>(setPath(name));

async function expectBack(name: string, replicas: number, strategy: unknown): Promise<void> {
  expect(await world.versions(name)).toEqual(Array(replicas).fill('v1.0'));
  const { metadata, spec } = await theSet(name);
  expect(spec.updateStrategy).toEqual(strategy);
  expect((metadata as { annotations?: Record<string, string> }).annotations?.[RELEASE_ANNOTATION]).toBeUndefined();
  const pods = await podsOf(world.lab.api, name);
  expect(pods.map((pod) => containerStatus(pod, 'app-2048')!.restartCount)).toEqual(Array(replicas).fill(0));
}

test('a release that Temporal has lost in the middle of a wave is brought back by what is written on the set', async () => {
  await world.aSet('lost', { replicas: 6 });
  const { updateStrategy } = (await theSet('lost')).spec;
  const recorder = await world.record('lost');
  const release = await world.hotwave.start(world.release('lost', 'v2.0', '  waves: [1, rest]\n  maxUnavailable: 1'));
  const wait = { what: 'wave 2 to be under way', deadlineMs: 60_000, everyMs: 20 };
  await until(wait, () => moves(recorder.changes).length >= 3);
  await release.handle.terminate('the history is gone');
  const { code, out, err } = await back('lost');
  expect({ code, out, err }).toMatchObject({ code: 0 });
  await recorder.stop();
  await expectBack('lost', 6, updateStrategy);
  const again = await back('lost');
  expect(again).toMatchObject({ code: 0 });
  expect(again.out).toContain('nothing to do');
});

test.each(['badpull', 'crash', 'neverready'])('a lost release that is stuck by %s is un-wedged', async (failure) => {
  const name = `stuck-${failure}`;
  await world.aSet(name, { replicas: 4 });
  const { updateStrategy } = (await theSet(name)).spec;
  const more = '  waves: [rest]\n  onFailure: { then: pause }\n  ready: { timeout: 12s }\n  maxUnavailable: 2';
  const release = await world.hotwave.start(world.release(name, `v2.0-${failure}`, more));
  await release.until('the pause', ({ phase }) => phase === 'paused');
  await release.handle.terminate('the history is gone');
  const { code, out, err } = await back(name);
  expect({ code, out, err }).toMatchObject({ code: 0 });
  await expectBack(name, 4, updateStrategy);
});

test('a lost targeted release loses its overrides', async () => {
  await world.aSet('aimed', { replicas: 4 });
  const { updateStrategy } = (await theSet('aimed')).spec;
  const more =
    '  strategy: targeted\n  target: { gameServerSet: aimed, servers: { servers: [1, 3] }, allowCascade: true }\n  waves: [1, rest]\n  gates: [ { before: 2 } ]';
  const release = await world.hotwave.start(world.release('aimed', 'v2.0', more));
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  await release.handle.terminate('the history is gone');
  const { code, out, err } = await back('aimed');
  expect({ code, out, err }).toMatchObject({ code: 0 });
  await expectBack('aimed', 4, updateStrategy);
});
