import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { scale } from '../lab/game-server-sets.ts';
import type { FleetWorld } from './fleet-world.ts';
import type { StartedRelease } from './hotwave.ts';

/** How long a controller is away: long enough for a person to notice, and for every retry of the API to come back. */
const OUTAGE_MS = 60_000;

interface Case {
  readonly set: string;
  readonly started: StartedRelease;
}

const gated = '  waves: [1, rest]\n  gates: [ { before: 2 } ]\n';

async function begin(
  world: FleetWorld,
  set: string,
  strategy: 'rolling' | 'targeted' | 'newServersOnly',
): Promise<Case> {
  await world.aSet(set, { replicas: 4, reclaimPolicy: 'Delete' });
  const spec = {
    rolling: gated,
    targeted: `  strategy: targeted\n  target: { gameServerSet: ${set}, servers: { servers: [1-3] } }\n${gated}`,
    newServersOnly: '  strategy: newServersOnly\n  newServers: { watch: 5m, count: 1 }\n',
  }[strategy];
  const file = world.release(set, 'v2.0', spec);
  // The wave is under way while the controller is gone: its servers may take as long as that.
  const patient: ReleaseFile = { ...file, spec: { ...file.spec, ready: { timeout: 2 * OUTAGE_MS } } };
  const started = await world.hotwave.start(patient);
  await started.until('its first half', ({ phase }) => phase === 'waiting-approval' || phase === 'watching');
  return { set, started };
}

/**
 * A controller is away for a minute in the middle of a release of each strategy: each goes on afterwards, and nothing is
 * called done that is not.
 */
export async function outlast(world: FleetWorld, controller: 'kruise' | 'kruise-game'): Promise<void> {
  const strategies = ['rolling', 'targeted', 'newServersOnly'] as const;
  const cases = await Promise.all(
    strategies.map((strategy) => begin(world, `${controller}-${strategy.toLowerCase()}`, strategy)),
  );
  await world.lab.stopProgram(controller);
  const [rolling, targeted, newServers] = cases as [Case, Case, Case];
  for (const { started } of [rolling, targeted]) await started.decide({ verb: 'approve', wave: 2 });
  await scale(world.lab.api, newServers.set, 5);
  await pause(OUTAGE_MS);
  // Each release says what it waits for, and until when.
  for (const { started } of cases) {
    const { phase, wait } = await started.state();
    expect(phase).toMatch(/^(updating|watching|done)$/);
    if (phase !== 'done') expect(wait?.until).toBeGreaterThan(Date.now());
  }
  await world.lab.startProgram(controller);

  expect(await rolling.started.result()).toMatchObject({ outcome: 'done', servers: 4, recreatedPods: 0 });
  expect(await targeted.started.result()).toMatchObject({ outcome: 'done', servers: 3, recreatedPods: 0 });
  expect(await newServers.started.result()).toMatchObject({ outcome: 'done', recreatedPods: 0 });
  expect(await world.versions(rolling.set)).toEqual(['v2.0', 'v2.0', 'v2.0', 'v2.0']);
  expect(await world.versions(targeted.set)).toEqual(['v1.0', 'v2.0', 'v2.0', 'v2.0']);
  expect(await world.versions(newServers.set)).toEqual(['v1.0', 'v1.0', 'v1.0', 'v1.0', 'v2.0']);
}
