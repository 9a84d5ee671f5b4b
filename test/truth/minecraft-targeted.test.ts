import { beforeAll, expect, test } from 'vitest';
import { minecraftContainer } from '../lab/game-minecraft.ts';
import { podsOf, serverPath } from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { GameServer } from '../lab/kubernetes-objects.ts';
import { createExample, exampleRelease, versionsOf } from '../support/examples.ts';
import { truthWorld } from '../support/truth-world.ts';

const SET = 'minecraft-demo';

const world = truthWorld();
let uids: string[];

beforeAll(async () => {
  uids = (await createExample(world.lab, 'minecraft/gameserverset-targeted.yaml')).map(({ metadata }) => metadata.uid);
});

/** Version, restarts and override of each server; the pods must be the first ones. */
async function servers(): Promise<unknown[]> {
  const pods = await podsOf(world.lab.api, SET);
  expect(pods.map(({ metadata }) => metadata.uid)).toEqual(uids);
  const versions = await versionsOf(pods);
  return Promise.all(
    pods.map(async (pod, ordinal) => {
      const { spec } = await world.lab.api.get<GameServer>(serverPath(pod.metadata.name));
      const override = spec.containers?.find(({ name }) => name === minecraftContainer)?.image;
      return [versions[ordinal], containerStatus(pod, minecraftContainer)!.restartCount, override?.split(':')[1]];
    }),
  );
}

test('servers 1 and 2 move to 1.13.0 in their pods, and server 0 is not touched', async () => {
  const result = await (await world.hotwave.start(await exampleRelease('minecraft/release-targeted.yaml'))).result();
  expect(result).toMatchObject({ outcome: 'done', strategy: 'targeted', servers: 2, waves: 2, recreatedPods: 0 });
  expect(await servers()).toEqual([
    ['1.12.2', 0, undefined],
    ['1.13.0', 1, '1.13.0'],
    ['1.13.0', 1, '1.13.0'],
  ]);
});

test('promote moves server 0 and clears the overrides, and no server moves twice', async () => {
  const result = await (await world.hotwave.start(await exampleRelease('minecraft/release-promote.yaml'))).result();
  expect(result).toMatchObject({ outcome: 'done', strategy: 'rolling', servers: 1, recreatedPods: 0 });
  expect(await servers()).toEqual([
    ['1.13.0', 1, undefined],
    ['1.13.0', 1, undefined],
    ['1.13.0', 1, undefined],
  ]);
});

test('a targeted release that is rolled back at its gate leaves the chosen servers as they were, without an override', async () => {
  const file = await exampleRelease('minecraft/release-targeted.yaml');
  const back: typeof file = {
    ...file,
    metadata: { name: 'back-to-1-12' },
    spec: {
      ...file.spec,
      images: { [minecraftContainer]: 'registry.example/minecraft-demo:1.12.2' },
      gates: [{ before: 2, approvals: 1, notRequester: false, timeout: 600_000, onTimeout: 'pause' }],
    },
  };
  const started = await world.hotwave.start(back);
  await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
  expect((await servers()).map((server) => (server as unknown[])[0])).toEqual(['1.13.0', '1.13.0', '1.12.2']);
  await started.decide({ verb: 'rollback', reason: 'players complain' });
  expect(await started.result()).toMatchObject({ outcome: 'rolled-back', recreatedPods: 0 });
  const after = await servers();
  expect(after.map((server) => (server as unknown[])[0])).toEqual(['1.13.0', '1.13.0', '1.13.0']);
  expect(after.map((server) => (server as unknown[])[2])).toEqual([undefined, undefined, undefined]);
});
