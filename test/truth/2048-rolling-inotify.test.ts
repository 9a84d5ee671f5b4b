import { expect, test } from 'vitest';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { game2048 } from '../lab/game-2048.ts';
import { createSet, podsOf } from '../lab/game-server-sets.ts';
import { engineImage, sidecarImage } from '../lab/images/provide-images.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { releaseFrom } from '../support/release-file.ts';
import { truthWorld } from '../support/truth-world.ts';

const world = truthWorld();

const echo = 'http: { port: 80, path: /version, within: 5s }';
const marker = 'log: { container: app-2048, line: "hot-reload loaded={{version}} wanted={{version}}", within: 5s }';
const checksums =
  'checksums: { container: app-2048, directory: /var/www/html/js, manifest: /app/SHA256SUMS, manifestContainer: sidecar, within: 5s }';
const versionFile = 'file: { container: app-2048, path: /var/www/html/js/VERSION, within: 5s }';

/** For releases that are to be done: a busy machine may take longer. */
const patient = (probe: string): string => probe.replace('within: 5s', 'within: 30s');

/** A release of a set whose engines watch the folder: nothing is sent to them. */
function release(set: string, tag: string, { proof = echo, content = checksums } = {}): ReleaseFile {
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${set}-${tag.replaceAll('.', '-')} }
spec:
  target: { gameServerSet: ${set} }
  images: { sidecar: "${sidecarImage(tag)}" }
  waves: [1, rest]
  ready: { timeout: 60s }
  content: { ${content} }
  reload: { self: {} }
  proof: { ${proof} }
  health:
    - conditions: [Ready, ContainersReady]
    - tcp: { port: 80, within: 5s }
`);
}

/** A set of engines that reload themselves when hot files arrive. */
function aSet(name: string, replicas: number): Promise<readonly Pod[]> {
  const set = { name, replicas, nodeName: world.lab.nodeName, mainImage: engineImage('v1.0-inotify') };
  return createSet(world.lab.api, game2048(set), 90_000);
}

async function versionsLoaded(set: string): Promise<string[]> {
  const pods = await podsOf(world.lab.api, set);
  return Promise.all(
    pods.map(async (pod) => (await (await fetch(`http://${pod.status!.podIP!}/version`)).text()).trim()),
  );
}

async function expectUntouchedPods(set: string, before: readonly Pod[], restarts: number): Promise<void> {
  const pods = await podsOf(world.lab.api, set);
  expect(pods.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
  expect(pods.map((pod) => containerStatus(pod, 'app-2048')!.restartCount)).toEqual(before.map(() => 0));
  expect(pods.map((pod) => containerStatus(pod, 'sidecar')!.restartCount)).toEqual(before.map(() => restarts));
}

test('engines that watch the folder are updated without a reload being sent; each proves it by its version, then by its log', async () => {
  const before = await aSet('self', 3);
  const byEcho = await world.hotwave.start(release('self', 'v2.0', { proof: patient(echo) }));
  expect(await byEcho.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(await versionsLoaded('self')).toEqual(['v2.0', 'v2.0', 'v2.0']);
  await expectUntouchedPods('self', before, 1);

  const byLog = await world.hotwave.start(release('self', 'v3.0', { proof: patient(marker) }));
  expect(await byLog.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(await versionsLoaded('self')).toEqual(['v3.0', 'v3.0', 'v3.0']);
  await expectUntouchedPods('self', before, 2);
});

test('an engine that reloads itself and stays on its version is waited for until the deadline, then rolled back', async () => {
  await aSet('stale', 2);
  const started = await world.hotwave.start(release('stale', 'v2.1-stale', { content: versionFile }));
  const { wait } = await started.until('the wait', (state) => state.wait?.for.includes('by itself') === true);
  expect(wait).toMatchObject({ owner: 'the engines' });
  expect(wait!.until - wait!.since).toBe(5_000);
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(result.reason).toMatch(/answered "v1\.0", expected "v2\.1-stale"/);
  expect(await versionsLoaded('stale')).toEqual(['v1.0', 'v1.0']);
});

test('a file that the sidecar forgets is named by the checksums, before any engine is asked', async () => {
  await aSet('forgetful', 2);
  const started = await world.hotwave.start(release('forgetful', 'v2.1-stale'));
  const result = await started.result();
  expect(result.outcome).toBe('rolled-back');
  expect(result.reason).toMatch(
    /1 of \d+ files are not as listed: \/var\/www\/html\/js\/version\.conf has \w{12}, expected/,
  );
  expect((await started.state()).failedBefore?.map((failure) => failure.class)).toEqual(['content']);
});

test('an old line in the log proves nothing: a reload that fails is rolled back, and the log proves the old version', async () => {
  await aSet('broken', 2);
  const started = await world.hotwave.start(release('broken', 'v2.1-badconfig', { proof: marker }));
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(result.reason).toMatch(/no line with "hot-reload loaded=v2\.1-badconfig .*" since the change began/);
  expect(result.reason).toMatch(/every server proves v1\.0/);
  expect(await versionsLoaded('broken')).toEqual(['v1.0', 'v1.0']);
});
