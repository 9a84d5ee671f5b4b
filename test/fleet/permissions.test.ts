import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../../activities/ports/cluster.ts';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import type { KubernetesCluster } from '../../cluster/kubernetes.ts';
import { setTarget } from '../../release/patches/patches.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { HOTWAVE_ACCOUNT, auditedRequests } from '../lab/audit-log.ts';
import type { AuditedRequest } from '../lab/audit-log.ts';
import { createSet, scale, serverPath, setPath, setPriorities } from '../lab/game-server-sets.ts';
import type { GameServer, KubernetesObject } from '../lab/kubernetes-objects.ts';
import { hotwaveCommand } from '../support/command.ts';
import type { CommandResult } from '../support/command.ts';
import { until } from '../lab/until.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { CLUSTER, startRelease } from '../support/hotwave.ts';
import { monitorOf } from '../support/monitor.ts';
import { policyOf } from '../support/http-sinks.ts';
import { grantedRights, rightText, usageOf, without } from '../support/rights.ts';
import type { GrantedRight } from '../support/rights.ts';

// The account of deploy/rbac.yaml, with its rights in namespace default and nowhere else.

let world: FleetWorld;
let cluster: KubernetesCluster;

beforeAll(async () => {
  world = await FleetWorld.start({}, policyOf([], { events: true }));
  cluster = kubernetesCluster({ path: world.lab.kubeconfigOf('hotwave') });
});

afterAll(async () => {
  await cluster.close();
  await world.stop();
});

const hotwave = (...argv: string[]): Promise<CommandResult> => hotwaveCommand(world.lab, argv);
const audited = (): readonly AuditedRequest[] => auditedRequests(world.lab.directory);
const isDenied = ({ code }: AuditedRequest): boolean => code === 403;

/** Sentences are wrapped at 80 columns; a test is about their words. */
const words = (text: string): string => text.replaceAll(/\s+/g, ' ');

interface CoreEvent extends KubernetesObject {
  readonly type: string;
  readonly reason: string;
  readonly eventTime: string;
}

/** Type and reason of the Events that hotwave has written on a set, in the order in which it was told. */
async function reasonsOf(set: string): Promise<string[]> {
  const query = `fieldSelector=involvedObject.kind%3DGameServerSet,involvedObject.name%3D${set},source%3Dhotwave`;
  const { items } = await world.lab.api.list<CoreEvent>(`/api/v1/namespaces/default/events?${query}`);
  const inOrder = [...items].sort((left, right) => left.eventTime.localeCompare(right.eventTime));
  return inOrder.map(({ type, reason }) => `${type} ${reason}`);
}

function eventsWritten(set: string, reason: string): Promise<boolean> {
  return until({ what: `an Event ${reason} on ${set}`, deadlineMs: 60_000, everyMs: 200 }, async () =>
    (await reasonsOf(set)).includes(reason),
  );
}

async function outcomeOf(file: ReleaseFile): Promise<string> {
  return (await (await world.hotwave.start(file)).result()).outcome;
}

/** The version is proved by a line of the log. */
function byLog(file: ReleaseFile): ReleaseFile {
  const log = { container: 'app-2048', line: 'hot-reload loaded={{version}}', within: 20_000, timeout: 5_000 };
  return { ...file, spec: { ...file.spec, proof: { log } } };
}

/**
 * API servers before 1.35 authorize commands over websockets as `get`, newer ones want `create` as well: the lab's (1.30) never
 * asks for it.
 */
const NOT_BEFORE_135 = 'create pods/exec';

/** No release needs it: what people must know is told with it, where the policy says so. */
const FOR_NOTICES = 'create events';

/** Used when Kruise cannot write a pod, and nobody has to have it: refused-writes.test.ts uses it, and takes it away. */
const WHEN_REFUSED = 'list events';

describe('the audit log of a suite of operations', () => {
  beforeAll(async () => {
    await world.aSet('all', { replicas: 4, reclaimPolicy: 'Delete' });
    await setPriorities(world.lab.api, { name: 'all' }, { 'all-0': 3, 'all-3': 1 });
  });

  test('a rolling release with named waves, a gate, a pause, a way back, and one of a bad version', async () => {
    const waves = '  waves: [ { name: low, servers: [0, 2] }, rest ]\n  gates: [ { before: 2 } ]';
    const gated = await world.hotwave.start(world.release('all', 'v2.0', waves));
    await gated.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await gated.decide({ verb: 'pause' });
    await gated.until('a pause', ({ phase }) => phase === 'paused');
    await gated.decide({ verb: 'resume' });
    await gated.decide({ verb: 'rollback', reason: 'changed our mind' });
    expect(await gated.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(await outcomeOf(world.release('all', 'v2.0-stale', '  waves: [1, rest]'))).toBe('rolled-back');
    expect(await outcomeOf(byLog(world.release('all', 'v3.0', '  waves: [2, rest]')))).toBe('done');
  });

  test('a release to chosen servers, one for new servers, and a monitor after a release', async () => {
    const chosen = '  strategy: targeted\n  target: { gameServerSet: all, servers: { servers: [1-2] } }';
    expect(await outcomeOf(world.release('all', 'v4.0', chosen))).toBe('done');
    const file = world.release('all', 'v4.0', '  waves: [1, rest]\n  guard: 1h');
    const start = { cluster: CLUSTER, file, requester: 'tester', monitorInterval: 300 };
    expect(await (await startRelease(world.hotwave.client, start)).result()).toMatchObject({ outcome: 'done' });
    await monitorOf(world.hotwave, 'all').until('a look', ({ lookedAt }) => lookedAt > 0);
    const fresh = await world.hotwave.start(
      world.release('all', 'v5.0', '  strategy: newServersOnly\n  newServers: { watch: 1m, count: 1 }'),
    );
    await fresh.until('it follows new servers', ({ phase }) => phase === 'watching');
    await scale(world.lab.api, 'all', 5);
    expect(await fresh.result()).toMatchObject({ outcome: 'done' });
  });

  test('the commands that read, and a rollback by what is written on the set', async () => {
    expect(await hotwave('doctor')).toMatchObject({ code: 0 });
    expect(await hotwave('versions', 'all')).toMatchObject({ code: 0 });
    expect((await hotwave('verify', 'all')).out).toBe('4 of 4 servers on v4.0, 1 of 1 on v5.0 (newServersOnly)\n');
    await world.aSet('back');
    expect(await outcomeOf(world.release('back', 'v2.0'))).toBe('done');
    expect(await hotwave('rollback', 'back')).toMatchObject({ code: 0 });
    expect(await world.versions('back')).toEqual(['v1.0', 'v1.0', 'v1.0']);
  });

  test('people were told by Events on the sets', async () => {
    await eventsWritten('back', 'Warning HotwaveRolledBack');
    expect(await reasonsOf('back')).toEqual([
      'Normal HotwaveStarted',
      'Normal HotwaveDone',
      'Normal HotwaveStarted',
      'Warning HotwaveRollingBack',
      'Warning HotwaveRolledBack',
    ]);
  });

  test('no request was denied, all were in namespace default, and every right was used', () => {
    const requests = audited();
    process.stderr.write(`audit: ${requests.length} requests\n  ${usageOf(requests).join('\n  ')}\n`);
    expect(usageOf(requests.filter(isDenied))).toEqual([]);
    // Everybody may ask for their own rights and name, and for the version (`GET /version`, which is no resource).
    const free = new Set(['selfsubjectaccessreviews', 'selfsubjectreviews', '/version']);
    const used = requests.filter(({ resource }) => !free.has(resource));
    expect([...new Set(used.map(({ namespace }) => namespace))]).toEqual(['default']);
    const granted = grantedRights().map(rightText).sort();
    expect([...new Set([...used.map(rightText), NOT_BEFORE_135, WHEN_REFUSED])].sort()).toEqual(granted);
  });
});

describe('one namespace is not another', () => {
  const bindings = '/apis/rbac.authorization.k8s.io/v1/namespaces/arena/rolebindings';

  test('a set elsewhere is refused by the plan, until somebody grants the same roles there', async () => {
    await world.lab.api.create('/api/v1/namespaces', { metadata: { name: 'arena' } });
    await createSet(world.lab.api, { name: 'duel', namespace: 'arena', replicas: 2, nodeName: world.lab.nodeName });
    const file = world.release('duel', 'v2.0', '  target: { namespace: arena, gameServerSet: duel }');
    const refused = await (await world.hotwave.start(file)).result();
    expect(refused).toMatchObject({ outcome: 'refused' });
    expect(refused.reason).toMatch(
      /^the worker may not get gameserversets\.game\.kruise\.io, .*create pods\/exec in namespace arena: apply deploy\/rbac\.yaml, and bind its roles in that namespace as its head says; or correct the name: the worker may not look whether there is a namespace arena$/,
    );
    expect((await hotwave('doctor', '-n', 'arena')).out).toContain('in namespace arena: apply deploy/rbac.yaml');
    // The commands in the head of deploy/rbac.yaml.
    for (const name of ['hotwave', 'hotwave-exec']) {
      await world.lab.api.create(bindings, {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name: 'hotwave', namespace: 'hotwave-system' }],
      });
    }
    expect(await outcomeOf(file)).toBe('done');
  });
});

const ref = { namespace: 'default', name: 'small' };
const command = { namespace: 'default', server: 'small-0', container: 'app-2048', command: ['true'], timeoutMs: 5_000 };
const nothing = { preconditions: [], changes: [] };

/** Follows something for as long as that is granted. */
async function follow(values: AsyncIterable<unknown>): Promise<void> {
  const iterator = values[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

/** The smallest call that needs a right. */
const CALLS: Readonly<Record<string, (port: Cluster) => Promise<unknown>>> = {
  'get gameserversets.game.kruise.io': (port) => port.readSet(ref),
  'list gameserversets.game.kruise.io': (port) => follow(port.followSet(ref)),
  'watch gameserversets.game.kruise.io': (port) => follow(port.followSet(ref)),
  'patch gameserversets.game.kruise.io': (port) => port.patch(setTarget(ref), nothing),
  'get gameservers.game.kruise.io': (port) => port.listGameServers(ref, ['small-0']),
  'list gameservers.game.kruise.io': (port) => port.listGameServers(ref),
  'watch gameservers.game.kruise.io': (port) => follow(port.followGameServers(ref, ['small-0'])),
  'patch gameservers.game.kruise.io': (port) =>
    port.patch({ kind: 'GameServer', namespace: 'default', name: 'small-0' }, nothing),
  'get statefulsets.apps.kruise.io': (port) => port.readWorkload(ref),
  'list pods': (port) => port.listServers(ref),
  'watch pods': (port) => follow(port.followServers(ref, ['small-0'])),
  'get pods/exec': (port) => port.exec(command),
  'get pods/log': (port) => port.findInLog({ ...command, text: 'x' }),
};

/** The sentences that people read, with or without the release: the sentence of the plan, and the one of the call. */
function sentencesOf(right: GrantedRight): readonly [string, string] {
  return [
    `the worker may not ${rightText(right)} in namespace default: apply deploy/rbac.yaml, and bind its roles in that namespace as its head says`,
    `may not ${right.verb} ${right.resource} in namespace default as user ${HOTWAVE_ACCOUNT}: ask an administrator of the cluster for the permissions in deploy/rbac.yaml`,
  ];
}

/**
 * A release whose right is taken away at its gate, while somebody approves the next wave: it pauses; it tells at the
 * gate already, and goes on; or it goes on, because it has nothing to do just then that needs the right.
 */
const AT_A_GATE: Readonly<Record<string, 'pauses' | 'tells' | 'goes on'>> = {
  'get gameserversets.game.kruise.io': 'pauses',
  'list gameserversets.game.kruise.io': 'goes on',
  'watch gameserversets.game.kruise.io': 'tells',
  'patch gameserversets.game.kruise.io': 'pauses',
  'get gameservers.game.kruise.io': 'pauses',
  'list gameservers.game.kruise.io': 'pauses',
  'watch gameservers.game.kruise.io': 'pauses',
  'patch gameservers.game.kruise.io': 'pauses',
  'get statefulsets.apps.kruise.io': 'pauses',
  'list pods': 'pauses',
  'watch pods': 'pauses',
  'get pods/exec': 'pauses',
  'get pods/log': 'pauses',
};

describe('each right taken away once', () => {
  beforeAll(() => world.aSet('small', { reclaimPolicy: 'Delete' }));

  /** A release that needs them all. */
  const needy = (): ReleaseFile =>
    byLog(
      world.release(
        'small',
        'v2.0',
        '  strategy: targeted\n  target: { gameServerSet: small, servers: { servers: [0] } }',
      ),
    );

  /** A release that needs a right after its gate: GameServers are written by releases to chosen servers. */
  function gated(set: string, right: string): ReleaseFile {
    const chosen = `  strategy: targeted\n  target: { gameServerSet: ${set}, servers: { servers: [0-1] } }\n`;
    const strategy = right.includes('gameservers.') ? chosen : '';
    const file = world.release(set, 'v2.0', `${strategy}  waves: [1, rest]\n  gates: [ { before: 2 } ]`);
    return right === 'get pods/log' ? byLog(file) : file;
  }

  async function written(): Promise<readonly unknown[]> {
    const { api } = world.lab;
    const set = await api.get<KubernetesObject & { readonly spec: object }>(setPath('small'));
    const server = await api.get<GameServer>(serverPath('small-0'));
    return [set.spec, set.metadata.annotations, server.spec];
  }

  const demanded = grantedRights().filter((right) => ![WHEN_REFUSED, FOR_NOTICES].includes(rightText(right)));

  test.each(demanded.map((right) => [rightText(right), right] as const))('%s', async (name, right) => {
    const before = await written();
    const [planned, called] = sentencesOf(right);
    await without(right, { api: world.lab.api, cluster }, async () => {
      const result = await (await world.hotwave.start(needy())).result();
      expect(result).toMatchObject({ outcome: 'refused', reason: planned });
      const call = CALLS[name];
      if (name === NOT_BEFORE_135) expect(call).toBeUndefined();
      else
        await expect(call!(cluster)).rejects.toMatchObject({ reason: 'forbidden', retryable: false, message: called });
    });
    expect(await written()).toEqual(before);
  });

  test.each(Object.entries(AT_A_GATE))('%s, taken away at a gate: the release %s', async (name, does) => {
    const set = `gate-${Object.keys(AT_A_GATE).indexOf(name)}`;
    await world.aSet(set, { replicas: 2, reclaimPolicy: 'Delete' });
    const started = await world.hotwave.start(gated(set, name));
    await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const right = grantedRights().find((one) => rightText(one) === name)!;
    const [, sentence] = sentencesOf(right);
    await without(right, { api: world.lab.api, cluster }, async () => {
      const told = `edits of others are noticed only when the release writes: ${sentence}`;
      if (does === 'tells') await started.until('a warning', ({ warnings }) => warnings.includes(told));
      await started.decide({ verb: 'approve', wave: 2 });
      if (does !== 'pauses') return started.result();
      const { pausedBecause } = await started.until('a pause', ({ phase }) => phase === 'paused');
      expect(pausedBecause).toContain(sentence);
      return undefined;
    });
    if (does === 'pauses') await started.decide({ verb: 'resume' });
    expect(await started.result()).toMatchObject({ outcome: 'done', servers: 2 });
    expect(await world.versions(set)).toEqual(['v2.0', 'v2.0']);
  });

  test(`${FOR_NOTICES}: the release goes on, status says which role is missing, and its Events come later`, async () => {
    await world.aSet('told', { replicas: 2 });
    const started = await world.hotwave.start(
      world.release('told', 'v2.0', '  waves: [1, rest]\n  gates: [ { before: 2 } ]'),
    );
    await started.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await eventsWritten('told', 'Normal HotwaveGateOpened');
    const right = grantedRights().find((one) => rightText(one) === FOR_NOTICES)!;
    const sentence = `may not create events in namespace default as user ${HOTWAVE_ACCOUNT}: ask an administrator of the cluster to bind ClusterRole hotwave-events of deploy/rbac.yaml there`;
    await without(right, { api: world.lab.api, cluster }, async () => {
      const doctor = await hotwave('doctor');
      expect(doctor.code).toBe(1);
      expect(words(doctor.out)).toContain('the worker may not create events in namespace default');
      await started.decide({ verb: 'approve', wave: 2 });
      expect(await started.result()).toMatchObject({ outcome: 'done', servers: 2 });
      await until({ what: 'status to say so', deadlineMs: 60_000, everyMs: 500 }, async () =>
        words((await hotwave('status', 'told')).err).includes(sentence),
      );
    });
    await eventsWritten('told', 'Normal HotwaveDone');
    expect(await reasonsOf('told')).toEqual([
      'Normal HotwaveStarted',
      'Normal HotwaveGateOpened',
      'Normal HotwaveGateDecided',
      'Normal HotwaveDone',
    ]);
  });

  test('docs/permissions.md has each of them', () => {
    const text = readFileSync(new URL('../../docs/permissions.md', import.meta.url), 'utf8');
    for (const right of grantedRights()) expect(text).toContain(`| \`${rightText(right)}\``);
  });
});
