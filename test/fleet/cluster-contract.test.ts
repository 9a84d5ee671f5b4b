import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { neededAccess } from '../../activities/preflight/needed-access.ts';
import { Connection } from '../../cluster/connection.ts';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import type { KubernetesCluster } from '../../cluster/kubernetes.ts';
import { apiClient } from '../../cluster/request.ts';
import type { ApiClient } from '../../cluster/request.ts';
import { setTarget } from '../../release/patches/patches.ts';
import { until } from '../lab/until.ts';
import { denyPodImage } from '../support/admission.ts';
import { describeClusterContract } from '../contract/cluster-contract.ts';
import type { ContractSet, DescribedEvent } from '../contract/cluster-contract.ts';
import {
  createSet,
  fleetImage,
  gameServerSet,
  mainContainer,
  setPath,
  sidecarContainer,
} from '../lab/game-server-sets.ts';
import type { GameServerSet, SetOptions } from '../lab/game-server-sets.ts';
import type { KubernetesObject } from '../lab/kubernetes-objects.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';

vi.setConfig({ testTimeout: 60_000 });

/** The API server's table of a list for people. */
interface Table {
  readonly columnDefinitions: readonly { readonly name: string }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

let lab: Lab;
let admin: ApiClient;
let sets = 0;

beforeAll(async () => {
  lab = await startLab({ kind: 'fleet', swap: { fromMs: 50, toMs: 200 } });
  admin = apiClient(new Connection({ path: lab.kubeconfig }), 'test');
}, 120_000);

afterAll(async () => {
  await admin.connection.close();
  await lab.stop();
}, 60_000);

/** A write of somebody who is not hotwave. */
async function write(path: string, contentType: string, manager: string, body: unknown): Promise<void> {
  // Only an apply takes `force`, and needs it for what others own.
  const force = contentType === 'application/apply-patch+yaml' ? 'true' : undefined;
  const query = { fieldManager: manager, force };
  const answer = await admin.request('PATCH', path, { contentType, body, query });
  if (answer.kind === 'refused') admin.refuse(answer.refusal);
}

/** A GitOps controller writes the manifest again. */
async function restore(options: SetOptions, manager: string, by: 'apply' | 'replace'): Promise<void> {
  const path = setPath(options.name);
  const manifest = gameServerSet(options) as { readonly metadata: object };
  if (by === 'apply') {
    await write(path, 'application/apply-patch+yaml', manager, manifest);
    return;
  }
  // Its controller writes the status meanwhile: a conflict means to try again.
  await until({ what: `${options.name} to be replaced`, deadlineMs: 20_000, everyMs: 100 }, async () => {
    const { resourceVersion } = (await lab.api.get<GameServerSet>(path)).metadata;
    const body = { ...manifest, metadata: { ...manifest.metadata, resourceVersion } };
    return lab.api.replace(`${path}?fieldManager=${manager}`, body);
  });
}

interface CoreEvent extends KubernetesObject {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly eventTime: string;
  readonly lastTimestamp: string;
  readonly source: { readonly component: string };
}

/** As `kubectl describe` asks (client-go v0.30 EventExpansion.GetFieldSelector). */
async function eventsOf(name: string): Promise<readonly CoreEvent[]> {
  const { uid } = (await lab.api.get<GameServerSet>(setPath(name))).metadata;
  const about = { kind: 'GameServerSet', name, namespace: 'default', uid };
  const selector = Object.entries(about).map(([field, value]) => `involvedObject.${field}=${value}`);
  const query = new URLSearchParams({ fieldSelector: selector.join(',') }).toString();
  return (await lab.api.list<CoreEvent>(`/api/v1/namespaces/default/events?${query}`)).items;
}

async function described(set: string): Promise<readonly DescribedEvent[]> {
  return (
    (await eventsOf(set))
      // OpenKruiseGame tells of its sets as well.
      .filter(({ metadata }) => metadata.name.includes('.hotwave.'))
      .map(({ metadata, type, reason, message, eventTime, source }) => {
        return { name: metadata.name, type, reason, message, at: Date.parse(eventTime), from: source.component };
      })
  );
}

async function newSet(): Promise<ContractSet> {
  const name = `contract-${++sets}`;
  const options = { name, replicas: 4, nodeName: lab.nodeName, sidecarImage: fleetImage('1.0') };
  await createSet(lab.api, options);
  // Managers' times are whole seconds, and of two in the same second the other one counts as the later: a test that
  // asks who wrote last needs its writes in a later second than the set's creation.
  const created = Math.floor(Date.now() / 1000);
  await vi.waitUntil(() => Date.now() / 1000 >= created + 1, { timeout: 5_000 });
  return {
    ref: { namespace: 'default', name },
    main: mainContainer,
    sidecar: sidecarContainer,
    image: fleetImage,
    mainImage: (tag) => `registry.example/2048:${tag}`,
    restore: (manager, by) => restore(options, manager, by),
    rankBy: (quality, updatePriority) =>
      write(setPath(name), 'application/merge-patch+json', 'owner', {
        spec: {
          serviceQualities: [
            {
              name: quality,
              containerName: mainContainer,
              permanent: false,
              exec: { command: ['true'] },
              serviceQualityAction: [{ state: true, updatePriority }],
            },
          ],
        },
      }),
    edit: (manager, path, value) =>
      write(setPath(name), 'application/json-patch+json', manager, [{ op: 'replace', path, value }]),
    denyImage: (image, message) => denyPodImage(lab.api, { set: name, image, message }),
    described: () => described(name),
    reportQuality: (server, quality, result) =>
      write(`/api/v1/namespaces/default/pods/${server}/status`, 'application/strategic-merge-patch+json', 'kruise', {
        status: { conditions: [{ type: `game.kruise.io/${quality}`, ...result }] },
      }),
  };
}

// The worker's own user: what deploy/rbac.yaml does not grant would show here.
describeClusterContract('Kubernetes with OpenKruiseGame, under the rights of deploy/rbac.yaml', () => {
  const cluster = kubernetesCluster({ path: lab.kubeconfigOf('hotwave') });
  return Promise.resolve({ cluster, enginePort: lab.enginePort!, newSet, stop: () => cluster.close() });
});

describe('the adapter to Kubernetes', () => {
  /** Of OpenKruise; the lab runs it without one. */
  const CONTROLLER = 'kruise-controller-manager';
  const ref = { namespace: 'default', name: 'anything' };
  const open: KubernetesCluster[] = [];

  function clusterOf(user: 'admin' | 'hotwave' | 'nobody'): KubernetesCluster {
    const cluster = kubernetesCluster({ path: lab.kubeconfigOf(user) });
    open.push(cluster);
    return cluster;
  }

  afterAll(() => Promise.all(open.map((cluster) => cluster.close())));

  test('tells somebody without rights what is missing, and whom to ask', async () => {
    const nobody = clusterOf('nobody');
    const sentence = (verb: string, resource: string): string =>
      `may not ${verb} ${resource} in namespace default as user nobody: ask an administrator of the cluster for the permissions in deploy/rbac.yaml`;
    const failure = { name: 'ClusterFailure', reason: 'forbidden', retryable: false };
    const exec = { namespace: 'default', server: 'x-0', container: 'x', command: ['true'], timeoutMs: 5_000 };
    const nothing = { preconditions: [], changes: [] };
    const attempts: [() => Promise<unknown>, string][] = [
      [() => nobody.readSet(ref), sentence('get', 'gameserversets')],
      [() => nobody.readWorkload(ref), sentence('get', 'statefulsets')],
      [() => nobody.listServers(ref), sentence('list', 'pods')],
      [() => nobody.listGameServers(ref), sentence('list', 'gameservers')],
      [() => nobody.patch(setTarget(ref), nothing), sentence('patch', 'gameserversets')],
      [() => nobody.exec(exec), sentence('get', 'pods/exec')],
      [() => nobody.findInLog({ ...exec, text: 'x' }), sentence('get', 'pods/log')],
    ];
    for (const [attempt, message] of attempts) await expect(attempt()).rejects.toMatchObject({ ...failure, message });
    expect(await nobody.missingAccess(neededAccess('default'))).toEqual(neededAccess('default'));
  });

  test('may not do what a release does not need', async () => {
    const wanted = [
      { verb: 'delete', group: '', resource: 'pods', namespace: 'default' },
      { verb: 'patch', group: '', resource: 'pods', namespace: 'default' },
      { verb: 'patch', group: 'apps.kruise.io', resource: 'statefulsets', namespace: 'default' },
      {
        verb: 'patch',
        group: 'game.kruise.io',
        resource: 'gameserversets',
        subresource: 'status',
        namespace: 'default',
      },
      { verb: 'delete', group: 'game.kruise.io', resource: 'gameserversets', namespace: 'default' },
      { verb: 'get', group: '', resource: 'secrets', namespace: 'default' },
    ];
    expect(await clusterOf('hotwave').missingAccess(wanted)).toEqual(wanted);
  });

  test('writes Events that kubectl shows in its columns', async () => {
    const own = await newSet();
    const { name } = own.ref;
    const message = 'scripts-2-0 on default/contract is paused: by ann';
    const event = { name: `${name}.hotwave.run.1`, set: own.ref, type: 'Warning', reason: 'HotwavePaused' } as const;
    await clusterOf('hotwave').recordEvent({ ...event, message, at: Date.now() });
    const answer = await admin.request('GET', '/api/v1/namespaces/default/events', {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
      query: { fieldSelector: `metadata.name=${event.name}` },
    });
    const { columnDefinitions, rows } = (answer as { body: Table }).body;
    const columns = columnDefinitions.map((column, index) => [column.name, rows[0]?.cells[index]]);
    expect(Object.fromEntries(columns)).toMatchObject({
      'Last Seen': expect.stringMatching(/^\d+s$/) as string,
      Type: 'Warning',
      Reason: 'HotwavePaused',
      Object: `gameserverset/${name}`,
      Source: `hotwave, ${hostname()}`,
      Message: message,
      Count: 1,
    });
  });

  test('knows the version of Kubernetes, and that of a controller once it may read its deployment', async () => {
    const hotwave = clusterOf('hotwave');
    expect(await hotwave.versionOf('kubernetes')).toEqual({ version: `v${lab.versions.kubernetes}` });
    const rules = [{ apiGroups: ['apps'], resources: ['deployments'], resourceNames: [CONTROLLER], verbs: ['get'] }];
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/kruise-system';
    const metadata = { name: 'hotwave-versions' };
    const account = { kind: 'ServiceAccount', name: 'hotwave', namespace: 'hotwave-system' };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name };
    await lab.api.create(`${rbac}/roles`, { metadata, rules });
    await lab.api.create(`${rbac}/rolebindings`, { metadata, roleRef, subjects: [account] });
    await until({ what: 'the right to hold', deadlineMs: 10_000, everyMs: 100 }, async () => {
      const found = await hotwave.versionOf('kruise');
      return 'unknown' in found && found.unknown === `there is no deployment ${CONTROLLER} in namespace kruise-system`;
    });
    const labels = { app: 'kruise' };
    await lab.api.create('/apis/apps/v1/namespaces/kruise-system/deployments', {
      metadata: { name: CONTROLLER },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: 'manager', image: 'openkruise/kruise-manager:v1.8.3' }] },
        },
      },
    });
    expect(await hotwave.versionOf('kruise')).toEqual({ version: 'v1.8.3' });
  });

  test('names the manager that applies the fields of a release', async () => {
    const applied = gameServerSet({ name: 'git-ops', replicas: 0, nodeName: lab.nodeName });
    await write(setPath('git-ops'), 'application/apply-patch+yaml', 'argocd-controller', applied);
    const set = await clusterOf('hotwave').readSet({ namespace: 'default', name: 'git-ops' });
    expect(set?.foreignOwners).toEqual({
      '/spec/gameServerTemplate/spec/containers/0/image': 'argocd-controller',
      '/spec/gameServerTemplate/spec/containers/1/image': 'argocd-controller',
      '/spec/updateStrategy': 'argocd-controller',
      '/spec/replicas': 'argocd-controller',
    });
  });

  test('uses as many connections as it needs, not one per request', async () => {
    const cluster = clusterOf('hotwave');
    await Promise.all(Array.from({ length: 100 }, () => cluster.readSet(ref)));
    expect(cluster.requests.byName()).toEqual({ 'GET gameserversets': 100 });
  });

  test('answers short requests at once, however many servers are being followed', async () => {
    const cluster = clusterOf('hotwave');
    const enough = new AbortController();
    const started = performance.now();
    const followed = Array.from({ length: 50 }, () => Promise.withResolvers<undefined>());
    const followers = followed.map(async ({ resolve }) => {
      for await (const servers of cluster.followServers(ref, ['none-0'], enough.signal))
        if (servers.length === 0) resolve(undefined);
    });
    await Promise.all(followed.map(({ promise }) => promise));
    await cluster.readSet(ref);
    // A watch holds its connection for ten seconds.
    expect(performance.now() - started).toBeLessThan(5_000);
    enough.abort(new Error('enough'));
    await Promise.allSettled(followers);
  });
});
