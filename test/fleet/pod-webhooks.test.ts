import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { fleetImage, mainContainer, podsOf, sidecarContainer } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { startPodWebhook } from '../support/admission.ts';
import type { PodChange } from '../support/admission.ts';
import { FleetWorld } from '../support/fleet-world.ts';

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const pinned = (image: string): string => `${image}@sha256:${createHash('sha256').update(image).digest('hex')}`;

/** The sidecar's image as a webhook rewrites it. */
function rewriting(rewritten: (image: string) => string): (pod: Pod) => readonly PodChange[] {
  return ({ spec: { containers } }) =>
    containers.flatMap(({ name, image }, index) =>
      name !== sidecarContainer || rewritten(image) === image
        ? []
        : [{ op: 'replace', path: `/spec/containers/${index}/image`, value: rewritten(image) }],
    );
}

function withImage(file: ReleaseFile, image: string): ReleaseFile {
  return { ...file, spec: { ...file.spec, images: { [sidecarContainer]: image } } };
}

test('a set whose images are pinned by a webhook is released by digest, and refused by tag', async () => {
  const webhook = await startPodWebhook(
    world.lab,
    'pinned',
    rewriting((image) => (image.includes('@') ? image : pinned(image))),
  );
  await world.aSet('pinned');
  const file = world.release('pinned', 'v2.0');
  expect(await (await world.hotwave.start(file)).result()).toMatchObject({
    outcome: 'refused',
    reason: expect.stringContaining(
      `the template of pinned has ${fleetImage('v1.0')} for container sidecar, and the pods of 3 servers ask for ${pinned(fleetImage('v1.0'))} (pinned-0, pinned-1, pinned-2): an admission webhook rewrites it, and would rewrite ${fleetImage('v2.0')}, too. Name it ${fleetImage('v2.0')}@sha256:... in spec.images`,
    ) as string,
  });
  const byDigest = await world.hotwave.start(withImage(file, pinned(fleetImage('v2.0'))));
  expect(await byDigest.result()).toMatchObject({ outcome: 'done', recreatedPods: 0, restartsOfMainContainers: 0 });
  const images = (await podsOf(world.lab.api, 'pinned')).map((pod) => containerStatus(pod, sidecarContainer)!.image);
  expect(images).toEqual(Array(3).fill(pinned(fleetImage('v2.0'))));
  await webhook.stop();
});

test('a webhook that rewrites an image for the first time in a wave is named with both images, before time is over', async () => {
  await world.aSet('mirrored');
  const mirror = fleetImage('v2.0').replace('registry.example', 'mirror.example');
  const webhook = await startPodWebhook(
    world.lab,
    'mirrored',
    rewriting((image) => (image === fleetImage('v2.0') ? mirror : image)),
  );
  const file = world.release('mirrored', 'v2.0', '  waves: [1, rest]');
  const release = await world.hotwave.start({ ...file, spec: { ...file.spec, ready: { timeout: 300_000 } } });
  expect(await release.result()).toMatchObject({ outcome: 'rolled-back', recreatedPods: 0 });
  const { failedBefore: failures = [] } = await release.state();
  expect(failures).toEqual([
    {
      server: 'mirrored-2',
      class: 'refused',
      reason: `${fleetImage('v2.0')} was written, and its pod asks for ${mirror}: an admission webhook rewrites it`,
    },
  ]);
  expect(await world.versions('mirrored')).toEqual(['v1.0', 'v1.0', 'v1.0']);
  await webhook.stop();
});

test('a container that a webhook has put into the pods is updated by others in the middle of a release, and is nobody of ours', async () => {
  const webhook = await startPodWebhook(world.lab, 'meshed', (_pod, operation) =>
    operation === 'CREATE'
      ? [{ op: 'add', path: '/spec/containers/0', value: { name: 'mesh', image: 'mesh.example/proxy:v1' } }]
      : [],
  );
  const before = await world.aSet('meshed');
  const file = world.release('meshed', 'v2.0', '  waves: [1, rest]\n  gates: [ { before: 2 } ]');
  const release = await world.hotwave.start(file);
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  const containers = [{ name: 'mesh', image: 'mesh.example/proxy:v2' }];
  for (const { metadata } of before)
    await world.lab.api.patch(
      `/api/v1/namespaces/default/pods/${metadata.name}`,
      { spec: { containers } },
      'strategic',
    );
  const isNew = (pod: Pod): boolean =>
    containerStatus(pod, 'mesh')!.image === 'mesh.example/proxy:v2' && hasCondition(pod, 'Ready');
  await until({ what: 'the mesh to be new', deadlineMs: 60_000, everyMs: 100 }, async () =>
    (await podsOf(world.lab.api, 'meshed')).every(isNew),
  );
  await release.decide({ verb: 'approve', wave: 2 });
  expect(await release.result()).toMatchObject({ outcome: 'done', recreatedPods: 0, restartsOfMainContainers: 0 });
  const after = await podsOf(world.lab.api, 'meshed');
  expect(
    after.map((pod) =>
      ['mesh', mainContainer, sidecarContainer].map((name) => containerStatus(pod, name)!.restartCount),
    ),
  ).toEqual(Array(3).fill([1, 0, 1]));
  expect(await world.versions('meshed')).toEqual(['v2.0', 'v2.0', 'v2.0']);
  await webhook.stop();
});
