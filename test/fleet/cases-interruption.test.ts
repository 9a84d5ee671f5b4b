import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineStats } from '../lab/fleet-engine.ts';
import { fleetImage, podsOf, serverPath } from '../lab/game-server-sets.ts';
import type { GameServer, Pod } from '../lab/kubernetes-objects.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { PodRecorder } from '../lab/pod-observer.ts';
import { until } from '../lab/until.ts';
import { startWorkerProcess } from '../bench/worker-process.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import { CLUSTER, startRelease } from '../support/hotwave.ts';

// Cases A1 and A2, seen by a recorder of pods and by the simulated engines: neither is hotwave.

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const SERVERS = 48;
/** A worker that goes on by itself would have written within this time, and heard that it must not. */
const QUIET_MS = 6_000;

const choosingAll = (set: string, more = ''): string =>
  `  strategy: targeted\n  target: { gameServerSet: ${set}, servers: { servers: [0-${SERVERS - 1}] } }\n  waves: [rest]\n  ready: { timeout: 120s }\n${more}`;

async function statsOf(pod: Pod): Promise<EngineStats> {
  const answer = await fetch(`http://${pod.status!.podIP!}:${world.lab.enginePort!}/stats`);
  return (await answer.json()) as EngineStats;
}

/** How often each engine was told to reload. */
async function reloads(set: string): Promise<Record<string, number>> {
  const pods = await podsOf(world.lab.api, set);
  const counts = pods.map(async (pod) => [pod.metadata.name, (await statsOf(pod)).reloads.length] as const);
  return Object.fromEntries(await Promise.all(counts));
}

async function overrides(set: string): Promise<string[]> {
  const found = Array.from({ length: SERVERS }, async (_, ordinal) => {
    const { spec } = await world.lab.api.get<GameServer>(serverPath(`${set}-${ordinal}`));
    return spec.containers?.some(({ name, image }) => name === 'sidecar' && (image ?? '') !== '') === true
      ? [`${set}-${ordinal}`]
      : [];
  });
  return (await Promise.all(found)).flat();
}

const asked = ({ changes }: PodRecorder): number => changes.filter(({ where }) => where === 'spec').length;

/** Resolves when no pod was asked for another image, and no engine told to reload, for a while. */
async function quiet(set: string, recorder: PodRecorder): Promise<void> {
  let last = '';
  let since = performance.now();
  await until({ what: 'quiet', deadlineMs: 90_000, everyMs: 500 }, async () => {
    const now = JSON.stringify([asked(recorder), await reloads(set)]);
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since > QUIET_MS;
  });
}

// A1
test('a rollback while overrides are written leaves no chosen server on the new version, and nothing is written after its end', async () => {
  await world.aSet('torn', { replicas: SERVERS, reclaimPolicy: 'Delete' });
  const recorder = await world.record('torn');
  const release = await world.hotwave.start(world.release('torn', 'v2.0', choosingAll('torn', '  maxUnavailable: 4')));
  await until({ what: 'servers to move', deadlineMs: 60_000, everyMs: 5 }, () => asked(recorder) >= 1);
  await release.decide({ verb: 'rollback', actor: 'bob' });
  expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  const atEnd = asked(recorder);
  await quiet('torn', recorder);
  await recorder.stop();
  expect(asked(recorder)).toBe(atEnd);
  expect(await overrides('torn')).toEqual([]);
  expect(await world.versions('torn')).toEqual(Array(SERVERS).fill('v1.0'));
});

// A1
// OKG gives a pod the image of its GameServer a moment later: what hotwave writes is the GameServer.
test('a release that says it is paused writes to no GameServer any more, and tells no engine', async () => {
  await world.aSet('still', { replicas: SERVERS, reclaimPolicy: 'Delete' });
  const recorder = await world.record('still');
  const file = world.release('still', 'v2.0', choosingAll('still', '  maxUnavailable: 8'));
  const release = await world.hotwave.start(file);
  await until({ what: 'servers to move', deadlineMs: 60_000, everyMs: 5 }, () => asked(recorder) >= 8);
  await release.decide({ verb: 'pause', actor: 'bob' });
  await release.until('the pause', ({ phase, pausedBecause }) => phase === 'paused' && pausedBecause !== undefined);
  const paused = [await overrides('still'), await reloads('still')];
  await quiet('still', recorder);
  expect([await overrides('still'), await reloads('still')]).toEqual(paused);
  await release.decide({ verb: 'resume' });
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  await recorder.stop();
  expect(Object.values(await reloads('still'))).toEqual(Array(SERVERS).fill(1));
});

// A2
test.each([
  ['overrides are written', 'moved'],
  ['engines are told to reload', 'told'],
] as const)(
  'a worker that was stopped while %s, and wakes up when another has taken over, does nothing any more',
  { timeout: 240_000 },
  async (_, moment) => {
    const set = `woken-${moment}`;
    await world.aSet(set, { replicas: SERVERS, reclaimPolicy: 'Delete' });
    const recorder = await world.record(set);
    await world.withoutWorker(async (client) => {
      const sleeper = await startWorkerProcess(world.lab, CLUSTER);
      const more = moment === 'moved' ? '  maxUnavailable: 8' : '  concurrency: { total: 40, perNode: 40 }';
      const file = world.release(set, 'v2.0', choosingAll(set, more));
      const release = await startRelease(client, { cluster: CLUSTER, file, requester: 'ann' });
      const told = async (): Promise<number> => Object.values(await reloads(set)).filter((count) => count > 0).length;
      await until({ what: 'the moment', deadlineMs: 60_000, everyMs: 5 }, async () =>
        moment === 'moved' ? asked(recorder) >= 8 : (await told()) >= 1,
      );
      process.kill(sleeper.pid, 'SIGSTOP');
      const other = await startWorkerProcess(world.lab, CLUSTER);
      const isOver = async (): Promise<boolean> => (await release.state()).endedAt !== undefined;
      await until({ what: 'the release to end', deadlineMs: 150_000, everyMs: 500 }, isOver);
      expect((await release.state()).phase).toBe('done');
      const atEnd = [asked(recorder), await reloads(set)];
      process.kill(sleeper.pid, 'SIGCONT');
      await quiet(set, recorder);
      expect([asked(recorder), await reloads(set)]).toEqual(atEnd);
      await Promise.all([sleeper.stop(), other.stop()]);
    });
    await recorder.stop();
    expect(await world.versions(set)).toEqual(Array(SERVERS).fill('v2.0'));
    // The one that was told when the worker stopped may not have been known to the next.
    expect(Object.values(await reloads(set)).filter((count) => count > 1)).toEqual([]);
    expect((await podsOf(world.lab.api, set)).map((pod) => containerStatus(pod, 'sidecar')!.image)).toEqual(
      Array(SERVERS).fill(fleetImage('v2.0')),
    );
  },
);
