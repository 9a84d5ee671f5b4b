import { execa } from 'execa';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { game2048 } from '../lab/game-2048.ts';
import { gameMinecraft } from '../lab/game-minecraft.ts';
import { createSet, podsOf, setImage, waitForServers } from '../lab/game-server-sets.ts';
import { engineImage, minecraftImage, sidecarImage } from '../lab/images/provide-images.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { ContainerStatus, Pod } from '../lab/kubernetes-objects.ts';
import { endAbandonedLabs, startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { execInPod } from '../lab/pod-exec.ts';
import type { ExecResult } from '../lab/pod-exec.ts';
import { placesOf } from '../lab/truth-node/places.ts';
import { until } from '../lab/until.ts';

/** The bad images, each tried on a set of its own: a kubelet delays a container that returns to the same image often. */
const badTags = ['v2.1-crash', 'v2.1-badconfig', 'v2.1-neverready', 'v2.1-unhealthy', 'v2.1-stale', 'v9.9-missing'];

let lab: Lab;

const nameOf = (tag: string): string => `bad-${tag.replaceAll('.', '-')}`;
const sidecar = (pod: Pod): ContainerStatus => containerStatus(pod, 'sidecar')!;
const runs = (tag: string) => (pod: Pod) =>
  sidecar(pod).image === sidecarImage(tag) && sidecar(pod).state?.running !== undefined;

beforeAll(async () => {
  lab = await startLab({ kind: 'truth' });
  const { nodeName } = lab;
  await Promise.all([
    createSet(lab.api, game2048({ name: 'good', replicas: 3, nodeName })),
    createSet(lab.api, game2048({ name: 'self', replicas: 1, nodeName, mainImage: engineImage('v1.0-inotify') })),
    createSet(lab.api, gameMinecraft({ name: 'minecraft', replicas: 1, nodeName })),
    ...badTags.map((tag) => createSet(lab.api, game2048({ name: nameOf(tag), replicas: 1, nodeName }))),
  ]);
});

afterAll(async () => {
  await lab.stop();
  expect(tracesOf(lab.directory)).toEqual([]);
});

async function ask(pod: Pod, path: string): Promise<string> {
  const answer = await fetch(`http://${pod.status!.podIP!}${path}`);
  return `${answer.status} ${await answer.text()}`;
}

function run(pod: Pod, ...command: string[]): Promise<ExecResult> {
  return execInPod(lab.kubeconfig, { namespace: 'default', pod: pod.metadata.name, container: 'app-2048' }, command);
}

const reload = (pod: Pod): Promise<ExecResult> => run(pod, '/usr/sbin/nginx', '-s', 'reload');

/** For some milliseconds after a reload old and new nginx workers both answer: one may still tell the old version. */
async function untilAnswer(pod: Pod, path: string, wanted: string): Promise<void> {
  const what = `${pod.metadata.name}${path} to answer ${wanted}`;
  await until({ what, deadlineMs: 20_000, everyMs: 20 }, async () => (await ask(pod, path)) === wanted);
}

/** Waits for the one server of a set, Ready or not. */
function serverOf(set: string, what: string, isSo: (pod: Pod) => boolean): Promise<Pod> {
  return until({ what: `the server of ${set} to ${what}`, deadlineMs: 40_000 }, async () => {
    const [pod] = await podsOf(lab.api, set);
    return pod !== undefined && isSo(pod) && pod;
  });
}

test('a new sidecar image brings its files into running engines, and nginx answers the old version until it reloads', async () => {
  const before = await podsOf(lab.api, 'good');
  await setImage(lab.api, 'good', sidecarImage('v2.0'));
  const after = await waitForServers(lab.api, { name: 'good', count: 3, deadlineMs: 40_000, isAsWanted: runs('v2.0') });
  const identity = ({ metadata }: Pod): unknown => [metadata.name, metadata.uid, metadata.creationTimestamp];
  expect(after.map(identity)).toEqual(before.map(identity));
  expect(after.map((pod) => containerStatus(pod, 'app-2048')!.restartCount)).toEqual([0, 0, 0]);
  expect(after.map((pod) => sidecar(pod).restartCount)).toEqual([1, 1, 1]);
  expect(new Set([...before, ...after].map((pod) => sidecar(pod).imageID)).size).toBe(2);
  for (const pod of after) {
    expect((await run(pod, 'cat', '/var/www/html/js/VERSION')).stdout).toBe('v2.0');
    // v1.0 has a file that v2.0 has not.
    expect((await run(pod, 'test', '-e', '/var/www/html/js/praise.js')).exitCode).toBe(1);
    expect(await ask(pod, '/version')).toBe('200 v1.0');
    expect((await reload(pod)).exitCode).toBe(0);
    await untilAnswer(pod, '/version', '200 v2.0');
  }
});

/** How each bad image shows, on the server of the set. */
const failures: Record<string, (set: string) => Promise<void>> = {
  async 'v2.1-crash'(set) {
    const pod = await serverOf(set, 'crash', (it) => sidecar(it).state?.waiting?.reason === 'CrashLoopBackOff');
    expect((await run(pod, 'cat', '/var/www/html/js/VERSION')).stdout).toBe('v1.0');
  },
  async 'v2.1-badconfig'(set) {
    const pod = await serverOf(set, 'be Ready', (it) => runs('v2.1-badconfig')(it) && hasCondition(it, 'Ready'));
    expect(await reload(pod)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('arena.conf') as string });
    expect(await ask(pod, '/version')).toBe('200 v1.0');
  },
  async 'v2.1-neverready'(set) {
    const pod = await serverOf(set, 'run the image', runs('v2.1-neverready'));
    await until({ what: 'its files', deadlineMs: 20_000 }, async () => {
      return (await run(pod, 'cat', '/var/www/html/js/VERSION')).stdout === 'v2.1-neverready';
    });
    expect((await podsOf(lab.api, set)).map((it) => hasCondition(it, 'Ready'))).toEqual([false]);
  },
  async 'v2.1-unhealthy'(set) {
    const pod = await serverOf(set, 'be Ready', (it) => runs('v2.1-unhealthy')(it) && hasCondition(it, 'Ready'));
    await reload(pod);
    await untilAnswer(pod, '/healthz', '503 out of memory');
    await untilAnswer(pod, '/version', '200 v2.1-unhealthy');
    await serverOf(set, 'be not Ready', (it) => !hasCondition(it, 'Ready'));
  },
  async 'v2.1-stale'(set) {
    const pod = await serverOf(set, 'be Ready', (it) => runs('v2.1-stale')(it) && hasCondition(it, 'Ready'));
    expect((await run(pod, 'cat', '/var/www/html/js/VERSION')).stdout).toBe('v2.1-stale');
    expect((await reload(pod)).exitCode).toBe(0);
    expect(await ask(pod, '/version')).toBe('200 v1.0');
  },
  async 'v9.9-missing'(set) {
    await serverOf(set, 'fail to pull', (it) =>
      /^(ErrImagePull|ImagePullBackOff)$/.test(sidecar(it).state?.waiting?.reason ?? ''),
    );
  },
};

test.concurrent.each(badTags)(
  '%s fails in its own way, and going back to v1.0 and reloading heals the server',
  async (tag) => {
    const set = nameOf(tag);
    const [before] = await podsOf(lab.api, set);
    await setImage(lab.api, set, sidecarImage(tag));
    await failures[tag]!(set);
    await setImage(lab.api, set, sidecarImage('v1.0'));
    // Not "Ready": the engine that has loaded something unhealthy is Ready only when it has loaded something else.
    const pod = await serverOf(set, 'run v1.0 again', (it) => runs('v1.0')(it) && sidecar(it).ready);
    expect((await reload(pod)).exitCode).toBe(0);
    await untilAnswer(pod, '/version', '200 v1.0');
    const after = await serverOf(set, 'be Ready', (it) => hasCondition(it, 'Ready'));
    expect(after.metadata.uid).toBe(before!.metadata.uid);
    expect(containerStatus(after, 'app-2048')!.restartCount).toBe(0);
  },
);

test('the inotify engine loads new files by itself and says so in its log', async () => {
  const [pod] = await podsOf(lab.api, 'self');
  await setImage(lab.api, 'self', sidecarImage('v2.0'));
  await serverOf('self', 'run v2.0', runs('v2.0'));
  await untilAnswer(pod!, '/version', '200 v2.0');
  const log = `/api/v1/namespaces/default/pods/${pod!.metadata.name}/log?container=app-2048`;
  await until({ what: 'the marker in the log', deadlineMs: 20_000 }, async () => {
    return (await lab.api.text(log)).includes('hot-reload loaded=v2.0 wanted=v2.0');
  });
});

test('an engine without hot files answers with the version of its image', async () => {
  const [pod] = await podsOf(lab.api, 'minecraft');
  expect(pod!.spec.containers.map(({ image }) => image)).toEqual([minecraftImage('1.12.2')]);
  expect(await ask(pod!, '/version')).toBe('200 1.12.2');
});

test('exec tells the exit code of the command, and refuses a command that is not in the image', async () => {
  const [pod] = await podsOf(lab.api, 'good');
  expect(await run(pod!, 'sh', '-c', 'echo out; echo error >&2; exit 7')).toEqual({
    exitCode: 7,
    stdout: 'out\n',
    stderr: 'error\n',
  });
  await expect(run(pod!, 'no-such-command')).rejects.toThrow('executable file not found');
});

test('what a killed run leaves is gone after the next start, and a lab beside it does not notice', async () => {
  const servers = async (): Promise<unknown> => (await podsOf(lab.api, 'good')).map(({ status }) => status);
  const before = await servers();
  const script = fileURLToPath(new URL('killed-lab.ts', import.meta.url));
  const doomed = execa(process.execPath, [script, `doomed-${process.pid}`], {
    reject: false,
    stderr: 'inherit',
    buffer: false,
  });
  const [directory] = (await once(createInterface({ input: doomed.stdout }), 'line')) as [string];
  doomed.kill('SIGKILL');
  await doomed;
  expect(tracesOf(directory)).not.toEqual([]);
  await endAbandonedLabs(() => undefined);
  expect(tracesOf(directory)).toEqual([]);
  expect(await servers()).toEqual(before);
});

/** Any sign on this machine that there was a truth lab in this folder. */
function tracesOf(directory: string): string[] {
  const { bridge, network } = placesOf(directory);
  const processes = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid);
  return [
    ...readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(directory)),
    ...processes.map((pid) => textOf(`/proc/${pid}/cmdline`)).filter((line) => line.includes(directory)),
    ...[directory, `/sys/class/net/${bridge}`, `/run/hotwave-kernel-tunables/${network}`].filter((path) =>
      existsSync(path),
    ),
  ];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // The process has ended since it was listed.
    return '';
  }
}
