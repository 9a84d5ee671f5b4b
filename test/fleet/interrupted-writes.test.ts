import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import type { EngineStats } from '../lab/fleet-engine.ts';
import { fleetImage, gameServerSet, podsOf, setPath, sidecarContainer } from '../lab/game-server-sets.ts';
import type { GameServerSet } from '../lab/game-server-sets.ts';
import { until } from '../lab/until.ts';
import { startSetWebhook } from '../support/admission.ts';
import type { AdmissionWebhook } from '../support/admission.ts';
import { asks, isOver } from '../support/carry.ts';
import { hotwaveCommand } from '../support/command.ts';
import { FleetWorld } from '../support/fleet-world.ts';
import type { StartedRelease } from '../support/hotwave.ts';

// Writes that come at the worst moment, held by a webhook on their way through a real API server.

vi.setConfig({ testTimeout: 180_000 });

let world: FleetWorld;

beforeAll(async () => {
  world = await FleetWorld.start();
});

afterAll(() => world.stop());

const STRATEGY = {
  type: 'RollingUpdate',
  rollingUpdate: { podUpdatePolicy: 'InPlaceIfPossible', partition: 0, maxUnavailable: '100%' },
};
const GATED = '  waves: [1, rest]\n  gates: [ { before: 2 } ]';
const LAST = 'hotwave.dev/last-release';
const RUNNING = 'hotwave.dev/release';

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const setOf = (name: string): Promise<GameServerSet> => world.lab.api.get<GameServerSet>(setPath(name));

function imageOf({ spec }: GameServerSet): string {
  const { containers } = spec.gameServerTemplate.spec;
  return containers.find(({ name }) => name === sidecarContainer)!.image.replace(fleetImage(''), '');
}

const isAsBefore = ({ spec: { updateStrategy } }: GameServerSet): boolean =>
  JSON.stringify(updateStrategy?.rollingUpdate?.partition) === '0' &&
  (updateStrategy?.rollingUpdate as { maxUnavailable?: string }).maxUnavailable === '100%';

/** How often each engine was told to reload, by ordinal, as the engines count it. */
async function reloads(set: string): Promise<number[]> {
  const pods = await podsOf(world.lab.api, set);
  return Promise.all(
    pods.map(async (pod) => {
      const answer = await fetch(`http://${pod.status!.podIP!}:${world.lab.enginePort!}/stats`);
      return ((await answer.json()) as EngineStats).reloads.length;
    }),
  );
}

async function atItsGate(name: string): Promise<StartedRelease> {
  await world.aSet(name);
  const release = await world.hotwave.start(world.release(name, 'v2.0', GATED));
  await release.until('the gate', atGate);
  return release;
}

describe('another manager applies the whole set in the moment of the last write', () => {
  test.each([
    ['rollback', 'rolled-back', 'v1.0'],
    ['approve', 'done', 'v2.0'],
  ] as const)('of a release that was told to %s: both want the same, and it ends %s', async (verb, outcome, tag) => {
    const name = `last-${verb}`;
    const release = await atItsGate(name);
    const options = { name, nodeName: world.lab.nodeName, sidecarImage: fleetImage(tag) };
    let applied = 0;
    const webhook = await startSetWebhook(world.lab, name, async (written) => {
      if (written.metadata.annotations?.[RUNNING] !== undefined || applied > 0) return;
      applied += 1;
      const path = `${setPath(name)}?fieldManager=argocd-controller&force=true`;
      await world.lab.api.patch(path, gameServerSet(options), 'apply');
    });
    await release.decide(verb === 'approve' ? { verb, wave: 2 } : { verb });
    const end = await release.until('the end or a question', (state) => isOver(state) || (asks(state) && applied > 0));
    process.stderr.write(`fleet: ${name}: ${end.phase} ${end.pausedBecause ?? ''} ${end.warnings.join()}\n`);
    expect(applied).toBe(1);
    expect(end.pausedBecause).toBeUndefined();
    expect(await release.result()).toMatchObject({ outcome, restartsOfMainContainers: 0, recreatedPods: 0 });
    const live = await setOf(name);
    expect([imageOf(live), live.spec.updateStrategy]).toEqual([tag, STRATEGY]);
    expect(live.metadata.annotations).not.toHaveProperty([RUNNING]);
    expect(live.metadata.annotations?.[LAST]).toContain(outcome === 'done' ? 'done' : 'rolled');
    expect(await world.versions(name)).toEqual([tag, tag, tag]);
    await webhook.stop();
  });
});

describe('while writes of the set hang,', () => {
  interface Held extends AdmissionWebhook {
    /** The messages that hotwave has sent so far. */
    readonly written: readonly GameServerSet[];
    letGo(): void;
  }

  async function hanging(name: string): Promise<Held> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const written: GameServerSet[] = [];
    const webhook = await startSetWebhook(world.lab, name, async (set) => {
      written.push(set);
      await promise;
    });
    return { ...webhook, written, letGo: () => resolve(undefined) };
  }

  const aWrite = ({ written }: Held): Promise<true> =>
    until({ what: 'a write that hangs', deadlineMs: 60_000, everyMs: 50 }, () => written.length > 0);

  test('two people roll back at once: one is heard, the other hears that, and everything goes back once', async () => {
    const name = 'both-back';
    const release = await atItsGate(name);
    const held = await hanging(name);
    const [ann, bob] = await Promise.all([
      release.decide({ verb: 'rollback', actor: 'ann' }),
      release.decide({ verb: 'rollback', actor: 'bob' }),
    ]);
    await aWrite(held);
    const late = await release.decide({ verb: 'rollback', actor: 'cid' });
    const state = await release.state();
    process.stderr.write(`fleet: ${name}: ${JSON.stringify([ann, bob, late, state.phase, state.wait])}\n`);
    expect(imageOf(await setOf(name))).toBe('v2.0');
    expect(state.phase).toBe('rolling-back');
    held.letGo();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back', recreatedPods: 0 });
    // Which of the two comes first is for chance.
    expect([ann, bob].map(({ accepted }) => accepted).toSorted()).toEqual([false, true]);
    expect(late.accepted).toBe(false);
    expect(await world.versions(name)).toEqual(['v1.0', 'v1.0', 'v1.0']);
    expect(await reloads(name)).toEqual([0, 0, 2]);
    const live = await setOf(name);
    expect([imageOf(live), live.spec.updateStrategy]).toEqual(['v1.0', STRATEGY]);
    await held.stop();
  });

  test('two releases are asked for at once: one runs, the other is refused, and nothing of it is in the cluster', async () => {
    const name = 'both-start';
    await world.aSet(name);
    const held = await hanging(name);
    const [two, three] = await Promise.allSettled([
      world.hotwave.start(world.release(name, 'v2.0')),
      world.hotwave.start(world.release(name, 'v3.0')),
    ]);
    await aWrite(held);
    const [winner, loser] = two.status === 'fulfilled' ? [two, three] : [three as typeof two, two];
    if (winner.status !== 'fulfilled' || loser.status !== 'rejected') return expect.fail('both run, or none');
    const other = two.status === 'fulfilled' ? 'v3.0' : 'v2.0';
    expect(String(loser.reason)).toContain('already started');
    await expect(world.hotwave.start(world.release(name, other))).rejects.toThrow('already started');
    held.letGo();
    expect(await winner.value.result()).toMatchObject({ outcome: 'done' });
    const tag = other === 'v3.0' ? 'v2.0' : 'v3.0';
    expect(await world.versions(name)).toEqual([tag, tag, tag]);
    expect(await reloads(name)).toEqual([1, 1, 1]);
    expect(held.written.map(imageOf)).not.toContain(other);
    await held.stop();
  });

  test('two people type hotwave rollback after a release: it goes back once, and both read what comes of it', async () => {
    const name = 'both-type';
    await world.aSet(name);
    expect(await (await world.hotwave.start(world.release(name, 'v2.0'))).result()).toMatchObject({ outcome: 'done' });
    const held = await hanging(name);
    const typed = Promise.all([
      hotwaveCommand(world.lab, ['rollback', name, '--actor', 'ann']),
      hotwaveCommand(world.lab, ['rollback', name, '--actor', 'bob']),
    ]);
    await aWrite(held);
    const third = await hotwaveCommand(world.lab, ['rollback', name, '--actor', 'cid']);
    const status = await hotwaveCommand(world.lab, ['status', name]);
    await pause(1_000);
    expect(await world.versions(name)).toEqual(['v2.0', 'v2.0', 'v2.0']);
    held.letGo();
    const [ann, bob] = await typed;
    process.stderr.write(`fleet: ${name}: ${JSON.stringify([ann, bob, third, status], null, 1)}\n`);
    await until(
      { what: 'all to be back', deadlineMs: 60_000, everyMs: 200 },
      async () => isAsBefore(await setOf(name)) && (await setOf(name)).metadata.annotations?.[RUNNING] === undefined,
    );
    expect(await world.versions(name)).toEqual(['v1.0', 'v1.0', 'v1.0']);
    expect(await reloads(name)).toEqual([2, 2, 2]);
    const live = await setOf(name);
    expect([imageOf(live), live.spec.updateStrategy]).toEqual(['v1.0', STRATEGY]);
    await held.stop();
  });
});
