import { beforeAll, expect, test } from 'vitest';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import type { AuditRow } from '../../release/audit/audit.ts';
import { game2048 } from '../lab/game-2048.ts';
import { createSet, podsOf } from '../lab/game-server-sets.ts';
import { sidecarImage } from '../lab/images/provide-images.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { execInPod } from '../lab/pod-exec.ts';
import type { ExecResult } from '../lab/pod-exec.ts';
import { until } from '../lab/until.ts';
import { hotwaveCommand } from '../support/command.ts';
import { monitorOf } from '../support/monitor.ts';
import type { WatchedMonitor } from '../support/monitor.ts';
import { CLUSTER, startRelease } from '../support/hotwave.ts';
import { releaseFrom } from '../support/release-file.ts';
import { truthWorld } from '../support/truth-world.ts';

const SET = 'gss-2048';
const MAIN = 'app-2048';
const SIDECAR = 'sidecar';
/** Where the engine finds the hot files. */
const FILES = '/var/www/html/js';

const world = truthWorld();
let monitor: WatchedMonitor;

/** One server for each disaster: the kubelet waits longer each time that the same container is started again. */
beforeAll(async () => {
  await createSet(world.lab.api, game2048({ name: SET, replicas: 4, nodeName: world.lab.nodeName }), 90_000);
  const file = releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-v2-0 }
spec:
  target: { gameServerSet: ${SET} }
  images: { sidecar: "${sidecarImage('v2.0')}" }
  waves: [1, rest]
  maxUnavailable: 100%
  ready: { timeout: 60s }
  content: { file: { container: ${MAIN}, path: ${FILES}/VERSION, within: 5s } }
  reload: { exec: { container: ${MAIN}, command: [/usr/sbin/nginx, -s, reload] } }
  proof: { http: { port: 80, path: /version, within: 5s } }
  guard: 1h
`);
  const release = await startRelease(world.hotwave.client, {
    cluster: CLUSTER,
    file,
    requester: 'tester',
    monitorInterval: 500,
  });
  expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
  monitor = monitorOf(world.hotwave, SET);
  await monitor.until('a first look', ({ lookedAt }) => lookedAt > 0);
});

async function podOf(server: string): Promise<Pod> {
  return (await podsOf(world.lab.api, SET)).find(({ metadata }) => metadata.name === server)!;
}

function run(server: string, container: string, ...command: string[]): Promise<ExecResult> {
  return execInPod(world.lab.kubeconfig, { namespace: 'default', pod: server, container }, command);
}

/** The answers of nginx itself, asked by the test. */
async function loaded(server: string): Promise<string> {
  const pod = await podOf(server);
  return (await (await fetch(`http://${pod.status!.podIP!}/version`)).text()).trim();
}

async function onDisk(server: string): Promise<string> {
  return (await run(server, MAIN, 'cat', `${FILES}/VERSION`)).stdout.trim();
}

async function untilRestarted(server: string, container: string, restarts: number): Promise<Pod> {
  return until({ what: `${container} of ${server} to be Ready again`, deadlineMs: 90_000 }, async () => {
    const pod = await podOf(server);
    const status = containerStatus(pod, container)!;
    return status.restartCount === restarts && status.state?.running !== undefined && hasCondition(pod, 'Ready') && pod;
  });
}

async function audit(): Promise<Audit> {
  return JSON.parse((await hotwaveCommand(world.lab, ['versions', SET, '-o', 'json'])).out) as Audit;
}

async function rowOf(server: string): Promise<AuditRow> {
  return (await audit()).rows.find((row) => row.server === server)!;
}

const verify = async (): Promise<string> => {
  const { code, out } = await hotwaveCommand(world.lab, ['verify', SET]);
  return `${code} ${out.trim()}`;
};

const PATIENCE = 90_000;

test('after a crash of the sidecar the files come back from the image, and the engine has never lost them', async () => {
  const server = `${SET}-0`;
  expect(await verify()).toBe('0 4 of 4 servers on v2.0');
  const before = await podOf(server);
  await run(server, SIDECAR, 'rm', '/app/scripts/VERSION');
  await run(server, SIDECAR, 'kill', '-TERM', '1');
  // The engine answers all the time; what the audit says of the server meanwhile depends on how far the kubelet is.
  expect(await loaded(server)).toBe('v2.0');
  const after = await untilRestarted(server, SIDECAR, 2);
  expect([await onDisk(server), await loaded(server)]).toEqual(['v2.0', 'v2.0']);
  expect(after.metadata.uid).toBe(before.metadata.uid);
  expect(containerStatus(after, MAIN)!.restartCount).toBe(0);

  expect(await monitor.said(server, /^proves v2\.0/, PATIENCE)).toMatch(
    /^proves v2\.0, .* after: container sidecar was started again \(restart count 2\)$/,
  );
  expect(await rowOf(server)).toMatchObject({
    loaded: 'v2.0',
    files: 'v2.0',
    mismatch: '',
    restarts: 2,
    mainRestarts: 0,
  });
});

test('a main container that is started again loads the files that are on the disk: the new version', async () => {
  const server = `${SET}-1`;
  await run(server, MAIN, '/usr/sbin/nginx', '-s', 'stop');
  await untilRestarted(server, MAIN, 1);
  expect([await onDisk(server), await loaded(server)]).toEqual(['v2.0', 'v2.0']);
  expect(await monitor.said(server, /^proves v2\.0/, PATIENCE)).toMatch(
    /after: container app-2048 was started again \(restart count 1\)$/,
  );
  expect(await rowOf(server)).toMatchObject({ loaded: 'v2.0', mismatch: '', restarts: 1, mainRestarts: 1 });
});

test('a deleted pod comes back on the new version, because the template has it', async () => {
  const server = `${SET}-2`;
  const before = await podOf(server);
  await world.lab.api.delete(`/api/v1/namespaces/default/pods/${server}`);
  const after = await until({ what: 'another pod to be Ready', deadlineMs: PATIENCE }, async () => {
    const pod = (await podsOf(world.lab.api, SET)).find(({ metadata }) => metadata.name === server);
    return pod !== undefined && pod.metadata.uid !== before.metadata.uid && hasCondition(pod, 'Ready') && pod;
  });
  expect([await onDisk(server), await loaded(server)]).toEqual(['v2.0', 'v2.0']);
  expect(await monitor.said(server, /^proves v2\.0/, PATIENCE)).toMatch(/after: its pod was recreated$/);
  expect(await rowOf(server)).toMatchObject({ loaded: 'v2.0', mismatch: '', uid: after.metadata.uid, restarts: 0 });
});

test('wrong files that a restart made the engine load are reported; once they are right, the monitor reloads', async () => {
  const server = `${SET}-3`;
  // Somebody copies the old files into the shared folder by hand; nobody notices until the engine crashes.
  const old = `printf v1.0 > VERSION; printf 'set $hot_version "v1.0";\\n' > version.conf`;
  expect(await run(server, MAIN, 'sh', '-c', `cd ${FILES}; ${old}`)).toMatchObject({ exitCode: 0 });
  expect(await loaded(server)).toBe('v2.0');
  expect(await rowOf(server)).toMatchObject({ mismatch: 'files', loaded: 'v2.0', files: 'v1.0', proves: true });
  await run(server, MAIN, '/usr/sbin/nginx', '-s', 'stop');
  await untilRestarted(server, MAIN, 1);
  expect(await loaded(server)).toBe('v1.0');

  expect(await monitor.said(server, /^files: runs v1\.0, files v1\.0$/, PATIENCE)).toBeTruthy();
  expect(await rowOf(server)).toMatchObject({ mismatch: 'files', reason: 'runs v1.0, files v1.0', proves: false });
  expect(await verify()).toBe(`1 3 of 4 servers on v2.0; 1 not: ${SET}-3 (files: runs v1.0, files v1.0)`);
  expect((await monitor.state()).counts.reloads).toBe(0);

  // The sidecar brings its files back when it is started again; nginx alone would keep the old ones for ever.
  await run(server, SIDECAR, 'kill', '-TERM', '1');
  expect(await monitor.said(server, /^its engine was made to reload/, PATIENCE)).toMatch(
    /^its engine was made to reload and proves v2\.0, .* after: container sidecar was started again \(restart count 2\)$/,
  );
  expect([await onDisk(server), await loaded(server)]).toEqual(['v2.0', 'v2.0']);
  expect(containerStatus(await podOf(server), MAIN)!.restartCount).toBe(1);
  expect(await verify()).toBe('0 4 of 4 servers on v2.0');
  const { problems, counts } = await monitor.state();
  expect({ problems, counts }).toMatchObject({ problems: [], counts: { repaired: 1, reloads: 1, recreated: 1 } });
});
