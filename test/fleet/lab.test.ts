import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Exec, KubeConfig } from '@kubernetes/client-node';
import { PassThrough } from 'node:stream';
import { failAnnotation } from '../lab/fleet-failures.ts';
import type { FailureMode } from '../lab/fleet-failures.ts';
import {
  createSet,
  deleteSet,
  fleetImage,
  podsOf,
  setImage,
  setPath,
  waitForServers,
} from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { ContainerStatus, Pod } from '../lab/kubernetes-objects.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { recordPods } from '../lab/pod-observer.ts';
import { until } from '../lab/until.ts';

vi.setConfig({ testTimeout: 180_000 });

let lab: Lab;

beforeAll(async () => {
  lab = await startLab({ kind: 'fleet', schedules: true, swap: { fromMs: 50, toMs: 200 } });
}, 180_000);

afterAll(async () => {
  await lab.stop();
}, 60_000);

const sidecar = (pod: Pod): ContainerStatus => containerStatus(pod, 'sidecar')!;
const main = (pod: Pod): ContainerStatus => containerStatus(pod, 'app-2048')!;
const onTag = (tag: string) => (pod: Pod) => sidecar(pod).image === fleetImage(tag);

/** Creates a set with this name on v1.0, hands it to the test and deletes it. */
async function withSet(name: string, replicas: number, work: (pods: readonly Pod[]) => Promise<void>): Promise<void> {
  const pods = await createSet(lab.api, { name, replicas, nodeName: lab.nodeName });
  try {
    await work(pods);
  } finally {
    await deleteSet(lab.api, name);
  }
}

function waitFor(name: string, what: string, isSo: (pod: Pod) => boolean): Promise<readonly Pod[]> {
  return until({ what: `every server of ${name} to be ${what}`, deadlineMs: 60_000 }, async () => {
    const pods = await podsOf(lab.api, name);
    return pods.length > 0 && pods.every(isSo) && pods;
  });
}

function engine(pod: Pod, path: string, method = 'GET'): Promise<[number, string]> {
  return fetch(`http://${pod.status!.podIP!}:${lab.enginePort!}${path}`, { method }).then(async (answer) => [
    answer.status,
    await answer.text(),
  ]);
}

async function execIn(pod: string, command: string[]): Promise<{ output: string; status: string }> {
  const config = new KubeConfig();
  config.loadFromFile(lab.kubeconfig);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let output = '';
  stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const status = await new Promise<string>((resolve, reject) => {
    new Exec(config)
      .exec('default', pod, 'app-2048', command, stdout, stderr, null, false, (result) => resolve(result.status ?? ''))
      .catch(reject);
  });
  return { output: output.trim(), status };
}

describe('an update in place on the fleet', () => {
  test('restarts the sidecar once and leaves the pod and its main container alone', async () => {
    await withSet('whole', 10, async (before) => {
      const recorder = await recordPods(lab.api, 'default', 'game.kruise.io/owner-gss=whole');
      await setImage(lab.api, 'whole', fleetImage('v2.0'));
      const after = await waitForServers(lab.api, {
        name: 'whole',
        count: 10,
        deadlineMs: 60_000,
        isAsWanted: onTag('v2.0'),
      });
      await recorder.stop();

      expect(after.map((pod) => pod.metadata.uid)).toEqual(before.map((pod) => pod.metadata.uid));
      expect(after.map(main)).toEqual(before.map(main));
      expect(after.map((pod) => sidecar(pod).restartCount)).toEqual(Array(10).fill(1));
      expect(recorder.lost).toEqual([]);
      expect(recorder.changes.filter(({ where }) => where === 'status')).toHaveLength(10);
    });
  });

  test('stops at the partition, highest ordinal first', async () => {
    await withSet('part', 4, async () => {
      await setImage(lab.api, 'part', fleetImage('v2.0'), { partition: 3 });
      const moved = await waitForServers(lab.api, {
        name: 'part',
        count: 1,
        deadlineMs: 60_000,
        isAsWanted: onTag('v2.0'),
      });
      expect(moved.map((pod) => pod.metadata.name)).toEqual(['part-3']);
      await lab.api.patch(setPath('part'), { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } });
      await waitForServers(lab.api, { name: 'part', count: 4, deadlineMs: 60_000, isAsWanted: onTag('v2.0') });
    });
  });
});

describe('an injected failure', () => {
  const waitingFor = (reason: string) => (pod: Pod) => sidecar(pod).state?.waiting?.reason === reason;
  const looks: Record<Exclude<FailureMode, 'slow'>, { what: string; isSo: (pod: Pod) => boolean }> = {
    badpull: {
      what: 'unable to pull, still with the old imageID',
      isSo: (pod) => waitingFor('ImagePullBackOff')(pod) && onTag('v1.0')(pod) && sidecar(pod).restartCount === 0,
    },
    crash: {
      what: 'crashing again and again on the new image',
      isSo: (pod) => waitingFor('CrashLoopBackOff')(pod) && !onTag('v1.0')(pod) && sidecar(pod).restartCount > 1,
    },
    neverready: {
      what: 'running the new image without being ready',
      isSo: (pod) => sidecar(pod).state?.running !== undefined && !onTag('v1.0')(pod) && !sidecar(pod).ready,
    },
    mainrestart: {
      what: 'on the new image with its main container restarted',
      isSo: (pod) => sidecar(pod).ready && !onTag('v1.0')(pod) && main(pod).restartCount === 1,
    },
  };

  test.concurrent.for(Object.entries(looks))(
    '%s shows in the status and ends with a good image',
    async ([mode, look]) => {
      await withSet(mode, 2, async (before) => {
        await setImage(lab.api, mode, fleetImage(`v2.0-${mode}`));
        const failed = await waitFor(mode, look.what, look.isSo);
        if (mode !== 'mainrestart') {
          expect(failed.map((pod) => hasCondition(pod, 'ContainersReady'))).toEqual([false, false]);
          expect(failed.map(main)).toEqual(before.map(main));
        }
        await setImage(lab.api, mode, fleetImage('v1.0'));
        const after = await waitForServers(lab.api, {
          name: mode,
          count: 2,
          deadlineMs: 60_000,
          isAsWanted: onTag('v1.0'),
        });
        expect(after.map((pod) => pod.metadata.uid)).toEqual(before.map((pod) => pod.metadata.uid));
      });
    },
  );

  test('by annotation hits one server, once', async () => {
    await withSet('one', 2, async () => {
      const path = '/api/v1/namespaces/default/pods/one-1';
      await lab.api.patch(path, { metadata: { annotations: { [failAnnotation]: 'crash' } } });
      await setImage(lab.api, 'one', fleetImage('v2.0'));
      await waitForServers(lab.api, { name: 'one', count: 1, deadlineMs: 60_000, isAsWanted: onTag('v2.0') });
      // Either of the two may be the first to be changed.
      await until({ what: 'the one to crash', deadlineMs: 60_000 }, async () => {
        const { state } = sidecar(await lab.api.get<Pod>(path));
        return state?.waiting?.reason === 'CrashLoopBackOff';
      });
      await setImage(lab.api, 'one', fleetImage('v3.0'));
      await waitForServers(lab.api, { name: 'one', count: 2, deadlineMs: 60_000, isAsWanted: onTag('v3.0') });
    });
  });
});

describe('a simulated engine', () => {
  test('has new files after the update and loads them only when told', async () => {
    await withSet('engine', 1, async () => {
      await setImage(lab.api, 'engine', fleetImage('v2.0'));
      const [pod] = await waitForServers(lab.api, {
        name: 'engine',
        count: 1,
        deadlineMs: 60_000,
        isAsWanted: onTag('v2.0'),
      });
      await until(
        { what: 'the new files', deadlineMs: 60_000 },
        async () => (await engine(pod!, '/files'))[1] === 'v2.0',
      );
      expect(await engine(pod!, '/version')).toEqual([200, 'v1.0']);
      expect(await execIn('engine-0', ['fleet-engine', 'reload', 'default/engine-0'])).toEqual({
        output: 'reloaded v2.0',
        status: 'Success',
      });
      expect(await engine(pod!, '/version')).toEqual([200, 'v2.0']);
      expect(JSON.parse((await engine(pod!, '/stats'))[1])).toMatchObject({
        uid: pod!.metadata.uid,
        reloads: [expect.any(Number)],
      });
    });
  });

  test.for([
    { tag: 'v2.0-reloadfails', reload: [500, 'cannot load v2.0-reloadfails'], version: 'v1.0', health: 200 },
    { tag: 'v2.0-stale', reload: [200, 'reloaded v2.0-stale'], version: 'v1.0', health: 200 },
    { tag: 'v2.0-unhealthy', reload: [200, 'reloaded v2.0-unhealthy'], version: 'v2.0-unhealthy', health: 503 },
  ])('misbehaves as the tag $tag says', async ({ tag, reload, version, health }) => {
    await withSet('misbehaving', 1, async () => {
      await setImage(lab.api, 'misbehaving', fleetImage(tag));
      const [pod] = await waitForServers(lab.api, {
        name: 'misbehaving',
        count: 1,
        deadlineMs: 60_000,
        isAsWanted: onTag(tag),
      });
      await until({ what: 'the new files', deadlineMs: 60_000 }, async () => (await engine(pod!, '/files'))[1] === tag);
      expect(await engine(pod!, '/reload', 'POST')).toEqual(reload);
      expect(await engine(pod!, '/version')).toEqual([200, version]);
      expect((await engine(pod!, '/healthz'))[0]).toBe(health);
    });
  });
});

test('a failing command in a pod is reported as a failure', async () => {
  await withSet('exec', 1, async () => {
    expect((await execIn('exec-0', ['fleet-engine', 'version', 'default/nobody'])).status).toBe('Failure');
    expect(await execIn('exec-0', ['echo', 'a b'])).toEqual({ output: 'a b', status: 'Success' });
  });
});

test('pods that name no node run, and their engine answers whatever the containers are called', async () => {
  const containers = [
    { name: 'game', image: 'registry.example/duel:1' },
    { name: 'assets', image: fleetImage('v1.0') },
  ];
  const pods = await createSet(lab.api, { name: 'free', replicas: 2, podSpec: { containers } });
  try {
    expect(pods.map(({ spec }) => spec.nodeName)).toEqual([lab.nodeName, lab.nodeName]);
    const answers = await Promise.all(pods.map((pod) => engine(pod, '/version')));
    expect(answers).toEqual(Array(2).fill([200, 'v1.0']));
  } finally {
    await deleteSet(lab.api, 'free');
  }
});

test('a stopped controller comes back', async () => {
  await lab.stopProgram('kruise-game');
  await lab.startProgram('kruise-game');
  await withSet('again', 1, () => Promise.resolve());
});
