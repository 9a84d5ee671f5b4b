import { expect, test } from 'vitest';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { game2048 } from '../lab/game-2048.ts';
import { createSet, deleteSet, podsOf, setPriorities } from '../lab/game-server-sets.ts';
import { sidecarImage } from '../lab/images/provide-images.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { releaseFrom } from '../support/release-file.ts';
import { truthWorld } from '../support/truth-world.ts';

const SET = 'gss-2048';

const world = truthWorld();

function release(set: string, tag: string, more = ''): ReleaseFile {
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${set}-${tag.replaceAll('.', '-')} }
spec:
  target: { gameServerSet: ${set} }
  images: { sidecar: "${sidecarImage(tag)}" }
  waves: [1, rest]
  ready: { timeout: 60s }
  content: { file: { container: app-2048, path: /var/www/html/js/VERSION, within: 5s } }
  reload: { exec: { container: app-2048, command: [/usr/sbin/nginx, -s, reload] } }
  proof: { http: { port: 80, path: /version, within: 5s } }
  health: [ { http: { port: 80, path: /healthz, within: 5s } } ]
${more}`);
}

async function versionsLoaded(set: string): Promise<string[]> {
  const pods = await podsOf(world.lab.api, set);
  return Promise.all(
    pods.map(async (pod) => (await (await fetch(`http://${pod.status!.podIP!}/version`)).text()).trim()),
  );
}

async function expectUntouchedPods(before: readonly Pod[], restarts: number): Promise<void> {
  const pods = await podsOf(world.lab.api, SET);
  expect(pods.map(({ metadata }) => [metadata.uid, metadata.creationTimestamp])).toEqual(
    before.map(({ metadata }) => [metadata.uid, metadata.creationTimestamp]),
  );
  expect(pods.map((pod) => containerStatus(pod, 'app-2048')!.restartCount)).toEqual([0, 0, 0]);
  expect(pods.map((pod) => containerStatus(pod, 'sidecar')!.restartCount)).toEqual(pods.map(() => restarts));
}

test('a hot update reaches nginx on every server: same pods, sidecar restarted once, main container never', async () => {
  const before = await createSet(
    world.lab.api,
    game2048({ name: SET, replicas: 3, nodeName: world.lab.nodeName }),
    90_000,
  );
  await setPriorities(world.lab.api, { name: SET }, { [`${SET}-0`]: 9 });
  const started = await world.hotwave.start(release(SET, 'v2.0', '  gates: [ { before: 2 } ]'));
  await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
  expect(await versionsLoaded(SET)).toEqual(['v2.0', 'v1.0', 'v1.0']);
  await started.decide({ verb: 'approve', wave: 2 });
  expect(await started.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(await versionsLoaded(SET)).toEqual(['v2.0', 'v2.0', 'v2.0']);
  await expectUntouchedPods(before, 1);
});

test.each([['v2.1-badconfig', 'reload', /the reload ended with exit code 1: .*\[emerg\].*arena\.conf/]])(
  'a bad release %s is rolled back by itself and nginx proves the version before it',
  async (tag, kind, reason) => {
    // A set of its own: the kubelet backs off longer each time that a pod goes back to an image it has just run.
    const set = `bad-${tag.slice(5)}`;
    await createSet(world.lab.api, game2048({ name: set, replicas: 2, nodeName: world.lab.nodeName }), 90_000);
    const started = await world.hotwave.start(release(set, tag));
    const result = await started.result();
    expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0, recreatedPods: 0 });
    expect(result.reason).toMatch(reason);
    expect((await started.state()).failedBefore?.map((failure) => failure.class)).toContain(kind);
    expect(await versionsLoaded(set)).toEqual(['v1.0', 'v1.0']);
    await deleteSet(world.lab.api, set);
  },
);
