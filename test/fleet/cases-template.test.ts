import { afterAll, beforeAll, expect, test } from 'vitest';
import { fleetImage, mainContainer, podsOf, setImage, setPath, sidecarContainer } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { PodRecorder } from '../lab/pod-observer.ts';
import { until } from '../lab/until.ts';
import { carriedToItsEnd, asks, isOver } from '../support/carry.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import type { StartedRelease } from '../support/hotwave.ts';

// Cases A4, A12, B1 and B3, seen by a recorder of pods and by the simulated engines: neither is hotwave.

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const SERVERS = 5;
const NEXT_ENGINE = 'registry.example/2048:v1.1';

async function atGate(set: string): Promise<StartedRelease> {
  const file = world.release(set, 'v2.0', '  waves: [1, rest]\n  gates: [ { before: 2 } ]');
  const release = await world.hotwave.start(file);
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  return release;
}

/** Somebody gives the main container another image in the template. */
async function stageEngine(set: string): Promise<void> {
  const { containers } = (await world.lab.api.get<GameServerSet>(setPath(set))).spec.gameServerTemplate.spec;
  const changed = containers.map((one) => (one.name === mainContainer ? { ...one, image: NEXT_ENGINE } : one));
  await world.lab.api.patch(setPath(set), { spec: { gameServerTemplate: { spec: { containers: changed } } } });
}

/** The pods whose main container was given another image. */
const enginesMoved = ({ changes }: PodRecorder): string[] =>
  changes.flatMap(({ pod, container, where }) => (container === mainContainer && where === 'spec' ? [pod] : []));

const mainRestarts = async (set: string): Promise<number[]> =>
  (await podsOf(world.lab.api, set)).map((pod) => containerStatus(pod, mainContainer)!.restartCount);

async function loaded(set: string): Promise<string[]> {
  return Promise.all((await podsOf(world.lab.api, set)).map((pod) => world.loaded(pod)));
}

const podNamed = (name: string): Promise<Pod> => world.lab.api.get<Pod>(`/api/v1/namespaces/default/pods/${name}`);

async function onImage(name: string, tag: string): Promise<Pod> {
  return until({ what: `${tag} on ${name}`, deadlineMs: 60_000 }, async () => {
    const pod = await podNamed(name);
    return containerStatus(pod, sidecarContainer)!.image === fleetImage(tag) && hasCondition(pod, 'Ready') && pod;
  });
}

/** A person makes an engine reload by hand. */
async function reloadByHand(pod: Pod): Promise<void> {
  await fetch(`http://${pod.status!.podIP!}:${world.lab.enginePort!}/reload`, { method: 'POST' });
}

// A12
test('another image of the main container that waits in the template is given to nobody by a rollback', async () => {
  const rollingUpdate = { podUpdatePolicy: 'InPlaceIfPossible', partition: SERVERS, maxUnavailable: '100%' };
  await world.aSet('staged', { replicas: SERVERS, updateStrategy: { type: 'RollingUpdate', rollingUpdate } });
  const recorder = await world.record('staged');
  await stageEngine('staged');
  const file = world.release('staged', 'v2.0', '  waves: [1, rest]\n  gates: [ { before: 2 } ]');
  const release = await world.hotwave.start(file);
  const state = await release.until('a question or the end', (now) => asks(now) || isOver(now));
  if (!isOver(state)) {
    await release.decide({ verb: 'rollback', actor: 'bob' });
    const after = await release.until('a question or the end', (now) => isOver(now) || now.phase === 'paused');
    if (!isOver(after)) await release.decide({ verb: 'cancel', then: 'hold' });
  }
  await release.result();
  await until({ what: 'all to be Ready', deadlineMs: 60_000 }, async () =>
    (await podsOf(world.lab.api, 'staged')).every((pod) => hasCondition(pod, 'Ready')),
  );
  await recorder.stop();
  expect(enginesMoved(recorder)).toEqual([]);
  expect(await mainRestarts('staged')).toEqual(Array(SERVERS).fill(0));
});

// A12
test('another image of the main container, written into the template at a gate, restarts no engine beyond the open wave', async () => {
  await world.aSet('edited', { replicas: SERVERS });
  const recorder = await world.record('edited');
  const release = await atGate('edited');
  await stageEngine('edited');
  await release.decide({ verb: 'rollback', actor: 'bob' });
  const state = await release.until('a question or the end', (now) => isOver(now) || now.phase === 'paused');
  if (!isOver(state)) await release.decide({ verb: 'cancel', then: 'hold' });
  await release.result();
  await until({ what: 'all to be Ready', deadlineMs: 60_000 }, async () =>
    (await podsOf(world.lab.api, 'edited')).every((pod) => hasCondition(pod, 'Ready')),
  );
  await recorder.stop();
  expect(enginesMoved(recorder).filter((name) => name !== `edited-${SERVERS - 1}`)).toEqual([]);
});

// A4
test('a proof is made again after a foreign edit has moved its server, and the release has won over it', async () => {
  await world.aSet('proved', { replicas: SERVERS });
  const release = await atGate('proved');
  const first = `proved-${SERVERS - 1}`;
  await setImage(world.lab.api, 'proved', fleetImage('v3.0'));
  await reloadByHand(await onImage(first, 'v3.0'));
  await release.until('the pause', ({ foreignEdit }) => foreignEdit !== undefined);
  await release.decide({ verb: 'resume', wins: 'release' });
  await carriedToItsEnd(release);
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  expect(await loaded('proved')).toEqual(Array(SERVERS).fill('v2.0'));
});

// B1
test('an engine that crashes at a gate is accepted by resume, its server proves again, and the release is done', async () => {
  await world.aSet('crashed', { replicas: SERVERS });
  const release = await atGate('crashed');
  const first = `crashed-${SERVERS - 1}`;
  const pod = await podNamed(first);
  const index = pod.status!.containerStatuses!.findIndex(({ name }) => name === mainContainer);
  const status = `/status/containerStatuses/${index}`;
  const ended = [
    { op: 'test', path: `${status}/name`, value: mainContainer },
    { op: 'replace', path: `${status}/ready`, value: false },
    { op: 'replace', path: `${status}/state`, value: { waiting: { reason: 'CrashLoopBackOff' } } },
  ];
  await world.lab.api.patch(`/api/v1/namespaces/default/pods/${first}/status`, ended, 'json');
  await until({ what: 'the engine to run again', deadlineMs: 60_000 }, async () => {
    const now = await podNamed(first);
    return containerStatus(now, mainContainer)!.restartCount > 0 && hasCondition(now, 'Ready');
  });
  const reasons = await carriedToItsEnd(release);
  expect(reasons.join()).toContain(first);
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  expect(await loaded('crashed')).toEqual(Array(SERVERS).fill('v2.0'));
  expect(await mainRestarts('crashed')).toEqual([0, 0, 0, 0, 1]);
});

// B3
test('a rollback has a way after a GitOps controller has applied the whole original set at a gate', async () => {
  await world.aSet('applied', { replicas: SERVERS });
  const original = (await world.lab.api.get<GameServerSet>(setPath('applied'))).spec;
  const release = await atGate('applied');
  const { updateStrategy, gameServerTemplate } = original;
  const containers = gameServerTemplate.spec.containers;
  await world.lab.api.patch(setPath('applied'), { spec: { updateStrategy: null } });
  await world.lab.api.patch(setPath('applied'), {
    spec: { updateStrategy, gameServerTemplate: { spec: { containers } } },
  });
  await release.until('the pause', ({ foreignEdit }) => foreignEdit !== undefined);
  await release.decide({ verb: 'rollback', actor: 'bob' });
  await carriedToItsEnd(release);
  expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  expect(await world.versions('applied')).toEqual(Array(SERVERS).fill('v1.0'));
  expect((await world.lab.api.get<GameServerSet>(setPath('applied'))).spec.updateStrategy).toEqual(updateStrategy);
});
