import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE, OLD_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { reloads } from '../support/fake-log.ts';
import { withOneLess } from '../support/fake-set-model.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { until } from '../lab/until.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;

const scaleTo =
  (replicas: number, by = 'hpa') =>
  (cluster: FakeCluster): void =>
    cluster.edit(by, ({ spec }) => {
      spec.replicas = replicas;
    });

/** The edit of others to a set of ten, how many servers it then has, and what the release says of it at its end. */
const CHANGES: readonly (readonly [string, (cluster: FakeCluster) => void, number, RegExp])[] = [
  ['a scale-up', scaleTo(12), 12, /^every server proves 2\.0; 2 that came meanwhile prove it too: duel-10, duel-11$/],
  ['a scale-down', scaleTo(8), 8, /^every server proves 2\.0(; 2 are not there any more: duel-8, duel-9)?$/],
  [
    'a scale-down that takes servers WaitToBeDeleted first',
    (cluster) => {
      cluster.editServer('matchmaker', 'duel-4', ({ spec }) => {
        spec.opsState = 'WaitToBeDeleted';
      });
      scaleTo(9)(cluster);
    },
    9,
    /^every server proves 2\.0(; 1 is not there any more: duel-4)?$/,
  ],
  [
    'a server that its owner kills',
    (cluster) =>
      cluster.editServer('matchmaker', 'duel-3', ({ spec }) => {
        spec.opsState = 'Kill';
      }),
    9,
    /^every server proves 2\.0(; 1 is not there any more: duel-3)?$/,
  ],
  [
    'an id that is reserved',
    (cluster) =>
      cluster.edit('kubectl-edit', ({ spec }) => {
        spec.reserveGameServerIds = [5];
      }),
    10,
    /^every server proves 2\.0; 1 that came meanwhile proves it too: duel-10(; 1 is not there any more: duel-5)?$/,
  ],
  [
    'a pod that is deleted and recreated',
    (cluster) => cluster.set().recreate('duel-2'),
    10,
    /^every server proves 2\.0; 1 that came meanwhile proves it too: duel-2$/,
  ],
];

type Moment = readonly [string, SpecWishes, (it: Stage, change: () => void) => Promise<StartedRelease>];

/** When it happens: the release then goes on by itself, or with the approval that it waits for anyway. */
const MOMENTS: readonly Moment[] = [
  ['before the first wave', { gates: [{ before: 1 }] }, (it, change) => whileAtGate(it, 1, change)],
  ['between two waves', { gates: [{ before: 2 }] }, (it, change) => whileAtGate(it, 2, change)],
  ['before the last wave', { gates: [{ before: 3 }] }, (it, change) => whileAtGate(it, 3, change)],
  ['while the first wave becomes Ready', {}, (it, change) => during(it, 'awaitReady', 0, change)],
  ['while the last wave becomes Ready', {}, (it, change) => during(it, 'awaitReady', 2, change)],
  ['while the last wave reloads', {}, (it, change) => during(it, 'reloadServers', 2, change)],
  ['while the last wave bakes', { bake: '50ms' }, (it, change) => during(it, 'bakeWave', 2, change)],
];

async function whileAtGate(it: Stage, wave: number, change: () => void): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: wave }] }));
  await release.until('the gate', atGate);
  change();
  await settled(it.cluster);
  await release.decide({ verb: 'approve', wave });
  return release;
}

async function during(
  it: Stage,
  activity: 'awaitReady' | 'reloadServers' | 'bakeWave',
  skip: number,
  change: () => void,
): Promise<StartedRelease> {
  const calls = Array.from({ length: skip + 1 }, () => it.calls.hold({ activity }));
  const release = await it.start(aRelease({ bake: activity === 'bakeWave' ? '50ms' : '0s' }));
  for (const held of calls.slice(0, -1)) {
    await held.reached;
    held.release();
  }
  await calls.at(-1)!.reached;
  change();
  await settled(it.cluster);
  calls.at(-1)!.release();
  return release;
}

/** The controllers have made of the set what its owner wants. */
async function settled(cluster: FakeCluster): Promise<void> {
  await until({ what: 'the servers', deadlineMs: 60_000, everyMs: 5 }, () => {
    const { servers, raw } = cluster.set();
    const killed = [...servers.keys()].some((name) => cluster.set().gameServers.get(name)?.spec.opsState === 'Kill');
    return servers.size === raw.spec.replicas && !killed;
  });
}

describe('a rolling release under which the set changes', () => {
  test.for(CHANGES.flatMap((change) => MOMENTS.map((moment) => [change[0], moment[0], change, moment] as const)))(
    'by %s %s goes on by itself, proves every server that is there, and says who came and went',
    async ([what, , [, change, servers, sentence], [, , happen]], { stage }) => {
      const it = await stage({ sets: [{ reclaimPolicy: 'Cascade' }] });
      const release = await happen(it, () => change(it.cluster));
      const result = await release.result();
      expect(result).toMatchObject({ outcome: 'done', reason: expect.stringMatching(sentence) as string });
      expect(result.recreatedPods).toBe(what.includes('recreated') ? 1 : 0);
      const set = it.cluster.set();
      expect([...set.servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(servers).fill('2.0'));
      expect([...set.servers.values()].map((server) => server.container('scripts')!.image)).toEqual(
        Array(servers).fill(NEW_IMAGE),
      );
      expect(set.raw.spec.updateStrategy).toEqual(USER_STRATEGY);
      const { decisions, failures } = await release.state();
      expect(failures).toEqual([]);
      expect(decisions.map(({ verb }) => verb).filter((verb) => verb !== 'approve')).toEqual([]);
    },
  );

  test.for(['stageTemplate', 'openWave'] as const)(
    'by OpenKruiseGame, which kills a server between the look and the write of %s, goes on by itself',
    async (activity, { stage }) => {
      const it = await stage();
      it.calls.run({ activity, operation: 'patch' }, () =>
        it.cluster.edit('kruise-game', (set) => Object.assign(set, withOneLess(set))),
      );
      const release = await it.start(aRelease());
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(9).fill('2.0'));
    },
  );

  test('tells how many servers there are to be, and who wants that, while it waits', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    scaleTo(12, 'keda')(it.cluster);
    const { phase, warnings } = await release.until('the news', (state) => state.warnings.length > 0, 10_000);
    expect(phase).toBe('waiting-approval');
    expect(warnings).toEqual([
      'keda changed /spec/replicas of duel from 10 to 12: the new servers are proved before the release ends',
    ]);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('is not held up by a server for which the cluster has no room: it is named', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }], ready: { timeout: '4s' } }));
    await release.until('the gate', atGate);
    scaleTo(11)(it.cluster);
    await settled(it.cluster);
    const pending = it.cluster.server('duel-10');
    pending.phase = 'Pending';
    pending.conditions['Ready'] = 'False';
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '10 of 10 servers prove 2.0; 1 that came meanwhile is not proved: duel-10',
    });
  });

  test('is rolled back with all that came meanwhile', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 3 }] }));
    await release.until('the gate', atGate);
    scaleTo(12)(it.cluster);
    await settled(it.cluster);
    expect(it.cluster.server('duel-11').engine.loaded).toBe('2.0');
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    const servers = [...it.cluster.set().servers.values()];
    expect(servers.map(({ engine }) => engine.loaded)).toEqual(Array(12).fill('1.0'));
    expect(servers.map((server) => server.container('scripts')!.image)).toEqual(Array(12).fill(OLD_IMAGE));
    expect(reloads(it.cluster)).toMatchObject({ 'duel-11': 1 });
  });

  test('is rolled back also when servers have gone meanwhile', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 3 }] }));
    await release.until('the gate', atGate);
    scaleTo(7)(it.cluster);
    await settled(it.cluster);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(7).fill('1.0'));
  });

  test.for([
    ['goes while it is brought back', 'reloadServers', 12, 11],
    ['goes after it was brought back', 'restoreSet', 12, 11],
  ] as const)('is rolled back although a server that came meanwhile %s', async ([, during, more, fewer], { stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 3 }], ready: { timeout: '6s' } }));
    await release.until('the gate', atGate);
    scaleTo(more)(it.cluster);
    await settled(it.cluster);
    const held = it.calls.hold({ activity: during });
    await release.decide({ verb: 'rollback' });
    await held.reached;
    scaleTo(fewer)(it.cluster);
    await settled(it.cluster);
    held.release();
    await release.until('the end', ({ phase }) => phase === 'rolled-back' || phase === 'paused');
    expect((await release.state()).pausedBecause).toBeUndefined();
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(fewer).fill('1.0'));
  });

  test('stands still for a person when many pods of a wave are recreated at once', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aRelease({ waves: [5, 'rest'] }));
    await held.reached;
    for (const ordinal of [9, 8, 7]) it.cluster.set().recreate(`duel-${ordinal}`);
    await settled(it.cluster);
    held.release();
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toMatch(/was recreated.*; hotwave stops here so that a person looks first$/);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(10).fill('2.0'));
  });

  test('still waits for a person when a server is gone and the set lacks it', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aRelease({ ready: { timeout: '4s' } }));
    await held.reached;
    it.cluster.set().controllersDown = true;
    it.cluster.set().remove('duel-9');
    held.release();
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toMatch(/^duel-9 has no pod; hotwave stops here/);
    it.cluster.set().controllersDown = false;
    it.cluster.set().reconcile();
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test('with priorities of its own lets a recreated server, which has lost its own, catch up at the end', async ({
    stage,
  }) => {
    const it = await stage();
    const waves = [{ name: 'first', servers: [3, 4] }, { name: 'second', servers: [5, 6] }, 'rest'];
    const release = await it.start(aRelease({ waves, gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.cluster.set().recreate('duel-5');
    await settled(it.cluster);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: 'every server proves 2.0; 1 that came meanwhile proves it too: duel-5',
    });
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(10).fill('2.0'));
  });
});

describe('a targeted release under which the set changes', () => {
  test.for([
    ['grows', scaleTo(12)],
    ['shrinks by servers that were not chosen', scaleTo(8)],
  ] as const)('goes on by itself when the set %s', async ([, change], { stage }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    change(it.cluster);
    await settled(it.cluster);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(it.cluster.server('duel-1').engine.loaded).toBe('2.0');
  });

  test('does not wait for a chosen server that is killed, and says that it is gone', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    const [next] = ['duel-1', 'duel-3'].filter((name) => it.cluster.server(name).engine.loaded === '1.0');
    it.cluster.editServer('matchmaker', next!, ({ spec }) => {
      spec.opsState = 'Kill';
    });
    await settled(it.cluster);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: expect.stringContaining(`; 1 is not there any more: ${next!}`) as string,
    });
  });

  test('waits for a person when the pod of a chosen server is recreated', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aTargetedRelease());
    await held.reached;
    const moved = ['duel-1', 'duel-3'].find(
      (name) => it.cluster.server(name).container('scripts')!.image === NEW_IMAGE,
    );
    it.cluster.set().recreate(moved!);
    await settled(it.cluster);
    held.release();
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toMatch(/was recreated/);
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('a rollback', () => {
  test('does not wait for servers that the set wants no more, and does not count them as not brought back', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 3 }] }));
    await release.until('the gate', atGate);
    const held = it.calls.hold({ activity: 'awaitReady' });
    await release.decide({ verb: 'rollback', actor: 'bob' });
    await held.reached;
    scaleTo(7)(it.cluster);
    await settled(it.cluster);
    held.release();
    const result = await release.result();
    expect(result).toMatchObject({ outcome: 'rolled-back' });
    const state = await release.state();
    expect(state.decisions.map(({ verb }) => verb)).toEqual(['rollback']);
    expect(state.failures).toEqual([]);
    expect(state.warnings).toEqual([expect.stringMatching(/^duel-[789], duel-[789], duel-[789]: gone from the set/)]);
  });
});
