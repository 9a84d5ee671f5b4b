import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';
import { fleetImage, podsOf, setPath } from '../lab/game-server-sets.ts';
import type { SetOptions } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import { until } from '../lab/until.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import type { StartedRelease } from '../support/hotwave.ts';

// Every way in which a set gets stuck, on the real controllers, and out of it with one command.

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const SERVERS = 4;
/** How long one command may take: the old image swaps in well under a second, the rest is controllers and proofs. */
const WELL_UNDER_MS = 45_000;

/** A release that somebody has looked at for long enough. */
interface Stuck {
  readonly name: string;
  readonly tag: string;
  readonly more?: string;
  readonly set?: Partial<SetOptions>;
  /** The state in which the person decides. */
  readonly isStuck: (state: ReleaseState) => boolean;
  /** A state of at least one pod that must be seen before. */
  readonly isWedged: (pod: Pod) => boolean;
}

const waitingFor =
  (reason: string): Stuck['isWedged'] =>
  (pod) =>
    containerStatus(pod, 'sidecar')?.state?.waiting?.reason === reason;
const hasNewImageUnready: Stuck['isWedged'] = (pod) =>
  containerStatus(pod, 'sidecar')?.image !== fleetImage('v1.0') && !hasCondition(pod, 'Ready');
const isHooked: Stuck['isWedged'] = ({ metadata }) =>
  metadata.labels?.['lifecycle.apps.kruise.io/state'] === 'PreparingUpdate';

const WAITING = '  waves: [2, rest]\n  onFailure: { then: pause }\n  ready: { timeout: 5m }';
const HOOK = 'example.com/players-may-go-on';
const waitsForReady = ({ phase, wait }: ReleaseState): boolean =>
  phase === 'updating' && wait !== undefined && wait.for.includes('Ready');
const isPaused = ({ phase }: ReleaseState): boolean => phase === 'paused';

const CASES: readonly Stuck[] = [
  {
    name: 'pull-error',
    tag: 'v2.0-badpull',
    more: WAITING,
    isStuck: isPaused,
    isWedged: waitingFor('ImagePullBackOff'),
  },
  { name: 'crash-loop', tag: 'v2.0-crash', more: WAITING, isStuck: isPaused, isWedged: waitingFor('CrashLoopBackOff') },
  { name: 'never-ready', tag: 'v2.0-neverready', more: WAITING, isStuck: waitsForReady, isWedged: hasNewImageUnready },
  {
    name: 'unready-pods-eat-max-unavailable',
    tag: 'v2.0-neverready',
    more: `${WAITING}\n  maxUnavailable: 1`,
    isStuck: waitsForReady,
    isWedged: hasNewImageUnready,
  },
  {
    name: 'hook-hangs',
    tag: 'v2.0',
    more: WAITING,
    set: {
      podLabels: { [HOOK]: 'true' },
      spec: { lifecycle: { inPlaceUpdate: { labelsHandler: { [HOOK]: 'true' } } } },
    },
    isStuck: waitsForReady,
    isWedged: isHooked,
  },
];

async function stuck({ name, tag, more = '', set = {}, isStuck, isWedged }: Stuck): Promise<StartedRelease> {
  await world.aSet(name, { replicas: SERVERS, ...set });
  const release = await world.hotwave.start(world.release(name, tag, more));
  await release.until('it is stuck', isStuck);
  await until({ what: 'a pod to be stuck', deadlineMs: 60_000 }, async () =>
    (await podsOf(world.lab.api, name)).some(isWedged),
  );
  return release;
}

/** One command, and how long it then takes until every server proves the old version. */
async function rollBack(name: string, release: StartedRelease): Promise<number> {
  const started = performance.now();
  expect(await release.decide({ verb: 'rollback', reason: 'stuck' })).toMatchObject({ accepted: true });
  expect(await release.result()).toMatchObject({
    outcome: 'rolled-back',
    recreatedPods: 0,
    restartsOfMainContainers: 0,
  });
  const milliseconds = performance.now() - started;
  expect(await world.versions(name)).toEqual(Array(SERVERS).fill('v1.0'));
  process.stdout.write(`un-wedged ${name} in ${(milliseconds / 1000).toFixed(1)} s\n`);
  return milliseconds;
}

test.for(CASES)('$name: one command brings every server back', { timeout: 180_000 }, async (kind) => {
  const release = await stuck(kind);
  expect(await rollBack(kind.name, release)).toBeLessThan(WELL_UNDER_MS);
});

test('a person who paused a release that is stuck rolls it back from there', { timeout: 180_000 }, async () => {
  const release = await stuck({
    name: 'paused-stuck',
    tag: 'v2.0-neverready',
    more: WAITING,
    isStuck: waitsForReady,
    isWedged: hasNewImageUnready,
  });
  await release.decide({ verb: 'pause', reason: 'looking' });
  await release.until('the pause', isPaused);
  expect(await rollBack('paused-stuck', release)).toBeLessThan(WELL_UNDER_MS);
});

test('a rollback that is asked for while no worker runs is done by the next one', { timeout: 180_000 }, async () => {
  const release = await stuck({
    name: 'no-worker',
    tag: 'v2.0-neverready',
    more: WAITING,
    isStuck: waitsForReady,
    isWedged: hasNewImageUnready,
  });
  const { workflowId } = release.handle;
  await world.withoutWorker(async (client) => {
    await client.workflow.getHandle(workflowId).signal<[DecisionMessage]>(MESSAGES.decideSignal, {
      id: 'while-nobody-worked',
      verb: 'rollback',
      release: 'no-worker-v2-0-neverready',
      actor: 'bob',
    });
  });
  const started = performance.now();
  const result = world.hotwave.client.workflow.getHandle(workflowId).result();
  expect(await result).toMatchObject({ outcome: 'rolled-back', recreatedPods: 0 });
  process.stdout.write(`un-wedged no-worker in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  expect(await world.versions('no-worker')).toEqual(Array(SERVERS).fill('v1.0'));
});

test.each(['kruise', 'kruise-game'] as const)(
  'a rollback that is asked for while %s is dead ends well once it is back',
  async (controller) => {
    const name = `without-${controller}`;
    const release = await stuck({
      name,
      tag: 'v2.0-neverready',
      more: WAITING,
      isStuck: waitsForReady,
      isWedged: hasNewImageUnready,
    });
    await world.lab.stopProgram(controller);
    expect(await release.decide({ verb: 'rollback', reason: 'stuck' })).toMatchObject({ accepted: true });
    await release.until('the rollback to begin', ({ phase }) => phase === 'rolling-back');
    await world.lab.startProgram(controller);
    const started = performance.now();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back', recreatedPods: 0 });
    process.stdout.write(`un-wedged ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    expect(await world.versions(name)).toEqual(Array(SERVERS).fill('v1.0'));
  },
  180_000,
);

test(
  'a set whose PodProbeMarker lags, so that nothing written is followed, is rolled back once it catches up',
  { timeout: 180_000 },
  async () => {
    const name = 'marker-lags';
    await world.aSet(name, { replicas: SERVERS });
    // Kruise notes on a marker that it has seen it; OpenKruiseGame goes no further before that.
    await world.lab.stopProgram('kruise');
    await world.lab.api.patch(setPath(name), { spec: { serviceQualities: [QUALITY] } });
    await until({ what: 'the marker', deadlineMs: 60_000 }, () => world.lab.api.get(markerPath(name)));
    const release = await world.hotwave.start(world.release(name, 'v2.0', WAITING));
    const { wait } = await release.until('the wait for the controllers', isUnaccepted);
    expect(wait!.until).toBeGreaterThan(Date.now());
    expect(await release.decide({ verb: 'rollback', reason: 'stuck' })).toMatchObject({ accepted: true });
    await world.lab.startProgram('kruise');
    const started = performance.now();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back', recreatedPods: 0 });
    process.stdout.write(`un-wedged ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    expect(await world.versions(name)).toEqual(Array(SERVERS).fill('v1.0'));
  },
);

const QUALITY = {
  name: 'healthy',
  containerName: 'app-2048',
  permanent: false,
  exec: { command: ['true'] },
  serviceQualityAction: [],
};

const markerPath = (name: string): string => `/apis/apps.kruise.io/v1alpha1/namespaces/default/podprobemarkers/${name}`;

/** The image is written, and nobody has taken it up. */
const isUnaccepted = ({ phase, wait }: ReleaseState): boolean =>
  phase === 'updating' && wait !== undefined && /Kruise/.test(wait.owner) && /no server may move yet/.test(wait.for);
