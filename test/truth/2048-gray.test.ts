import { expect, test } from 'vitest';
import { podsOf, setPath } from '../lab/game-server-sets.ts';
import type { KubernetesObject } from '../lab/kubernetes-objects.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import { createExample, exampleRelease, versionsOf } from '../support/examples.ts';
import { truthWorld } from '../support/truth-world.ts';

const SET = 'gss-2048';

const world = truthWorld();

const networkOf = async (): Promise<unknown> =>
  (await world.lab.api.get<KubernetesObject & { spec: { network: unknown } }>(setPath(SET))).spec.network;

test('the low-importance server goes first, a person who did not start it approves, and then the rest follow', async () => {
  const before = await createExample(world.lab, '2048/gameserverset.yaml');
  const network = await networkOf();
  expect(network).toMatchObject({ networkType: 'HwCloud-CCE-ELB' });

  const started = await world.hotwave.start(await exampleRelease('2048/release-gray.yaml'), 'ann');
  await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
  expect(await versionsOf(await podsOf(world.lab.api, SET))).toEqual(['v3.0', 'v1.0', 'v1.0']);
  const own = await started.decide({ verb: 'approve', wave: 2, actor: 'ann' });
  expect(own).toMatchObject({ accepted: false, message: expect.stringContaining('somebody else') as string });
  expect(await started.decide({ verb: 'approve', wave: 2, actor: 'bob' })).toMatchObject({ accepted: true });
  expect(await started.result()).toMatchObject({ outcome: 'done', servers: 3, waves: 2, restartsOfMainContainers: 0 });

  const after = await podsOf(world.lab.api, SET);
  expect(await versionsOf(after)).toEqual(['v3.0', 'v3.0', 'v3.0']);
  expect(after.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
  expect(after.map((pod) => containerStatus(pod, 'app-2048')!.restartCount)).toEqual([0, 0, 0]);
  expect(await networkOf()).toEqual(network);
});
