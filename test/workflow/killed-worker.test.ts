import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { NEW_IMAGE, OLD_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import type { WhichCalls } from '../support/cluster-calls.ts';
import { eachServer, movedTo, reloads, setWrites } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { startKillableWorkers } from '../support/killable-workers.ts';
import { aRelease, aTargetedRelease, connect, emptyStage, test as stageTest } from '../support/stage.ts';
import type { Connections, RunningWorker, Stage } from '../support/stage.ts';

/** The middle of every step: a call that never comes back, with its effect (after) or without (before). */
const FORWARD: readonly WhichCalls[] = [
  { activity: 'planRelease', operation: 'listServers', when: 'before' },
  { activity: 'changePriorities', operation: 'patch', when: 'after' },
  { activity: 'stageTemplate', operation: 'patch', when: 'before' },
  { activity: 'stageTemplate', operation: 'patch', when: 'after' },
  { activity: 'openWave', operation: 'patch', when: 'before' },
  { activity: 'openWave', operation: 'patch', when: 'after' },
  { activity: 'awaitReady', operation: 'listServers', when: 'before', skip: 1 },
  { activity: 'checkServers', operation: 'httpGet', when: 'before' },
  { activity: 'reloadServers', operation: 'exec', when: 'before', skip: 1 },
  { activity: 'reloadServers', operation: 'exec', when: 'after', skip: 1 },
  { activity: 'bakeWave', operation: 'httpGet', when: 'before' },
  { activity: 'lookAtFleet', operation: 'listServers', when: 'before' },
  { activity: 'restoreSet', operation: 'patch', when: 'after' },
];
const BACKWARD: readonly WhichCalls[] = [
  { activity: 'rollbackSnapshot', operation: 'listServers', when: 'before' },
  { activity: 'rollBackSet', operation: 'patch', when: 'after' },
];

const TARGETED: readonly WhichCalls[] = [
  { activity: 'overrideServers', operation: 'patch', when: 'before' },
  { activity: 'overrideServers', operation: 'patch', when: 'after' },
  { activity: 'recordRelease', operation: 'patch', when: 'after' },
];

interface Scene {
  readonly stage: Stage;
  readonly release: StartedRelease;
}

/** A killed worker is missed after 20 s; servers must not be late by then. */
const ready = { timeout: '90s' };
const named = { ready, waves: [{ name: 'first', servers: [3, 4] }, 'rest'], bake: '100ms' };

function expectDoneOnce({ cluster }: Stage): void {
  expect(reloads(cluster)).toEqual(eachServer(cluster, 1));
  expect(movedTo(cluster, NEW_IMAGE).toSorted()).toEqual([...cluster.set().servers.keys()].toSorted());
  expect(setWrites(cluster).filter(({ outcome }) => outcome === 'applied')).toHaveLength(4);
  expect(cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  expect([...cluster.set().gameServers.values()].map(({ spec }) => spec.updatePriority)).toEqual(Array(10).fill(0));
}

describe('a worker that is killed', () => {
  const scenes = new Map<WhichCalls, Scene>();
  const workers: RunningWorker[] = [];
  let connections: Connections;

  /** One process with a worker for each scene: all are stopped in the middle of their step, then it is killed. */
  beforeAll(async () => {
    connections = await connect();
    const points = [...FORWARD, ...BACKWARD, ...TARGETED];
    const stages = points.map(() => emptyStage(connections, {}));
    const killable = await startKillableWorkers(stages, {
      address: inject('temporalAddress'),
      bundlePath: inject('bundlePath'),
    });
    await Promise.all(
      points.map(async (point, index) => {
        const stage = stages[index]!;
        const held = stage.calls.hold(point);
        const image = BACKWARD.includes(point) ? `${NEW_IMAGE}-stale` : NEW_IMAGE;
        const file = TARGETED.includes(point) ? aTargetedRelease({ ready }) : aRelease({ ...named, image });
        scenes.set(point, { stage, release: await stage.start(file) });
        await held.reached;
      }),
    );
    await killable.kill();
    for (const stage of stages) workers.push(await stage.startWorker());
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.shutDown()));
    await connections.close();
  });

  test.for(FORWARD)(
    'in the middle of $activity ($when its effect) leaves nothing undone and nothing done twice',
    async (point) => {
      const { stage, release } = scenes.get(point)!;
      expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
      expectDoneOnce(stage);
    },
  );

  test.for(BACKWARD)(
    'in the middle of $activity ($when its effect) leaves no server on the bad version',
    async (point) => {
      const { stage, release } = scenes.get(point)!;
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      const { servers, raw } = stage.cluster.set();
      expect([...servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(10).fill('1.0'));
      expect(movedTo(stage.cluster, OLD_IMAGE).toSorted()).toEqual(['duel-3', 'duel-4']);
      expect(raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test.for(TARGETED)(
    'in the middle of $activity ($when its effect) moves the chosen servers once, and no others',
    async (point) => {
      const { stage, release } = scenes.get(point)!;
      expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
      expect(movedTo(stage.cluster, NEW_IMAGE)).toEqual(['duel-3', 'duel-1']);
      expect(reloads(stage.cluster)).toEqual({ 'duel-1': 1, 'duel-3': 1 });
    },
  );
});

/** Steps of some length; the others are over before a worker that shuts down would end them. */
const LONG: readonly (keyof Activities)[] = ['changePriorities', 'openWave', 'awaitReady', 'reloadServers', 'bakeWave'];

describe('a worker that is shut down while another takes over', () => {
  stageTest.for(LONG)(
    'in the middle of %s leaves nothing undone and nothing done twice',
    async (activity, { stage }) => {
      const it = await stage();
      const held = it.calls.hold({ activity, skip: 1 });
      const release = await it.start(aRelease(named));
      await held.reached;
      // The call stays away for the whole grace time, so that the activity is ended in the middle of it.
      const ending = it.shutDown();
      await it.startWorker();
      await ending;
      expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
      expectDoneOnce(it);
    },
  );
});
