import { describe, expect, test } from 'vitest';
import { lastWriter } from '../../cluster/field-owners.ts';
import { firstDifference } from '../../release/patches/patches.ts';
import { managedFieldsSchema } from '../../cluster/object-meta.ts';
import { serverView } from '../../cluster/pod-schema.ts';
import { gameServerRecord, gameServerSetView, workloadView } from '../../cluster/schemas.ts';

const set = (spec: object = {}, metadata: object = {}): object => ({
  metadata: { name: 'duel', namespace: 'arena', uid: 'u', generation: 3, ...metadata },
  spec: {
    replicas: 2,
    gameServerTemplate: {
      metadata: { labels: {} },
      spec: {
        containers: [
          { name: 'engine', image: 'e:1', ports: [] },
          { name: 'scripts', image: 's:1' },
        ],
      },
    },
    ...spec,
  },
});

describe('a GameServerSet', () => {
  test('keeps every field of its update strategy, known or not', () => {
    const updateStrategy = {
      rollingUpdate: { partition: 1, inPlaceUpdateStrategy: { gracePeriodSeconds: 9 }, future: [1] },
      alsoNew: true,
    };
    expect(gameServerSetView(set({ updateStrategy })).updateStrategy).toEqual(updateStrategy);
  });

  test('has defaults where its owner wrote nothing', () => {
    const view = gameServerSetView(set());
    expect(view).toMatchObject({ updateStrategy: {}, reclaimPolicy: 'Cascade', initContainers: [], deleting: false });
    expect(view).not.toHaveProperty('annotations');
  });

  test('names the service qualities that write priorities, with every value once', () => {
    const serviceQualities = [
      { name: 'plain', permanent: false },
      { name: 'idle', serviceQualityAction: [{ state: true, opsState: 'WaitToBeDeleted' }] },
      {
        name: 'players',
        serviceQualityAction: [
          { state: true, updatePriority: 5 },
          { state: true, result: 'full', updatePriority: '{{ .result }}' },
          { state: false, updatePriority: 5, opsState: 'None' },
        ],
      },
      { name: 'none', serviceQualityAction: null },
    ];
    const view = gameServerSetView(set({ serviceQualities }));
    expect(view.priorityWriters).toEqual([{ name: 'players', priorities: [5, '{{ .result }}'] }]);
    expect(view.serviceQualities).toEqual(['plain', 'idle', 'players', 'none']);
  });

  // As kube-apiserver 1.30 writes it: the template has no schema, so its list of containers is owned as a whole.
  const applied = { 'f:spec': { 'f:gameServerTemplate': { 'f:spec': { 'f:containers': {} } }, 'f:replicas': {} } };
  const managed = (manager: string, operation: string, fieldsV1: object = applied): object => ({
    managedFields: [{ manager, operation, fieldsV1, time: '2026-01-01T00:00:00Z' }],
  });

  test('names who applies the fields that hotwave writes', () => {
    expect(gameServerSetView(set({}, managed('argocd', 'Apply'))).foreignOwners).toEqual({
      '/spec/gameServerTemplate/spec/containers/0/image': 'argocd',
      '/spec/gameServerTemplate/spec/containers/1/image': 'argocd',
      '/spec/replicas': 'argocd',
    });
  });

  test('names everybody who is on record, and the labels, by which a set is known to be applied from Git', () => {
    const labels = { 'kustomize.toolkit.fluxcd.io/name': 'arena' };
    const entries = ['argocd-controller', 'hotwave', 'argocd-controller'].map((manager) => ({ manager }));
    const view = gameServerSetView(set({}, { managedFields: entries, labels }));
    expect(view).toMatchObject({ managers: ['argocd-controller', 'hotwave'], labels });
  });

  test('knows keyed lists and parts of the strategy, too', () => {
    const keyed = {
      'f:spec': {
        'f:gameServerTemplate': { 'f:spec': { 'f:containers': { 'k:{"name":"scripts"}': { 'f:image': {} } } } },
        'f:updateStrategy': { 'f:rollingUpdate': { 'f:maxUnavailable': {} } },
      },
    };
    const { foreignOwners } = gameServerSetView(set({}, managed('flux', 'Apply', keyed)));
    expect(foreignOwners).toHaveProperty(['/spec/gameServerTemplate/spec/containers/1/image'], 'flux');
    expect(foreignOwners).toHaveProperty(['/spec/updateStrategy'], 'flux');
    expect(foreignOwners).not.toHaveProperty(['/spec/replicas']);
  });

  test.each([
    ['hotwave', 'Apply'],
    ['kubectl-edit', 'Update'],
    ['kruise-game-manager', 'Update'],
  ])('does not count %s (%s) as a foreign owner', (manager, operation) => {
    expect(gameServerSetView(set({}, managed(manager, operation))).foreignOwners).toEqual({});
  });
});

describe('who changed a field', () => {
  const entry = (manager: string, time: string, fieldsV1: object): unknown => ({ manager, time, fieldsV1 });
  const strategy = { 'f:spec': { 'f:updateStrategy': { 'f:rollingUpdate': { 'f:partition': {} } } } };
  const read = (entries: unknown[]): ReturnType<typeof managedFieldsSchema.parse>[] =>
    entries.map((one) => managedFieldsSchema.parse(one));

  test('is the last one, and in the same second rather not hotwave', () => {
    const early = entry('early', '2026-01-01T00:00:00Z', strategy);
    const same = [
      entry('hotwave', '2026-01-01T00:00:09Z', strategy),
      entry('kubectl', '2026-01-01T00:00:09Z', strategy),
    ];
    expect(lastWriter(read([early, ...same]), '/spec/updateStrategy')).toBe('kubectl');
    expect(lastWriter(read([early]), '/spec/replicas')).toBeUndefined();
  });

  test('is looked up where expected and actual value differ first', () => {
    const [expected, actual] = [
      { a: 1, b: { 'c/d': 2 } },
      { a: 1, b: { 'c/d': 3 } },
    ];
    expect(firstDifference(expected, actual, '/spec')).toBe('/spec/b/c~1d');
    expect(firstDifference(4, 5, '/spec/replicas')).toBe('/spec/replicas');
    expect(firstDifference({ a: 1 }, undefined, '/spec/x')).toBe('/spec/x');
  });
});

describe('a GameServer', () => {
  test('has priority 0 when none is set, and no override without an image', () => {
    const metadata = { name: 'duel-0', uid: 'u', resourceVersion: '7' };
    const spec = { opsState: 'None', updatePriority: null, containers: [{ name: 'a', resources: {} }] };
    expect(gameServerRecord({ metadata, spec })).toEqual({
      name: 'duel-0',
      uid: 'u',
      resourceVersion: '7',
      opsState: 'None',
      createdAt: 0,
      updatePriority: 0,
      hasPriority: false,
      imageOverrides: {},
      overrides: [{ name: 'a', resources: {} }],
      diesWithPod: false,
      hasAnnotations: false,
      syncToken: '',
    });
    const wished = { updatePriority: 'p-7', containers: [{ name: 'a', image: 'x:1' }] };
    const view = gameServerRecord({ metadata: { ...metadata, annotations: {} }, spec: wished });
    expect(view).toMatchObject({
      updatePriority: 'p-7',
      hasPriority: true,
      imageOverrides: { a: 'x:1' },
      hasAnnotations: true,
    });
  });

  test('names who wrote its override', () => {
    const entry = (manager: string, field: string): object => ({
      manager,
      operation: 'Update',
      time: '2026-01-01T00:00:00Z',
      fieldsV1: { 'f:spec': { [`f:${field}`]: {} } },
    });
    const metadata = {
      name: 'duel-0',
      uid: 'u',
      managedFields: [entry('okg', 'opsState'), entry('ann', 'containers')],
    };
    const spec = { opsState: 'None', containers: [{ name: 'a', image: 'x:1' }] };
    expect(gameServerRecord({ metadata, spec }).overriddenBy).toBe('ann');
  });
});

describe('an Advanced StatefulSet', () => {
  test('is unobserved until the controller has written its status', () => {
    const template = { spec: { containers: [{ name: 'a', image: 'x:1' }] } };
    const view = workloadView({ metadata: { name: 'duel', uid: 'u', generation: 2 }, spec: { template } });
    expect(view).toMatchObject({ generation: 2, observedGeneration: 0, partition: 0, podUpdatePolicy: 'ReCreate' });
  });
});

test('a port is known by the first TCP port of its name: what others inject behind the engine has its own', () => {
  const container = (name: string, ...ports: object[]): object => ({ name, image: 'x:1', ports });
  const { ports } = serverView({
    metadata: { name: 'duel-0', uid: 'u' },
    spec: {
      containers: [
        container(
          'engine',
          { name: 'game', containerPort: 7777, protocol: 'UDP' },
          { name: 'http', containerPort: 8080 },
        ),
        container('mesh', { name: 'http', containerPort: 15_090, protocol: 'TCP' }, { containerPort: 1 }),
      ],
    },
  });
  expect(ports).toEqual({ http: 8080 });
});

describe('ports that each pod has for itself', () => {
  const portsOf = (annotations: Record<string, string>): object => {
    const { annotatedPorts, networkPorts } = serverView({
      metadata: { name: 'duel-0', uid: 'u', annotations },
      spec: { containers: [] },
    });
    return { annotatedPorts, networkPorts };
  };
  // As the plugin Kubernetes-HostPort of OpenKruiseGame v1.0.0 writes it.
  const status = JSON.stringify({
    internalAddresses: [{ ip: '10.0.0.1', ports: [{ name: 'engine-8123', protocol: 'TCP', port: 8123 }] }],
    externalAddresses: [{ ip: '192.168.0.1', ports: [{ name: 'engine-8123', protocol: 'TCP', port: 31_000 }] }],
    currentNetworkState: 'Ready',
  });

  test('are annotations with a number, and the internal addresses of the network status', () => {
    expect(portsOf({ 'acme.test/port': '31001', 'game.kruise.io/network-status': status, note: 'v2' })).toEqual({
      annotatedPorts: { 'acme.test/port': 31_001 },
      networkPorts: { 'engine-8123': 8123 },
    });
  });

  test.each(['0', '080', '70000', '1e3', ' 80', '80\n', '-1', ''])('are none with %j', (value) => {
    expect(portsOf({ port: value })).toEqual({ annotatedPorts: undefined, networkPorts: undefined });
  });

  test.each(['', 'no JSON', '[]', '{"internalAddresses":null}', '{"internalAddresses":[{"ports":[{"name":"a"}]}]}'])(
    'are none in a network status of %j',
    (text) => {
      expect(portsOf({ 'game.kruise.io/network-status': text })).toMatchObject({ networkPorts: undefined });
    },
  );
});

describe('a pod', () => {
  const pod = (annotations: object = {}, containerStatus: object = {}): object => ({
    metadata: {
      name: 'duel-12',
      uid: 'u',
      labels: { 'controller-revision-hash': 'duel-abc', 'lifecycle.apps.kruise.io/state': 'Updating' },
      annotations,
    },
    spec: { nodeName: 'n', containers: [{ name: 'a', image: 'x:2' }] },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      conditions: [{ type: 'Ready', status: 'False' }],
      containerStatuses: [
        { name: 'a', image: 'x:1', imageID: 'i', containerID: 'c', restartCount: 2, ...containerStatus },
      ],
    },
  });

  test('is shown with its revision, its place in the life cycle and its conditions', () => {
    expect(serverView(pod())).toMatchObject({
      ordinal: 12,
      revision: 'duel-abc',
      lifecycle: 'Updating',
      inGrace: false,
      syncToken: '',
      conditions: { Ready: 'False' },
    });
    expect(serverView(pod())).not.toHaveProperty('inPlace');
  });

  test.each([
    [{ running: {} }, { state: 'running' }],
    [{ waiting: { reason: 'ImagePullBackOff', message: 'm' } }, { state: 'waiting', reason: 'ImagePullBackOff' }],
    [{ terminated: { reason: 'Error', exitCode: 3 } }, { state: 'terminated', reason: 'Error', exitCode: 3 }],
    [{}, { state: 'unknown' }],
  ])('tells the container state %j', (state, expected) => {
    expect(serverView(pod({}, { state })).containers[0]?.status).toMatchObject({ restartCount: 2, ...expected });
  });

  test('reads the record of the last in-place update', () => {
    const record = (value: object): object => ({ 'apps.kruise.io/inplace-update-state': JSON.stringify(value) });
    expect(serverView(pod(record({ revision: 'r' }))).inPlace).toEqual({ revision: 'r', moreBatches: false });
    const batches = record({ revision: 'r', nextContainerImages: { a: 'x:2' } });
    expect(serverView(pod(batches)).inPlace).toEqual({ revision: 'r', moreBatches: true });
    const broken = { 'apps.kruise.io/inplace-update-state': 'not json' };
    expect(serverView(pod(broken)).inPlace).toEqual({ revision: '', moreBatches: true });
    expect(serverView(pod({ 'apps.kruise.io/inplace-update-grace': '{}' })).inGrace).toBe(true);
  });

  test('says why its readiness gates are closed, and of no other condition', () => {
    const gates = ['InPlaceUpdateReady', 'neg', 'open', 'unset'].map((conditionType) => ({ conditionType }));
    const conditions = [
      { type: 'InPlaceUpdateReady', status: 'False', reason: 'StartInPlaceUpdate' },
      { type: 'neg', status: 'Unknown', reason: 'Waiting', message: 'x'.repeat(600) },
      { type: 'open', status: 'True', reason: 'Was', message: 'closed' },
      { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: 'it is not' },
    ];
    const gated = pod() as { readonly spec: object; readonly status: object };
    const view = serverView({
      ...gated,
      spec: { ...gated.spec, readinessGates: gates },
      status: { ...gated.status, conditions },
    });
    expect(view.closedGates).toEqual({
      InPlaceUpdateReady: 'StartInPlaceUpdate',
      neg: `Waiting: ${'x'.repeat(491)}`,
    });
    expect(serverView(pod())).not.toHaveProperty('closedGates');
  });

  test('may have no status yet', () => {
    const bare = { metadata: { name: 'duel-0', uid: 'u' }, spec: { containers: [{ name: 'a', image: 'x' }] } };
    expect(serverView(bare)).toMatchObject({ phase: 'Unknown', ip: '', containers: [{ name: 'a', image: 'x' }] });
  });
});
