import { hostname } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { LeaseLost } from '../../activities/ports/failure.ts';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import type { KubernetesCluster } from '../../cluster/kubernetes.ts';
import { setTarget } from '../../release/patches/patches.ts';
import { apiDouble, status } from '../support/api-double.ts';
import type { ApiDouble, Asked, Reply } from '../support/api-double.ts';

const ref = { namespace: 'arena', name: 'duel' };
const cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.splice(0)) await clean();
});

async function clusterAnd(
  answer: (asked: Asked, count: number) => Reply | 'silence',
): Promise<{ cluster: KubernetesCluster; double: ApiDouble }> {
  const double = await apiDouble(answer);
  const cluster = kubernetesCluster({ path: double.kubeconfig, version: '1.2.3' });
  cleanUp.push(
    () => cluster.close(),
    () => double.stop(),
  );
  return { cluster, double };
}

const pod = (ordinal: number): object => ({
  metadata: { name: `duel-${ordinal}`, uid: `u${ordinal}` },
  spec: { containers: [] },
});
const page = (ordinals: readonly number[], token = '', resourceVersion = '70'): Reply => ({
  body: { metadata: { resourceVersion, continue: token }, items: ordinals.map(pod) },
});
const set = (replicas: number, managedFields: readonly object[] = []): Reply => ({
  body: {
    metadata: { name: 'duel', namespace: 'arena', uid: 'u', managedFields },
    spec: { replicas, gameServerTemplate: { spec: { containers: [] } } },
  },
});

describe('a missing permission', () => {
  const notAllowed = status(
    403,
    'Forbidden',
    'User "tester" cannot get resource "gameserversets" in the namespace "arena"',
  );

  test('is asked about again: an API server that has just started says so to everybody, before it has read its roles', async () => {
    const { cluster, double } = await clusterAnd((_, count) => (count === 1 ? notAllowed : set(3)));
    expect(await cluster.readSet(ref)).toMatchObject({ replicas: 3 });
    expect(double.asked).toHaveLength(2);
  });

  test('is one when it is said again and again', { timeout: 20_000 }, async () => {
    const { cluster, double } = await clusterAnd(() => notAllowed);
    await expect(cluster.readSet(ref)).rejects.toMatchObject({ reason: 'forbidden', retryable: false });
    expect(double.asked.length).toBeGreaterThan(2);
  });
});

describe('what controllers complain of', () => {
  const message =
    'failed to update pod duel-2 in-place(revision duel-b): admission webhook "v.test" denied the request: no';
  const about = (apiVersion: string, name = 'duel'): object => ({ involvedObject: { apiVersion, kind: 'X', name } });
  const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 2, 0, 0, seconds)).toISOString();
  const conditions = [
    { type: 'FailedCreatePod', status: 'True', message: 'no quota', lastTransitionTime: at(1) },
    { type: 'FailedUpdatePod', status: 'False', message: 'it was', lastTransitionTime: at(1) },
  ];
  const noQuota = { reason: 'FailedCreatePod', message: 'no quota', about: 'duel', at: Date.parse(at(1)) };
  const answer =
    (events: (asked: Asked) => Reply) =>
    (asked: Asked): Reply =>
      asked.path.includes('/statefulsets/') ? { body: { status: { conditions } } } : events(asked);
  const list = (...items: readonly object[]): Reply => ({ body: { metadata: {}, items } });

  test('are warnings about the Advanced StatefulSet and about the server, and conditions, with their time', async () => {
    const { cluster, double } = await clusterAnd(
      answer(({ query }) =>
        query.get('fieldSelector')?.includes('=StatefulSet,') === true
          ? list(
              { ...about('apps.kruise.io/v1beta1'), reason: 'FailedUpdatePodInPlace', message, lastTimestamp: at(5) },
              // Kubernetes has StatefulSets, too, and recorders of two kinds.
              { ...about('apps/v1'), reason: 'FailedCreate', message: 'of another', lastTimestamp: at(9) },
              {
                ...about('apps.kruise.io/v1alpha1'),
                reason: 'Other',
                message: 'x',
                lastTimestamp: null,
                eventTime: at(2),
                series: { lastObservedTime: at(7) },
              },
              { ...about('apps.kruise.io/v1beta1') },
            )
          : list({ ...about('v1', 'duel-2'), reason: 'PubPreventPodDeletion', message: 'no', lastTimestamp: at(6) }),
      ),
    );
    expect(await cluster.readComplaints(ref, 'duel-2')).toEqual([
      noQuota,
      { reason: 'FailedUpdatePodInPlace', message, about: 'duel', at: Date.parse(at(5)) },
      { reason: 'Other', message: 'x', about: 'duel', at: Date.parse(at(7)) },
      { reason: '', message: '', about: 'duel', at: 0 },
      { reason: 'PubPreventPodDeletion', message: 'no', about: 'duel-2', at: Date.parse(at(6)) },
    ]);
    expect(double.asked.map(({ path, query }) => [path, query.get('fieldSelector')])).toEqual([
      ['/apis/apps.kruise.io/v1beta1/namespaces/arena/statefulsets/duel', null],
      ['/api/v1/namespaces/arena/events', 'involvedObject.kind=StatefulSet,involvedObject.name=duel,type=Warning'],
      ['/api/v1/namespaces/arena/events', 'involvedObject.kind=Pod,involvedObject.name=duel-2,type=Warning'],
    ]);
  });

  test('are the conditions alone for whom may not list events', { timeout: 20_000 }, async () => {
    const denied = status(403, 'Forbidden', 'User "tester" cannot list resource "events" in the namespace "arena"');
    const { cluster } = await clusterAnd(answer(() => denied));
    expect(await cluster.readComplaints(ref, 'duel-2')).toEqual([noQuota]);
  });

  test('are none of a set that has no workload, and unknown while the API server is in trouble', async () => {
    const gone = status(404, 'NotFound', 'statefulsets.apps.kruise.io "duel" not found');
    const { cluster } = await clusterAnd(({ path }) => (path.includes('/statefulsets/') ? gone : list()));
    expect(await cluster.readComplaints(ref, 'duel-2')).toEqual([]);
    const busy = await clusterAnd(answer(() => status(503, 'ServiceUnavailable', 'busy')));
    await expect(busy.cluster.readComplaints(ref, 'duel-2')).rejects.toMatchObject({ reason: 'overloaded' });
  });
});

describe('an Event on a set', () => {
  const event = {
    name: 'duel.hotwave.r.1',
    set: ref,
    type: 'Warning' as const,
    reason: 'HotwavePaused',
    message: 'it is paused',
    at: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  };
  const gone = status(404, 'NotFound', 'gameserversets.game.kruise.io "duel" not found');

  test('names the set by its uid, for that is what kubectl asks by, and who says it', async () => {
    const { cluster, double } = await clusterAnd(({ method }) => (method === 'GET' ? set(3) : { body: {} }));
    await cluster.recordEvent(event);
    const [, sent] = double.asked;
    expect([sent?.method, sent?.path, sent?.query.toString()]).toEqual([
      'POST',
      '/api/v1/namespaces/arena/events',
      'fieldManager=hotwave&fieldValidation=Strict',
    ]);
    expect(sent?.body).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'duel.hotwave.r.1', namespace: 'arena' },
      involvedObject: {
        apiVersion: 'game.kruise.io/v1alpha1',
        kind: 'GameServerSet',
        namespace: 'arena',
        name: 'duel',
        uid: 'u',
      },
      type: 'Warning',
      reason: 'HotwavePaused',
      message: 'it is paused',
      action: 'HotUpdate',
      count: 1,
      firstTimestamp: '2026-01-02T03:04:05.678Z',
      lastTimestamp: '2026-01-02T03:04:05.678Z',
      eventTime: '2026-01-02T03:04:05.678000Z',
      source: { component: 'hotwave' },
      reportingComponent: 'hotwave',
      reportingInstance: hostname(),
    });
  });

  test('is told about a set that is gone, too', async () => {
    const { cluster, double } = await clusterAnd(({ method }) => (method === 'GET' ? gone : { body: {} }));
    await cluster.recordEvent(event);
    expect(double.asked[1]?.body).toMatchObject({ involvedObject: { name: 'duel' } });
    expect(double.asked[1]?.body).not.toHaveProperty('involvedObject.uid');
  });

  test('that is there already is written, and no other conflict is', async () => {
    const answers = [
      status(409, 'AlreadyExists', 'events "duel.hotwave.r.1" already exists'),
      status(409, 'Conflict', 'the namespace is changing'),
    ];
    const { cluster } = await clusterAnd(({ method }) => (method === 'GET' ? set(3) : answers.shift()!));
    await cluster.recordEvent(event);
    await expect(cluster.recordEvent(event)).rejects.toMatchObject({ reason: 'other', retryable: true });
  });

  test.each([
    ['a webhook', status(403, 'Forbidden', 'admission webhook "v.test" denied the request: no')],
    ['a webhook with a code of its own', status(418, '', 'admission webhook "v.test" denied the request: no')],
    [
      'an admission policy',
      status(422, 'Invalid', "ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no"),
    ],
    ['a namespace that is going', status(403, 'Forbidden', 'events "e" is forbidden: because it is being terminated')],
    ['a namespace that is gone', status(404, 'NotFound', 'namespaces "arena" not found')],
  ])('that %s refuses will never be there', async (_what, refusal) => {
    const { cluster } = await clusterAnd(({ method }) => (method === 'GET' ? set(3) : refusal));
    await expect(cluster.recordEvent(event)).rejects.toMatchObject({ reason: 'invalid', retryable: false });
  });

  test('that finds a quota used up may be there later', async () => {
    const full = status(403, 'Forbidden', 'events "e" is forbidden: exceeded quota: few, used: count/events=9');
    const { cluster } = await clusterAnd(({ method }) => (method === 'GET' ? set(3) : full));
    await expect(cluster.recordEvent(event)).rejects.toMatchObject({ reason: 'forbidden' });
  });

  test('with a name that would lead to another resource is not sent', async () => {
    const { cluster, double } = await clusterAnd(() => set(3));
    await expect(cluster.recordEvent({ ...event, name: '../pods' })).rejects.toMatchObject({ reason: 'invalid' });
    expect(double.asked.map(({ method }) => method)).toEqual(['GET']);
  });

  test('is not sent by whoever may not write any more', async () => {
    const { cluster, double } = await clusterAnd(() => set(3));
    const lost = (): Promise<void> => Promise.reject(new LeaseLost());
    await expect(cluster.recordEvent(event, undefined, lost)).rejects.toThrow(LeaseLost);
    expect(double.asked.map(({ method }) => method)).toEqual(['GET']);
  });
});

/** The text of a watch that tells these events and then ends. */
const watched = (...events: readonly (readonly [string, object])[]): Reply => ({
  body: events.map(([type, object]) => `${JSON.stringify({ type, object })}\n`).join(''),
});

describe('following servers', () => {
  const names = ['duel-0', 'duel-1'];

  /** The names in each view until there have been so many. */
  async function views(cluster: KubernetesCluster, count: number): Promise<string[][]> {
    const seen: string[][] = [];
    for await (const servers of cluster.followServers(ref, names)) {
      seen.push(servers.map(({ name }) => name));
      if (seen.length === count) break;
    }
    return seen;
  }

  test('is a list, then a watch from its resource version on, whose changes come together', async () => {
    const { cluster, double } = await clusterAnd(({ query }) =>
      query.has('watch') ? watched(['ADDED', pod(1)], ['DELETED', pod(0)], ['BOOKMARK', {}]) : page([0]),
    );
    expect(await views(cluster, 2)).toEqual([['duel-0'], ['duel-1']]);
    expect(double.asked[1]?.query.get('resourceVersion')).toBe('70');
    expect(double.asked[1]?.query.get('labelSelector')).toMatch(/pod-name in \(duel-0,duel-1\)$/);
  });

  test.each([
    ['has ended', watched()],
    ['is from too old a version', status(410, 'Expired', 'too old')],
    ['says that the version is too old', watched(['ERROR', { code: 410 }])],
  ] as const)('lists again when the watch %s', async (_why, end) => {
    const { cluster, double } = await clusterAnd(({ query }) => (query.has('watch') ? end : page([0])));
    await views(cluster, 3);
    expect(double.asked.filter(({ query }) => !query.has('watch')).length).toBeGreaterThan(1);
  });

  test('fails when watching is not allowed', async () => {
    const message =
      'pods is forbidden: User "tester" cannot watch resource "pods" in API group "" in the namespace "arena"';
    const { cluster } = await clusterAnd(({ query }) =>
      query.has('watch') ? status(403, 'Forbidden', message) : page([0]),
    );
    await expect(views(cluster, 9)).rejects.toThrow('may not watch pods in namespace arena');
  });
});

describe('servers with long names', () => {
  const long = Array.from({ length: 250 }, (_, index) => `${'n'.repeat(58)}-${index}`);

  test('are listed in pieces, whose addresses every proxy takes', async () => {
    const { cluster, double } = await clusterAnd(({ query }) => {
      const named = /in \(([^)]*)\)/.exec(query.get('labelSelector') ?? '')?.[1]?.split(',') ?? [];
      const items = named.map((name) => ({ metadata: { name, uid: name }, spec: { containers: [] } }));
      return { body: { metadata: { resourceVersion: '70' }, items } };
    });
    const { servers, resourceVersion } = await cluster.listServers(ref, { names: long });
    expect(servers.map(({ name }) => name)).toEqual(long);
    expect(resourceVersion).toBe('70');
    expect(double.asked.length).toBeGreaterThan(1);
    for (const { query } of double.asked) expect(query.toString().length).toBeLessThan(8_000);
  });

  test('are followed by one watch of the set, without those that nobody wants', async () => {
    const wanted = long.slice(0, 200);
    const items = [...wanted.slice(0, 1), 'another-0'].map((name) => ({
      metadata: { name, uid: name },
      spec: { containers: [] },
    }));
    const { cluster, double } = await clusterAnd(() => ({ body: { metadata: { resourceVersion: '70' }, items } }));
    for await (const servers of cluster.followServers(ref, wanted)) {
      expect(servers.map(({ name }) => name)).toEqual(wanted.slice(0, 1));
      break;
    }
    expect(double.asked[0]?.query.get('labelSelector')).toBe('game.kruise.io/owner-gss=duel');
  });
});

describe('lists', () => {
  test('are read in pages of 500 and sorted by ordinal; the first page gives the resource version', async () => {
    const { cluster, double } = await clusterAnd((_, count) =>
      count === 1 ? page([10, 2], 'more') : page([1], '', '71'),
    );
    const { servers, resourceVersion } = await cluster.listServers(ref);
    expect(servers.map(({ ordinal }) => ordinal)).toEqual([1, 2, 10]);
    expect(resourceVersion).toBe('70');
    expect(double.asked.map(({ query }) => [query.get('limit'), query.get('continue')])).toEqual([
      ['500', null],
      ['500', 'more'],
    ]);
    expect(double.asked[0]?.query.get('labelSelector')).toBe('game.kruise.io/owner-gss=duel');
  });

  test('begin anew when their token has expired', async () => {
    const { cluster } = await clusterAnd((_, count) =>
      count === 1 ? page([0], 'old') : count === 2 ? status(410, 'Expired', 'too old') : page([0, 1]),
    );
    expect((await cluster.listServers(ref)).servers).toHaveLength(2);
  });

  test('give up when they expire again and again', async () => {
    const { cluster } = await clusterAnd(() => status(410, 'Expired', 'too old'));
    await expect(cluster.listServers(ref)).rejects.toMatchObject({ reason: 'gone', retryable: true });
  });

  test.each([
    ['the cache, when it is new enough', '90', 1],
    ['etcd, when the cache lags behind', '60', 2],
  ])('not older than a version come from %s', async (_, cached, requests) => {
    const { cluster, double } = await clusterAnd(({ query }) =>
      query.get('resourceVersion') === '0' ? page([0], '', cached) : page([0, 1], '', '95'),
    );
    const { servers } = await cluster.listServers(ref, { notOlderThan: '80' });
    expect(double.asked).toHaveLength(requests);
    expect(servers).toHaveLength(requests);
  });

  test('of named servers ask for these only, and of none not at all', async () => {
    const { cluster, double } = await clusterAnd(() => page([0]));
    await cluster.listServers(ref, { names: ['duel-0', 'duel-3'] });
    expect(double.asked[0]?.query.get('labelSelector')).toBe(
      'game.kruise.io/owner-gss=duel,statefulset.kubernetes.io/pod-name in (duel-0,duel-3)',
    );
    await cluster.listServers(ref, { names: [] });
    expect(double.asked).toHaveLength(1);
  });

  test('with an object of an unknown shape say which field it is', async () => {
    const { cluster } = await clusterAnd(() => ({ body: { metadata: {}, items: [{ metadata: { name: 'x' } }] } }));
    await expect(cluster.listServers(ref)).rejects.toThrow(/does not understand this Pod \(metadata\.uid/);
  });
});

describe('requests', () => {
  test('carry the credentials, say who asks, and are counted', async () => {
    const { cluster, double } = await clusterAnd(() => set(3));
    await cluster.readSet(ref);
    expect(double.asked[0]?.headers).toMatchObject({
      authorization: 'Bearer secret-token',
      'user-agent': 'hotwave/1.2.3',
    });
    expect(cluster.requests.byName()).toEqual({ 'GET gameserversets': 1 });
  });

  test('are sent once more after a 401, as a token may just have been renewed', async () => {
    const { cluster } = await clusterAnd((_, count) => (count === 1 ? status(401, 'Unauthorized', '') : set(3)));
    expect(await cluster.readSet(ref)).toMatchObject({ replicas: 3 });
  });

  test('say whose credentials are refused when that does not help', async () => {
    const { cluster, double } = await clusterAnd(() => status(401, 'Unauthorized', 'Unauthorized'));
    await expect(cluster.readSet(ref)).rejects.toMatchObject({
      reason: 'unauthorized',
      message: `the API server at ${double.server} does not accept the credentials of tester; renew them in the kubeconfig`,
    });
    expect(double.asked).toHaveLength(2);
  });

  test('hand on how long an overloaded API server wants to be left alone', async () => {
    const busy = { ...status(429, 'TooManyRequests', 'busy'), headers: { 'retry-after': '2' } };
    const { cluster } = await clusterAnd(() => busy);
    await expect(cluster.readSet(ref)).rejects.toMatchObject({ reason: 'overloaded', retryAfterMs: 2_000 });
  });

  test.each([
    ['in seconds', '7', 7_000],
    ['as a date', new Date(Date.now() + 200_000).toUTCString(), expect.closeTo(200_000, -5) as number],
    ['as a date that is over', new Date(0).toUTCString(), 0],
    ['for longer than anybody should wait', '86400', 300_000],
    ['in words', 'soon', undefined],
    ['with nothing', '', undefined],
  ] as const)('read that also %s', async (_how, header, retryAfterMs) => {
    const busy = { ...status(429, 'TooManyRequests', 'busy'), headers: { 'retry-after': header } };
    const { cluster } = await clusterAnd(() => busy);
    await expect(cluster.readSet(ref)).rejects.toMatchObject({ reason: 'overloaded', retryAfterMs });
  });

  test('end at once when the caller gives up, with the reason of the caller', async () => {
    const { cluster } = await clusterAnd(() => 'silence');
    const caller = new AbortController();
    setTimeout(() => caller.abort(new Error('cancelled')), 20);
    await expect(cluster.readSet(ref, caller.signal)).rejects.toThrow('cancelled');
  });

  test('say when there is no API server, or something else than one', async () => {
    const { cluster, double } = await clusterAnd(() => ({ body: '<html>' }));
    await expect(cluster.readSet(ref)).rejects.toThrow('something that is not JSON; is it a Kubernetes API server?');
    await double.stop();
    cleanUp.pop();
    await expect(cluster.readSet(ref)).rejects.toThrow(
      `the API server at ${double.server} does not answer: connection refused`,
    );
  });

  test('tell a missing CRD from a missing object', async () => {
    const { cluster } = await clusterAnd(() => ({ status: 404, body: '404 page not found\n' }));
    await expect(cluster.readSet(ref)).rejects.toThrow('does not know game.kruise.io/v1alpha1; install OpenKruiseGame');
    await expect(cluster.readWorkload(ref)).rejects.toThrow('install OpenKruise first');
  });
});

describe('guarded patches', () => {
  const doesNotApply = status(422, 'Invalid', 'the server rejected our request due to an error in our request');
  const patch = {
    preconditions: [{ path: '/spec/replicas', value: 3 }],
    changes: [{ op: 'replace', path: '/spec/replicas', value: 4 } as const],
  };

  test('are JSON Patches with strict validation under the name hotwave', async () => {
    const { cluster, double } = await clusterAnd(() => set(4));
    expect(await cluster.patch(setTarget(ref), patch, { dryRun: true })).toEqual({ kind: 'applied' });
    const [sent] = double.asked;
    expect(Object.fromEntries(sent!.query)).toEqual({
      fieldManager: 'hotwave',
      fieldValidation: 'Strict',
      dryRun: 'All',
    });
    expect(sent?.headers['content-type']).toBe('application/json-patch+json');
    expect(sent?.body).toEqual([
      { op: 'test', path: '/spec/replicas', value: 3 },
      { op: 'replace', path: '/spec/replicas', value: 4 },
    ]);
  });

  test('are written as the API server writes JSON, which compares texts byte by byte', async () => {
    const { cluster, double } = await clusterAnd(() => set(4));
    const value = 'rsync /app && test 1 < 2 > /dev/null\u2028';
    await cluster.patch(setTarget(ref), { preconditions: [{ path: '/spec/text', value }], changes: [] });
    const [sent] = double.asked;
    expect(sent!.body).toEqual([{ op: 'test', path: '/spec/text', value }]);
    expect(sent!.text).toContain(String.raw`rsync /app \u0026\u0026 test 1 \u003c 2 \u003e /dev/null\u2028`);
  });

  test.each([
    [4, { kind: 'alreadyApplied' }],
    [9, { kind: 'preconditionFailed', path: '/spec/replicas', expected: 3, actual: 9, manager: 'hpa' }],
    [3, { kind: 'denied', message: 'the patch names a field that the object does not have' }],
  ])('that do not apply are explained by the object: replicas %i', async (replicas, outcome) => {
    const fieldsV1 = { 'f:spec': { 'f:replicas': {} } };
    const managed = [{ manager: 'hpa', operation: 'Update', time: '2026-01-01T00:00:00Z', fieldsV1 }];
    const { cluster } = await clusterAnd(({ method }) => (method === 'PATCH' ? doesNotApply : set(replicas, managed)));
    expect(await cluster.patch(setTarget(ref), patch)).toEqual(outcome);
  });

  test.each([
    status(403, 'Forbidden', 'admission webhook "policy.test" denied the request: not on fridays'),
    status(400, '', 'admission webhook "policy.test" denied the request: not on fridays'),
    status(422, 'Invalid', 'admission webhook "policy.test" denied the request: not on fridays'),
    // A webhook chooses its code itself.
    status(401, '', 'admission webhook "policy.test" denied the request: not on fridays'),
    status(404, 'NotFound', 'admission webhook "policy.test" denied the request: not on fridays'),
    status(409, 'Conflict', 'admission webhook "policy.test" denied the request: not on fridays'),
    status(429, '', 'admission webhook "policy.test" denied the request: not on fridays'),
  ])('that admission refuses are denied, in its words ($status)', async (refusal) => {
    const { cluster } = await clusterAnd(({ method }) => (method === 'PATCH' ? refusal : set(3)));
    const message = 'admission webhook "policy.test" denied the request: not on fridays';
    expect(await cluster.patch(setTarget(ref), patch)).toEqual({ kind: 'denied', message });
  });

  test('whose object is gone say so', async () => {
    const { cluster } = await clusterAnd(() => status(404, 'NotFound', 'gameserversets "duel" not found'));
    expect(await cluster.patch(setTarget(ref), patch)).toEqual({ kind: 'notFound' });
  });

  test('that lose a race are worth another try', async () => {
    const conflict = status(409, 'Conflict', 'the object has been modified');
    const { cluster } = await clusterAnd(({ method }) => (method === 'PATCH' ? conflict : set(3)));
    await expect(cluster.patch(setTarget(ref), patch)).rejects.toMatchObject({ retryable: true });
  });

  test('that meet a webhook that is down are worth another try', async () => {
    const down = status(500, 'InternalError', 'failed calling webhook "policy.test": connection refused');
    const { cluster } = await clusterAnd(() => down);
    await expect(cluster.patch(setTarget(ref), patch)).rejects.toMatchObject({ reason: 'other', retryable: true });
  });
});
