import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { NEW_IMAGE } from '../support/builders.ts';
import type { HeldCall, WhichCalls } from '../support/cluster-calls.ts';
import { eachServer, movedTo, reloads, setWrites } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { startKillableWorkers } from '../support/killable-workers.ts';
import type { KillableWorkers } from '../support/killable-workers.ts';
import { aRelease, aTargetedRelease, connect, emptyStage } from '../support/stage.ts';
import type { Connections, RunningWorker, Stage } from '../support/stage.ts';

/** The read right before a write: whoever wakes up there has everything in hand that it needs to write. */
const ROLLING: readonly WhichCalls[] = [
  { activity: 'stageTemplate', operation: 'readSet', when: 'after' },
  { activity: 'openWave', operation: 'listServers', when: 'after' },
  { activity: 'reloadServers', operation: 'listServers', when: 'after' },
  { activity: 'restoreSet', operation: 'readSet', when: 'after' },
];
const TARGETED: readonly WhichCalls[] = [
  { activity: 'overrideServers', operation: 'listGameServers', when: 'after' },
  { activity: 'reloadServers', operation: 'listServers', when: 'after' },
];
const POINTS = [...ROLLING, ...TARGETED];

interface Scene {
  readonly stage: Stage;
  readonly release: StartedRelease;
  readonly held: HeldCall;
}

/** A worker that stands still is missed after 20 s; servers must not be late by then. */
const ready = { timeout: '90s' };
const named = { ready, waves: [{ name: 'first', servers: [3, 4] }, 'rest'] };

describe('a worker that is stopped right before it writes, and wakes up when another one has done its work', () => {
  const scenes = new Map<WhichCalls, Scene>();
  const workers: RunningWorker[] = [];
  let connections: Connections;
  let sleeper: KillableWorkers;
  /** The state of the cluster when the other workers were done. */
  const seen = new Map<WhichCalls, number>();

  beforeAll(async () => {
    connections = await connect();
    const stages = POINTS.map(() => emptyStage(connections, {}));
    sleeper = await startKillableWorkers(stages, {
      address: inject('temporalAddress'),
      bundlePath: inject('bundlePath'),
    });
    await Promise.all(
      POINTS.map(async (point, index) => {
        const stage = stages[index]!;
        const held = stage.calls.hold(point);
        const file = TARGETED.includes(point) ? aTargetedRelease({ ready }) : aRelease(named);
        scenes.set(point, { stage, release: await stage.start(file), held });
        await held.reached;
      }),
    );
    sleeper.stop();
    for (const { held } of scenes.values()) held.release();
    for (const stage of stages) workers.push(await stage.startWorker());
    await Promise.all(
      [...scenes].map(async ([point, { stage, release }]) => {
        await release.result();
        seen.set(point, stage.cluster.log.length);
      }),
    );
    await sleeper.wake();
  });

  afterAll(async () => {
    await sleeper.kill();
    await Promise.all(workers.map((worker) => worker.shutDown()));
    await connections.close();
  });

  test.for(POINTS)('in $activity, changes nothing any more', async (point) => {
    const { stage, release } = scenes.get(point)!;
    expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
    const later = stage.cluster.log.slice(seen.get(point));
    expect(later.filter(({ kind }) => kind === 'patch' || kind === 'exec' || kind === 'send')).toEqual([]);
  });

  test.for(ROLLING)('in $activity, has not doubled anything', (point) => {
    const { cluster } = scenes.get(point)!.stage;
    expect(reloads(cluster)).toEqual(eachServer(cluster, 1));
    expect(setWrites(cluster).filter(({ outcome }) => outcome === 'applied')).toHaveLength(4);
  });

  test.for(TARGETED)('in $activity of chosen servers, has not doubled anything', (point) => {
    const { cluster } = scenes.get(point)!.stage;
    expect(movedTo(cluster, NEW_IMAGE)).toEqual(['duel-3', 'duel-1']);
    expect(reloads(cluster)).toEqual({ 'duel-1': 1, 'duel-3': 1 });
  });
});
