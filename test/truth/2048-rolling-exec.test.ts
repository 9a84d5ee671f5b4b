import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReleaseFile } from '../../release/spec.ts';
import { game2048 } from '../lab/game-2048.ts';
import { createSet, podsOf, setPriorities } from '../lab/game-server-sets.ts';
import { sidecarImage } from '../lab/images/provide-images.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { releaseFrom, startHotwave } from '../support/hotwave.ts';
import type { Hotwave } from '../support/hotwave.ts';

const SET = 'gss-2048';

let lab: Lab;
let hotwave: Hotwave;
let before: readonly Pod[];

beforeAll(async () => {
  lab = await startLab({ kind: 'truth' });
  hotwave = await startHotwave(lab);
  before = await createSet(lab.api, game2048({ name: SET, replicas: 3, nodeName: lab.nodeName }), 90_000);
  await setPriorities(lab.api, { name: SET }, { [`${SET}-0`]: 9 });
});

afterAll(async () => {
  await hotwave.stop();
  await lab.stop();
});

function release(tag: string, more = ''): ReleaseFile {
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-${tag.replaceAll('.', '-')} }
spec:
  target: { gameServerSet: ${SET} }
  images: { sidecar: "${sidecarImage(tag)}" }
  waves: [1, rest]
  ready: { timeout: 30s }
  content: { file: { container: app-2048, path: /var/www/html/js/VERSION, within: 5s } }
  reload: { exec: { container: app-2048, command: [/usr/sbin/nginx, -s, reload] } }
  proof: { http: { port: 80, path: /version, within: 5s } }
  health: [ { http: { port: 80, path: /healthz, within: 5s } } ]
${more}`);
}

async function versionsLoaded(): Promise<string[]> {
  const pods = await podsOf(lab.api, SET);
  return Promise.all(pods.map(async (pod) => (await (await fetch(`http://${pod.status!.podIP!}/version`)).text()).trim()));
}

async function expectUntouchedPods(restarts: number): Promise<void> {
  const pods = await podsOf(lab.api, SET);
  expect(pods.map(({ metadata }) => [metadata.uid, metadata.creationTimestamp])).toEqual(
    before.map(({ metadata }) => [metadata.uid, metadata.creationTimestamp]),
  );
  expect(pods.map((pod) => containerStatus(pod, 'app-2048')!.restartCount)).toEqual([0, 0, 0]);
  expect(pods.map((pod) => containerStatus(pod, 'sidecar')!.restartCount)).toEqual(pods.map(() => restarts));
}

test('a hot update reaches nginx on every server: same pods, sidecar restarted once, main container never', async () => {
  const started = await hotwave.start(release('v2.0', '  gates: [ { before: 2 } ]'));
  await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
  expect(await versionsLoaded()).toEqual(['v2.0', 'v1.0', 'v1.0']);
  await started.decide({ verb: 'approve', wave: 2 });
  expect(await started.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(await versionsLoaded()).toEqual(['v2.0', 'v2.0', 'v2.0']);
  await expectUntouchedPods(1);
});

test.each([
  ['v2.1-badconfig', 'reload', /the reload ended with exit code 1: .*\[emerg\].*arena\.conf/],
  ['v2.1-crash', 'crashLoop', /CrashLoopBackOff/],
  ['v2.1-stale', 'version', /answered "v2.0", expected "v2.1-stale"/],
  ['v2.1-unhealthy', 'health', /status 503/],
  ['v9.9-missing', 'imagePull', /cannot be pulled/],
])('a bad release %s is rolled back by itself and nginx proves the version before it', async (tag, kind, reason) => {
  const started = await hotwave.start(release(tag));
  const result = await started.result();
  expect(result).toMatchObject({ outcome: 'rolled-back', restartsOfMainContainers: 0, recreatedPods: 0 });
  expect(result.reason).toMatch(reason);
  expect((await started.state()).failures.map((failure) => failure.class)).toContain(kind);
  expect(await versionsLoaded()).toEqual(['v2.0', 'v2.0', 'v2.0']);
});
