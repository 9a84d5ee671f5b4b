import { expect, test } from 'vitest';
import { podsOf, scale, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { createExample, exampleRelease, versionsOf } from '../support/examples.ts';
import { truthWorld } from '../support/truth-world.ts';

const SET = 'minecraft-test';

const world = truthWorld();

const identities = (pods: readonly Pod[]): unknown =>
  pods.map(({ metadata, status }) => [
    metadata.uid,
    metadata.creationTimestamp,
    status!.containerStatuses!.map(({ containerID, restartCount }) => [containerID, restartCount]),
  ]);

test('three old servers stay on 1.12.2, untouched; the fourth and the fifth come up on 1.13.0 and prove it', async () => {
  const before = await createExample(world.lab, 'minecraft/gameserverset-new-servers.yaml');
  expect(await versionsOf(before)).toEqual(['1.12.2', '1.12.2', '1.12.2']);

  const started = await world.hotwave.start(await exampleRelease('minecraft/release-new-servers.yaml'));
  await started.until('it follows new servers', ({ phase }) => phase === 'watching');
  expect(await versionsOf(await podsOf(world.lab.api, SET))).toEqual(['1.12.2', '1.12.2', '1.12.2']);
  await scale(world.lab.api, SET, 5);
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'done', strategy: 'newServersOnly', recreatedPods: 0 });
  expect(result.reason).toBe('2 new servers prove 1.13.0; 3 older servers stayed as they were');

  const after = await podsOf(world.lab.api, SET);
  expect(await versionsOf(after)).toEqual(['1.12.2', '1.12.2', '1.12.2', '1.13.0', '1.13.0']);
  expect(identities(after.slice(0, 3))).toEqual(identities(before));
  expect((await world.lab.api.get<GameServerSet>(setPath(SET))).spec.updateStrategy).toEqual({ type: 'OnDelete' });
});
