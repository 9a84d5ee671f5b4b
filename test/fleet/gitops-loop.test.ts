import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import { planReleaseActivity } from '../../activities/preflight/preflight.ts';
import { kubernetesCluster } from '../../cluster/kubernetes.ts';
import { readFailedVersions } from '../../release/record/failed-versions.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { startLoop } from '../lab/apply-loop.ts';
import type { Loop, RunningLoop } from '../lab/apply-loop.ts';
import { fleetImage, gameServerSet, podsOf, setPath } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { inActivity } from '../support/activity-context.ts';
import { asks, isOver } from '../support/carry.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import type { StartedRelease } from '../support/hotwave.ts';

// Another field manager applies the whole set every five seconds, on a real API server with OpenKruise and OpenKruiseGame.

vi.setConfig({ testTimeout: 180_000 });

let world: FleetWorld;
const loops: RunningLoop[] = [];

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(async () => {
  await Promise.allSettled(loops.map((running) => running.stop()));
  await world.stop();
});

const SERVERS = 5;
const ARGO = 'argocd-controller';
const STRATEGY = {
  type: 'RollingUpdate',
  rollingUpdate: { podUpdatePolicy: 'InPlaceIfPossible', partition: 0, maxUnavailable: '100%' },
};

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isStuck = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const isEdited = (state: ReleaseState): boolean =>
  isStuck(state) && state.foreignEdit !== undefined && state.foreignEdit.wins === undefined;

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: object;
  readonly spec: { updateStrategy?: object };
}

/** The set as it stands in Git. */
function manifestOf(name: string, tag = 'v1.0'): Manifest {
  const options = { name, replicas: SERVERS, nodeName: world.lab.nodeName, sidecarImage: fleetImage(tag) };
  return gameServerSet(options) as Manifest;
}

function loop(name: string, wishes: Partial<Loop> = {}): RunningLoop {
  const manifest = manifestOf(name);
  const running = startLoop(world.lab.api, { manager: ARGO, path: setPath(name), body: () => manifest, ...wishes });
  loops.push(running);
  return running;
}

/** So many rounds later, whatever happens in them. */
async function rounds(running: RunningLoop, count: number): Promise<void> {
  const before = running.rounds();
  await until({ what: `${count} rounds`, deadlineMs: 60_000, everyMs: 100 }, () => running.rounds() >= before + count);
}

async function started(name: string, more: string): Promise<StartedRelease> {
  await world.aSet(name, { replicas: SERVERS });
  return await world.hotwave.start(world.release(name, 'v2.0', more));
}

const GATED = '  waves: [1, rest]\n  gates: [ { before: 2 } ]';

async function atItsGate(name: string): Promise<StartedRelease> {
  const release = await started(name, GATED);
  await release.until('the gate', atGate);
  return release;
}

const setOf = (name: string): Promise<GameServerSet> => world.lab.api.get<GameServerSet>(setPath(name));

/** The tag that each sidecar runs, once all of them are Ready. */
async function tagsOf(name: string): Promise<string[]> {
  const pods = await podsOf(world.lab.api, name);
  return pods.map((pod) => {
    const image = containerStatus(pod, 'sidecar')!.image.replace(fleetImage(''), '');
    return hasCondition(pod, 'Ready') ? image : `${image} (not Ready)`;
  });
}

async function settledOn(name: string, tag: string): Promise<void> {
  await until({ what: `${name} to settle on ${tag}`, deadlineMs: 60_000, everyMs: 200 }, async () => {
    const tags = await tagsOf(name);
    return tags.length === SERVERS && tags.every((one) => one === tag);
  });
}

describe('a manager that applies the set as it was, every five seconds', () => {
  test('through a whole release: it stands still, asks again each time it is written back, and ends when the edit wins', async () => {
    const name = 'whole';
    await world.aSet(name, { replicas: SERVERS });
    const argo = loop(name);
    await rounds(argo, 1);
    const release = await world.hotwave.start(world.release(name, 'v2.0', '  waves: [1, rest]\n  bake: 8s'));
    const first = await release.until('the pause', isEdited);
    expect(first.pausedBecause).toMatch(/^argocd-controller changed .* of whole from .*v2\.0" to ".*v1\.0"/);
    expect(first.pausedBecause).toContain('argocd-controller applies it from Git again and again: make peace with it');
    await release.idle('the pause', isEdited);
    const { spec } = await setOf(name);
    await rounds(argo, 2);
    expect((await setOf(name)).spec).toEqual(spec);
    expect(await release.state()).toMatchObject({ phase: 'paused', pausedBecause: first.pausedBecause });

    for (const often of ['', ', 2 times now']) {
      expect(await release.decide({ verb: 'resume', wins: 'release' })).toMatchObject({ accepted: true });
      await release.until('the write', (state) => !isEdited(state));
      const { pausedBecause } = await release.until('the next question', isEdited);
      expect(pausedBecause).toContain(
        `${ARGO} has written that back after the release had written it over${often}, and will again: make peace with it`,
      );
    }
    expect(await release.decide({ verb: 'resume', wins: 'edit' })).toMatchObject({ accepted: true });
    const result = await release.result();
    expect(result).toMatchObject({ outcome: 'cancelled', restartsOfMainContainers: 0, recreatedPods: 0 });
    expect(result.reason).toMatch(/the edit stays$/);
    await settledOn(name, 'v1.0');
    await argo.stop();
    expect((await setOf(name)).spec.updateStrategy).toEqual(STRATEGY);
  });

  test('while a person has paused: the set is not left paused when the edit wins', async () => {
    const name = 'paused';
    const release = await atItsGate(name);
    await release.decide({ verb: 'pause', reason: 'lunch' });
    await release.idle('the pause', isStuck);
    expect((await setOf(name)).spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    const argo = loop(name);
    await release.idle('the news', isEdited);
    // A field that a manifest does not mention stays.
    expect((await setOf(name)).spec.updateStrategy).toMatchObject({ rollingUpdate: { partition: 0, paused: true } });
    await release.decide({ verb: 'resume', wins: 'edit' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    await settledOn(name, 'v1.0');
    await argo.stop();
    expect((await setOf(name)).spec.updateStrategy).toEqual(STRATEGY);
  });

  test('agrees with a rollback, which ends whole', async () => {
    const name = 'agrees';
    const release = await atItsGate(name);
    const argo = loop(name);
    await release.until('the pause', isEdited);
    await release.decide({ verb: 'rollback' });
    const end = await release.until('the end or a question', (state) => isOver(state) || isStuck(state));
    expect(end.pausedBecause).toBeUndefined();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back', recreatedPods: 0 });
    expect(await world.versions(name)).toEqual(Array(SERVERS).fill('v1.0'));
    await argo.stop();
    const { spec, metadata } = await setOf(name);
    expect(spec.updateStrategy).toEqual(STRATEGY);
    expect(readFailedVersions(metadata.annotations).versions).toEqual([]);
    expect(end.warnings.join()).not.toContain(ARGO);
  });
});

describe('a manager that applies the new image, every five seconds', () => {
  test('with the strategy of Git: a rollback says what the pods show, whom they obey, and ends whole without it', async () => {
    const name = 'disagrees';
    const release = await atItsGate(name);
    const manifest = manifestOf(name, 'v2.0');
    const argo = loop(name, { body: () => manifest });
    await release.until('the pause', isEdited);
    await release.decide({ verb: 'rollback' });
    const told = await release.until('a question or the end', (state) => isStuck(state) || isOver(state));
    process.stderr.write(`fleet: rollback against the new image: ${told.pausedBecause ?? told.reason}\n`);
    if (isOver(told)) {
      // It came between two rounds: then the pods were back, and whoever reads it is warned.
      expect(told.warnings.join()).toContain(`${ARGO} asked for ${fleetImage('v2.0')}`);
      await argo.stop();
      return;
    }
    expect(told.pausedBecause).toMatch(/^the rollback is incomplete: .*argocd-controller changed .*v2\.0"/);
    await settledOn(name, 'v2.0');
    await argo.stop();
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back', recreatedPods: 0 });
    expect(await world.versions(name)).toEqual(Array(SERVERS).fill('v1.0'));
    expect((await setOf(name)).spec.updateStrategy).toEqual(STRATEGY);
  });
});

const ANNOTATIONS = ['release', 'last-release', 'fence', 'stable', 'failed-versions'].map(
  (key) => `hotwave.dev/${key}`,
);

describe('what does not collide is survived without a question:', () => {
  /** Through a gate, a pause and a bake, while the loop runs. */
  async function carried(
    name: string,
    wishes: Partial<Loop>,
  ): Promise<{ release: StartedRelease; state: ReleaseState }> {
    const release = await started(name, `${GATED}\n  bake: 6s`);
    await release.until('the gate', atGate);
    const running = loop(name, wishes);
    await rounds(running, 1);
    await release.decide({ verb: 'pause', reason: 'lunch' });
    await release.idle('the pause', isStuck);
    await rounds(running, 1);
    await release.decide({ verb: 'resume' });
    await release.until('the gate', atGate);
    await release.decide({ verb: 'approve', wave: 2 });
    const state = await release.until('a question or the end', (now) => asks(now) || isOver(now));
    await running.stop();
    return { release, state };
  }

  test.each<[string, string, () => Partial<Loop>]>([
    [
      'labels and replicas',
      'labels',
      () => {
        const { apiVersion, kind } = manifestOf('labels');
        const metadata = { name: 'labels', labels: { team: 'arena' } };
        return { body: () => ({ apiVersion, kind, metadata, spec: { replicas: SERVERS } }) };
      },
    ],
    [
      'the new image itself, in the whole set without its strategy',
      'together',
      () => {
        const { spec, ...rest } = manifestOf('together', 'v2.0');
        const { updateStrategy: _theirs, ...others } = spec;
        return { body: () => ({ ...rest, spec: others }) };
      },
    ],
    [
      "hotwave's annotations, taken away",
      'stripped',
      () => {
        const annotations = Object.fromEntries(ANNOTATIONS.map((key) => [key, null]));
        return { by: 'merge', body: () => ({ metadata: { annotations } }), everyMs: 1_000 };
      },
    ],
  ])('%s', async (_what, name, wishes) => {
    const { release, state } = await carried(name, wishes());
    expect(state.pausedBecause).toBeUndefined();
    expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0, recreatedPods: 0 });
    expect(await world.versions(name)).toEqual(Array(SERVERS).fill('v2.0'));
    expect((await setOf(name)).spec.updateStrategy).toEqual(STRATEGY);
  });

  test('another number of servers, from an autoscaler', async () => {
    const name = 'scaled';
    const release = await atItsGate(name);
    const body = (round: number): object => ({ spec: { replicas: SERVERS + (round % 3) } });
    const keda = loop(name, { manager: 'keda-operator', by: 'merge', body });
    await rounds(keda, 2);
    await release.decide({ verb: 'approve', wave: 2 });
    const state = await release.until('a question or the end', (now) => asks(now) || isOver(now), 120_000);
    await keda.stop();
    expect(state.pausedBecause).toBeUndefined();
    expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
  });
});

test('kubectl apply without --server-side, run by somebody every five seconds, is named as well', async () => {
  const name = 'client-side';
  const release = await atItsGate(name);
  const { metadata, ...rest } = manifestOf(name);
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ metadata, ...rest }) };
  const body = (): object => ({ metadata: { annotations }, spec: rest.spec });
  const kubectl = loop(name, { manager: 'kubectl-client-side-apply', by: 'merge', body });
  const first = await release.until('the pause', isEdited);
  expect(first.pausedBecause).toMatch(/^kubectl-client-side-apply changed .* to ".*v1\.0".*updateStrategy/);
  await release.decide({ verb: 'resume', wins: 'release' });
  await release.until('the write', (state) => !isEdited(state));
  const { pausedBecause } = await release.until('the next question', isEdited);
  expect(pausedBecause).toContain(
    'kubectl-client-side-apply has written that back after the release had written it over',
  );
  expect(pausedBecause).toContain(': stop it before resume --wins release');
  await release.decide({ verb: 'rollback' });
  expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  expect(await world.versions(name)).toEqual(Array(SERVERS).fill('v1.0'));
  await kubectl.stop();
});

test('the plan names the manager and the settings that make peace', async () => {
  const name = 'planned';
  await world.aSet(name, { replicas: 2 });
  const body = { ...manifestOf(name), metadata: { name, labels: { 'argocd.argoproj.io/instance': 'arena' } } };
  const argo = loop(name, { body: () => ({ ...body, spec: { ...body.spec, replicas: 2 } }) });
  await rounds(argo, 1);
  await argo.stop();
  const cluster = kubernetesCluster({ path: world.lab.kubeconfigOf('hotwave') });
  const around = { cluster, metrics: undefined, calendar: undefined, releases: NO_RELEASES };
  const { result } = await inActivity(() => planReleaseActivity(around)({ file: world.release(name, 'v2.0') }));
  await cluster.close();
  const { lines } = result;
  const owners = lines.find(({ title }) => title === 'foreign owners');
  expect(owners?.status).toBe('warning');
  expect(owners?.detail).toMatch(
    /^Argo CD, Application arena applies planned \(argocd-controller\) and may write back .* in Application arena spec\.ignoreDifferences: \[\{ group: game\.kruise\.io, kind: GameServerSet, name: planned, managedFieldsManagers: \[hotwave\] \}\] and RespectIgnoreDifferences=true/,
  );
});
