import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import type { KubernetesCluster } from '../../cluster/kubernetes.ts';
import type { Api } from '../lab/api.ts';
import { apiFromKubeconfig } from '../lab/api.ts';
import { fleetImage, scale, serverPath, setPath, setPriorities } from '../lab/game-server-sets.ts';
import type { GameServer, KubernetesObject } from '../lab/kubernetes-objects.ts';
import { applyShipped } from '../lab/permissions.ts';
import { until } from '../lab/until.ts';
import { FleetWorld, moves } from '../support/fleet-world.ts';

// Everything here runs under deploy/admission-policy.yaml.

let world: FleetWorld;
/** Somebody who has taken hotwave's token, and writes what hotwave never would. */
let thief: Api;
let cluster: KubernetesCluster;

beforeAll(async () => {
  world = await FleetWorld.start();
  thief = apiFromKubeconfig(world.lab.kubeconfigOf('hotwave'));
  cluster = kubernetesCluster({ path: world.lab.kubeconfigOf('hotwave') });
  await world.aSet('held', { replicas: 2, reclaimPolicy: 'Delete' });
  await applyShipped(world.lab.api, 'admission-policy.yaml');
  // The API server takes a moment to know a policy.
  await until({ what: 'the policies to be in force', deadlineMs: 60_000, everyMs: 200 }, async () => {
    const refused = await Promise.all([
      refusalOf(setPath('held'), { metadata: { labels: { probe: 'yes' } } }),
      refusalOf(serverPath('held-0'), { metadata: { labels: { probe: 'yes' } } }),
      execRefusalOf({ container: 'app-2048', stdin: 'true' }),
      eventRefusalOf({ involvedObject: { kind: 'Pod', namespace: 'default', name: 'held-0' } }),
    ]);
    return refused.every((words) => words !== undefined);
  });
});

afterAll(async () => {
  await Promise.all([thief.close(), cluster.close()]);
  await world.stop();
});

/** Why the API server refuses a merge patch of the thief's; undefined when it takes it. Nothing is written. */
function refusalOf(path: string, patch: object): Promise<string | undefined> {
  return thief.patch(`${path}?dryRun=All`, patch).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
}

/** The same for a command in a pod, asked for without the switch of protocols that would start it. */
async function execRefusalOf(options: Readonly<Record<string, string>>, pod = 'held-0'): Promise<string | undefined> {
  const query = new URLSearchParams({ command: 'true', stdout: 'true', ...options }).toString();
  const words = await thief.text(`/api/v1/namespaces/default/pods/${pod}/exec?${query}`).then(
    () => '',
    (error: unknown) => (error as Error).message,
  );
  return words.includes('ValidatingAdmissionPolicy') ? words : undefined;
}

/** The same for an Event of the thief's, which is hotwave's own but for this. */
function eventRefusalOf(change: object): Promise<string | undefined> {
  const event = {
    metadata: { name: 'held.hotwave.thief' },
    involvedObject: {
      apiVersion: 'game.kruise.io/v1alpha1',
      kind: 'GameServerSet',
      namespace: 'default',
      name: 'held',
    },
    type: 'Normal',
    reason: 'HotwaveDone',
    message: 'a test',
    source: { component: 'hotwave' },
    reportingComponent: 'hotwave',
    ...change,
  };
  return thief.create('/api/v1/namespaces/default/events?dryRun=All', event).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
}

/** Resolves when the API server refuses a patch of the thief's, as it does a moment after an annotation says so. */
async function untilRefused(path: string, patch: object): Promise<void> {
  await until({ what: 'the patch to be refused', deadlineMs: 20_000, everyMs: 100 }, () => refusalOf(path, patch));
}

async function untilAllowed(path: string, patch: object): Promise<void> {
  const wait = { what: 'the patch to be allowed', deadlineMs: 20_000, everyMs: 100 };
  await until(wait, async () => (await refusalOf(path, patch)) === undefined);
}

/** A test says what it wants of the namespace; after it nothing is said any more, and that counts. */
afterEach(async () => {
  await annotateNamespace({ 'hotwave.dev/repositories': null, 'hotwave.dev/exec-sets': null });
  await untilAllowed(setPath('held'), containers({ image: fleetImage('v2.0') }));
  const wait = { what: 'commands to be allowed', deadlineMs: 20_000, everyMs: 100 };
  await until(wait, async () => (await execRefusalOf({ container: 'app-2048' })) === undefined);
});

async function annotateNamespace(annotations: Readonly<Record<string, string | null>>): Promise<void> {
  await world.lab.api.patch('/api/v1/namespaces/default', { metadata: { annotations } });
}

describe('what hotwave does is allowed', () => {
  test('a rolling release with priorities, a pause, a rollback, and the same release to its end', async () => {
    await world.aSet('whole', { replicas: 4 });
    await setPriorities(world.lab.api, { name: 'whole' }, { 'whole-1': 5 });
    const recorder = await world.record('whole');
    const file = world.release(
      'whole',
      'v2.0',
      '  waves: [ { name: low, servers: [0, 2] }, rest ]\n  gates: [ { before: 2 } ]',
    );
    const first = await world.hotwave.start(file);
    await first.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await first.decide({ verb: 'pause' });
    await first.until('a pause', ({ phase }) => phase === 'paused');
    await first.decide({ verb: 'rollback', reason: 'a test' });
    expect(await first.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(await world.versions('whole')).toEqual(['v1.0', 'v1.0', 'v1.0', 'v1.0']);
    const second = await world.hotwave.start({ ...file, metadata: { ...file.metadata, name: 'whole-again' } });
    await second.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await second.decide({ verb: 'approve', wave: 2 });
    expect(await second.result()).toMatchObject({ outcome: 'done', servers: 4 });
    await recorder.stop();
    expect(moves(recorder.changes)).toHaveLength(2 + 2 + 4);
    const { spec } = await world.lab.api.get<GameServer>(serverPath('whole-1'));
    expect(spec.updatePriority).toBe(5);
  });

  test('a release to chosen servers beside a colleague’s override, its way back, and new servers only', async () => {
    await world.aSet('chosen', { replicas: 3, reclaimPolicy: 'Delete' });
    const theirs = { name: 'app-2048', image: 'registry.example/2048:v1.0', resources: { limits: { cpu: '1' } } };
    await world.lab.api.patch(serverPath('chosen-1'), { spec: { containers: [theirs] } });
    const targeted = (tag: string): ReturnType<typeof world.release> =>
      world.release(
        'chosen',
        tag,
        '  strategy: targeted\n  target: { gameServerSet: chosen, servers: { servers: [1-2] } }',
      );
    expect(await (await world.hotwave.start(targeted('v2.0-stale'))).result()).toMatchObject({
      outcome: 'rolled-back',
    });
    expect(await (await world.hotwave.start(targeted('v2.0'))).result()).toMatchObject({ outcome: 'done', servers: 2 });
    expect(await (await world.hotwave.start(world.release('chosen', 'v2.0'))).result()).toMatchObject({
      outcome: 'done',
    });
    const { spec } = await world.lab.api.get<GameServer>(serverPath('chosen-1'));
    expect(spec.containers).toMatchObject([theirs]);
    const fresh = await world.hotwave.start(
      world.release('chosen', 'v3.0', '  strategy: newServersOnly\n  newServers: { watch: 1m, count: 1 }'),
    );
    await fresh.until('it follows new servers', ({ phase }) => phase === 'watching');
    await scale(world.lab.api, 'chosen', 4);
    expect(await fresh.result()).toMatchObject({ outcome: 'done' });
  });

  test('others write what they like, and hotwave’s image moves within its repository, tag or digest', async () => {
    await world.lab.api.patch(setPath('held'), { metadata: { labels: { team: 'arena' } }, spec: { replicas: 2 } });
    expect(
      await refusalOf(setPath('held'), containers({ image: `${fleetImage('v9')}@sha256:${'a'.repeat(64)}` })),
    ).toBe(undefined);
    expect(
      await refusalOf(setPath('held'), { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } } }),
    ).toBe(undefined);
  });
});

const app = { name: 'app-2048', image: 'registry.example/2048:v1.0' };
const sidecar = { name: 'sidecar', image: fleetImage('v1.0') };

/** The template with another sidecar, or other containers. */
function containers(change: object, all: readonly object[] = [app, { ...sidecar, ...change }]): object {
  return { spec: { gameServerTemplate: { spec: { containers: all } } } };
}

const policy = (kind: string): string =>
  `ValidatingAdmissionPolicy 'hotwave-${kind}' with binding 'hotwave-${kind}' denied request: `;
const only = 'hotwave may change only';

describe('what it never does is refused', () => {
  test.each<[string, object, string]>([
    ['replicas', { spec: { replicas: 0 } }, `${only} updateStrategy and images of a GameServerSet, not spec.replicas`],
    [
      'another annotation',
      { metadata: { annotations: { owner: 'me' } } },
      `${only} annotations below hotwave.dev/ of a GameServerSet, not owner`,
    ],
    ['labels', { metadata: { labels: { owner: 'me' } } }, 'hotwave may not change metadata.labels of a GameServerSet'],
    [
      'finalizers',
      { metadata: { finalizers: ['a.example/b'] } },
      'hotwave may not change metadata.finalizers of a GameServerSet',
    ],
    ['a command', containers({ command: ['sh'] }), `${only} the image of container sidecar`],
    ['environment', containers({ env: [{ name: 'A', value: 'b' }] }), `${only} the image of container sidecar`],
    [
      'a container more',
      containers({}, [app, sidecar, { name: 'miner', image: fleetImage('v1.0') }]),
      'hotwave may not add, take away, rename or move containers of a GameServerSet',
    ],
    [
      'a container less',
      containers({}, [sidecar]),
      'hotwave may not add, take away, rename or move containers of a GameServerSet',
    ],
    [
      'the main container from elsewhere',
      containers({}, [{ ...app, image: 'evil.example/2048:v1.0' }, sidecar]),
      'hotwave may not bring evil.example/2048:v1.0 in: it is from another repository than the image before; annotation hotwave.dev/repositories of the namespace may allow it',
    ],
    [
      'a look-alike repository',
      containers({ image: 'registry.example/2048-sidecar-x:v2.0' }),
      'hotwave may not bring registry.example/2048-sidecar-x:v2.0 in: it is from another repository than the image before; annotation hotwave.dev/repositories of the namespace may allow it',
    ],
    [
      'a port of the registry',
      containers({ image: 'registry.example:5000/2048-sidecar:v2.0' }),
      'hotwave may not bring registry.example:5000/2048-sidecar:v2.0 in: it is from another repository than the image before; annotation hotwave.dev/repositories of the namespace may allow it',
    ],
    [
      'the host’s network',
      { spec: { gameServerTemplate: { spec: { hostNetwork: true } } } },
      `${only} updateStrategy and images of a GameServerSet, not spec.gameServerTemplate.spec.hostNetwork`,
    ],
    [
      'an init container',
      { spec: { gameServerTemplate: { spec: { initContainers: [{ name: 'x', image: 'y' }] } } } },
      `${only} updateStrategy and images of a GameServerSet, not spec.gameServerTemplate.spec.initContainers`,
    ],
    [
      'labels of pods',
      { spec: { gameServerTemplate: { metadata: { labels: { a: 'b' } } } } },
      `${only} updateStrategy and images of a GameServerSet, not spec.gameServerTemplate.metadata`,
    ],
  ])('of a set: %s', async (_what, patch, sentence) => {
    expect(await refusalOf(setPath('held'), patch)).toContain(policy('gameserversets') + sentence);
  });

  test.each<[string, object, string]>([
    [
      'opsState',
      { spec: { opsState: 'Kill' } },
      `${only} updatePriority and images of a GameServer, not spec.opsState`,
    ],
    [
      'deletionPriority',
      { spec: { deletionPriority: 9 } },
      `${only} updatePriority and images of a GameServer, not spec.deletionPriority`,
    ],
    [
      'another annotation',
      { metadata: { annotations: { 'gs-sync/hotwave-x': 'me' } } },
      `${only} annotation gs-sync/hotwave of a GameServer, not gs-sync/hotwave-x`,
    ],
    [
      'resources',
      { spec: { containers: [{ name: 'sidecar', image: fleetImage('v2.0'), resources: { limits: { cpu: '9' } } }] } },
      `${only} the image of container sidecar`,
    ],
  ])('of a GameServer: %s', async (_what, patch, sentence) => {
    expect(await refusalOf(serverPath('held-0'), patch)).toContain(policy('gameservers') + sentence);
  });

  test('of a GameServer: an override that says more than an image is not taken away', async () => {
    const containers = [{ name: 'app-2048', image: app.image, resources: { limits: { cpu: '1' } } }];
    await world.lab.api.patch(serverPath('held-1'), { spec: { containers } });
    const sentence = `${policy('gameservers')}${only} the image of container app-2048`;
    expect(await refusalOf(serverPath('held-1'), { spec: { containers: null } })).toContain(sentence);
    expect(await refusalOf(serverPath('held-1'), { spec: { containers: [sidecar] } })).toContain(sentence);
    expect(await refusalOf(serverPath('held-1'), { spec: { containers: [...containers, sidecar] } })).toBe(undefined);
  });

  test.each<[string, Readonly<Record<string, string>>, string]>([
    [
      'standard input',
      { container: 'app-2048', stdin: 'true' },
      'hotwave’s commands have neither terminal nor standard input',
    ],
    [
      'a terminal',
      { container: 'app-2048', tty: 'true' },
      'hotwave’s commands have neither terminal nor standard input',
    ],
    ['no container', {}, 'hotwave’s commands name their container'],
  ])('of a command: %s', async (_what, options, sentence) => {
    expect(await execRefusalOf(options)).toContain(policy('exec') + sentence.replace('’', "'"));
  });
});

describe('an Event is about a GameServerSet, in hotwave’s own name', () => {
  const aboutSets = 'hotwave may write Events about GameServerSets only';
  const ownName = 'hotwave may write Events in its own name only';
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'held-0' };
  const workload = { apiVersion: 'apps.kruise.io/v1beta1', kind: 'StatefulSet', namespace: 'default', name: 'held' };

  test.each([
    ['one about a pod', { involvedObject: pod }, aboutSets],
    ['one about a workload, which hotwave itself would believe', { involvedObject: workload }, aboutSets],
    ['one about nothing', { involvedObject: { namespace: 'default', name: 'held' } }, aboutSets],
    ['one in the name of Kruise', { source: { component: 'statefulset-controller' } }, ownName],
    ['one in nobody’s name', { source: undefined, reportingComponent: undefined }, ownName],
  ])('%s is refused', async (_what, change, sentence) => {
    expect(await eventRefusalOf(change)).toContain(policy('events') + sentence);
  });

  test('hotwave’s own are written', async () => {
    expect(await eventRefusalOf({})).toBeUndefined();
    const event = { set: { namespace: 'default', name: 'held' }, type: 'Normal', reason: 'HotwaveDone' } as const;
    await cluster.recordEvent({ ...event, name: 'held.hotwave.run.1', message: 'it is done', at: Date.now() });
    const { reason, source } = await world.lab.api.get<KubernetesObject & { reason: string; source: object }>(
      '/api/v1/namespaces/default/events/held.hotwave.run.1',
    );
    expect([reason, source]).toEqual(['HotwaveDone', { component: 'hotwave' }]);
  });
});

describe('annotations of the namespace say more', () => {
  const notListed = 'annotation hotwave.dev/repositories of the namespace does not have its repository';

  test('only these repositories: not the main container’s own, not by an override, and another one that is listed', async () => {
    await annotateNamespace({ 'hotwave.dev/repositories': 'registry.example/2048-sidecar mirror.example/side' });
    const main = { ...app, image: 'registry.example/2048:v2.0' };
    await until({ what: 'the annotation to count', deadlineMs: 20_000, everyMs: 100 }, async () =>
      (await refusalOf(setPath('held'), containers({}, [main, sidecar])))?.includes(notListed),
    );
    const override = (image: string): Promise<string | undefined> =>
      refusalOf(serverPath('held-0'), { spec: { containers: [{ name: 'app-2048', image }] } });
    expect(await override('evil.example/2048:v1.0')).toContain(notListed);
    expect(await override('mirror.example/side:v1.0')).toBe(undefined);
    expect(await refusalOf(setPath('held'), containers({ image: 'mirror.example/side:v1.0' }))).toBe(undefined);
  });

  test('a policy knows the name of a pod and nothing else: commands only in servers of the sets that are named', async () => {
    expect(await execRefusalOf({ container: 'x' }, 'web-7d4b9c6f5-x2x7q')).toContain(
      'hotwave may not run commands in pod web-7d4b9c6f5-x2x7q, which is not named like a server of a set',
    );
    await annotateNamespace({ 'hotwave.dev/exec-sets': 'duel lobby' });
    const sentence =
      'hotwave may not run commands in pod held-0: it is of none of the sets in annotation hotwave.dev/exec-sets of the namespace';
    await until({ what: 'the annotation to count', deadlineMs: 20_000, everyMs: 100 }, async () =>
      (await execRefusalOf({ container: 'app-2048' }))?.includes(policy('exec') + sentence),
    );
    const command = {
      namespace: 'default',
      server: 'held-0',
      container: 'app-2048',
      command: ['true'],
      timeoutMs: 5_000,
    };
    await expect(cluster.exec(command)).rejects.toMatchObject({
      reason: 'forbidden',
      message: expect.stringContaining(sentence) as string,
    });
  });
});

test('of the pod that a command runs in, a policy has no label: why decision 23 goes by names', async () => {
  const admission = '/apis/admissionregistration.k8s.io/v1';
  const metadata = { name: 'asks-for-labels' };
  await world.lab.api.create(`${admission}/validatingadmissionpolicies`, {
    metadata,
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['*'], operations: ['CONNECT'], resources: ['pods/exec'] }],
      },
      validations: [{ expression: `'game.kruise.io/owner-gss' in object.metadata.labels` }],
    },
  });
  await world.lab.api.create(`${admission}/validatingadmissionpolicybindings`, {
    metadata,
    spec: { policyName: metadata.name, validationActions: ['Deny'] },
  });
  const wait = { what: 'the policy to be in force', deadlineMs: 60_000, everyMs: 100 };
  try {
    const words = await until(wait, () => execRefusalOf({ container: 'app-2048' }));
    expect(words).toContain('no such key: metadata');
  } finally {
    await world.lab.api.delete(`${admission}/validatingadmissionpolicybindings/${metadata.name}`);
  }
});

describe('hotwave says what the policy says', () => {
  test('a release from another repository is refused by its plan, and nothing is written', async () => {
    const before = await world.lab.api.get<KubernetesObject & { readonly spec: object }>(setPath('held'));
    const file = world.release('held', 'v2.0');
    const images = { sidecar: 'mirror.example/2048-sidecar:v2.0' };
    const result = await (await world.hotwave.start({ ...file, spec: { ...file.spec, images } })).result();
    expect(result.outcome).toBe('refused');
    expect(result.reason).toBe(
      `the API server refuses the patch: gameserversets.game.kruise.io "held" is forbidden: ValidatingAdmissionPolicy 'hotwave-gameserversets': hotwave may not bring mirror.example/2048-sidecar:v2.0 in: it is from another repository than the image before; annotation hotwave.dev/repositories of the namespace may allow it`,
    );
    expect((await world.lab.api.get<typeof before>(setPath('held'))).spec).toEqual(before.spec);
  });

  test('a way back that the policy refuses waits for a person, and goes on when it is allowed', async () => {
    await world.aSet('stuck', { replicas: 2 });
    const started = await world.hotwave.start(
      world.release('stuck', 'v2.0', '  waves: [1, rest]\n  gates: [ { before: 2 } ]'),
    );
    await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await annotateNamespace({ 'hotwave.dev/repositories': 'mirror.example/side' });
    await untilRefused(setPath('held'), containers({ image: fleetImage('v2.0') }));
    await started.decide({ verb: 'rollback', reason: 'a test' });
    const { pausedBecause } = await started.until('a pause', ({ phase }) => phase === 'paused');
    expect(pausedBecause).toContain(
      `hotwave may not bring ${fleetImage('v1.0')} in: annotation hotwave.dev/repositories`,
    );
    await annotateNamespace({ 'hotwave.dev/repositories': null });
    await untilAllowed(setPath('held'), containers({ image: fleetImage('v2.0') }));
    await started.decide({ verb: 'rollback', reason: 'a test' });
    expect(await started.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(await world.versions('stuck')).toEqual(['v1.0', 'v1.0']);
  });

  test('a reload that the policy refuses pauses the release with its sentence', async () => {
    await world.aSet('mute', { replicas: 2 });
    const started = await world.hotwave.start(
      world.release('mute', 'v2.0', '  waves: [1, rest]\n  gates: [ { before: 2 } ]\n  onFailure: { then: pause }'),
    );
    await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await annotateNamespace({ 'hotwave.dev/exec-sets': 'duel' });
    await until({ what: 'the annotation to count', deadlineMs: 20_000, everyMs: 100 }, () =>
      execRefusalOf({ container: 'app-2048' }),
    );
    await started.decide({ verb: 'approve', wave: 2 });
    const { pausedBecause } = await started.until('a pause', ({ phase }) => phase === 'paused');
    expect(pausedBecause).toContain('hotwave may not run commands in pod mute-0');
    await annotateNamespace({ 'hotwave.dev/exec-sets': null });
    await until(
      { what: 'the annotation to be gone', deadlineMs: 20_000, everyMs: 100 },
      async () => (await execRefusalOf({ container: 'app-2048' })) === undefined,
    );
    await started.decide({ verb: 'resume' });
    expect(await started.result()).toMatchObject({ outcome: 'done', servers: 2 });
  });
});
