import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { movedTo, reloads } from '../support/fake-log.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { SpecWishes } from '../support/stage.ts';

const PLAYED = ['duel-8', 'duel-1'];
const players = {
  sets: [{ opsState: (ordinal: number) => (PLAYED.includes(`duel-${ordinal}`) ? 'Allocated' : 'None') }],
};
const considerate = (admission: object, wishes: SpecWishes = {}): ReturnType<typeof aRelease> =>
  aRelease({ admission: { busy: { opsState: ['Allocated'] }, ...admission }, ...wishes });
const waitsForPlayers = ({ wait }: ReleaseState): boolean => wait?.owner === 'the players';
const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;

function leave(cluster: FakeCluster, server: string, opsState = 'None'): void {
  const gameServer = structuredClone(cluster.set().gameServers.get(server)!);
  gameServer.spec.opsState = opsState;
  cluster.set().okg.commit(gameServer);
}

const loaded = (cluster: FakeCluster, name: string): string => cluster.server(name).engine.loaded;

describe('a release that is considerate of players', () => {
  test('reloads those without at once, then waits for the others, and goes on when they leave', async ({ stage }) => {
    const it = await stage(players);
    const release = await it.start(considerate({ wait: '60s' }));
    const state = await release.until('the players', waitsForPlayers);
    expect(state.wait!.for).toBe('waits for 1 of 3 servers with players: duel-8');
    expect(reloads(it.cluster)).toEqual({ 'duel-9': 1, 'duel-7': 1, 'duel-6': 1 });
    leave(it.cluster, 'duel-8');
    await release.until('the next wave', ({ wave, wait }) => wave === 3 && wait?.owner === 'the players');
    expect(loaded(it.cluster, 'duel-8')).toBe('2.0');
    leave(it.cluster, 'duel-1');
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
    expect((await release.state()).waves.map(({ proven }) => proven)).toEqual([1, 3, 6]);
    expect(Object.values(reloads(it.cluster))).toEqual(Array(10).fill(1));
  });

  test('defers those that stay to the end, where they are waited for longer', async ({ stage }) => {
    const it = await stage(players);
    const release = await it.start(considerate({ wait: '300ms', lastWait: '60s' }));
    const state = await release.until(
      'the last part',
      ({ wave, wait, deferred }) => wave === 3 && deferred?.count === 2 && wait?.owner === 'the players',
    );
    expect(state.deferred!.servers).toEqual(['duel-8', 'duel-1']);
    expect(state.waves.map(({ status, proven }) => [status, proven])).toEqual([
      ['done', 1],
      ['done', 2],
      ['done', 5],
    ]);
    leave(it.cluster, 'duel-1');
    leave(it.cluster, 'duel-8');
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
    const end = await release.state();
    expect([end.deferred, end.waves.map(({ proven }) => proven)]).toEqual([undefined, [1, 3, 6]]);
  });

  test('then reloads those that still play, when it may', async ({ stage }) => {
    const it = await stage(players);
    const release = await it.start(considerate({ wait: '0s', lastWait: '200ms', then: 'reload' }));
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
  });

  test('or excludes them and names them', async ({ stage }) => {
    const it = await stage(players);
    const release = await it.start(considerate({ wait: '0s', lastWait: '200ms', then: 'leave' }));
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '8 of 10 servers prove 2.0; excluded: duel-8, duel-1',
    });
    expect(loaded(it.cluster, 'duel-8')).toBe('1.0');
  });

  test('or pauses: resume waits again, skip excludes one', async ({ stage }) => {
    const it = await stage(players);
    const release = await it.start(considerate({ wait: '0s', lastWait: '200ms' }));
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toMatch(/^there are still players on 2 servers: duel-8, duel-1; resume waits/);
    expect(await release.decide({ verb: 'skip', server: 'duel-8', reason: 'a final' })).toMatchObject({
      accepted: true,
    });
    leave(it.cluster, 'duel-1');
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '9 of 10 servers prove 2.0; excluded: duel-8',
    });
  });

  test('rolls back without reloading engines that never loaded the new version', async ({ stage }) => {
    const it = await stage(players);
    const release = await it.start(considerate({ wait: '60s' }));
    await release.until('the players', waitsForPlayers);
    const before = it.cluster.log.length;
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(reloads(it.cluster, before)).toEqual({ 'duel-9': 1, 'duel-7': 1, 'duel-6': 1 });
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(10).fill('1.0'));
  });

  test('that is paused while it waits waits on after the pause, and reloads nobody twice', async ({ stage }) => {
    const it = await stage(players);
    const release = await it.start(considerate({ wait: '60s', then: 'reload' }));
    await release.until('the players', waitsForPlayers);
    await release.decide({ verb: 'pause' });
    await release.until('the pause', isPaused);
    leave(it.cluster, 'duel-8');
    leave(it.cluster, 'duel-1');
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(Object.values(reloads(it.cluster))).toEqual(Array(10).fill(1));
  });

  test('holds chosen servers that are played as well', async ({ stage }) => {
    const it = await stage(players);
    const admission = { busy: { opsState: ['Allocated'] }, wait: '60s' };
    const release = await it.start(aTargetedRelease({ admission }));
    await release.until('the players', waitsForPlayers);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-3', 'duel-1']);
    leave(it.cluster, 'duel-1');
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('asks nobody when no server has players', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(considerate({ wait: '60s' }));
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0' });
  });
});
