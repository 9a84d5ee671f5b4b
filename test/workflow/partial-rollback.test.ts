import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { OLD_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';
import type { ExecOutcome } from '../../activities/ports/probes.ts';

const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isPausedFor =
  (reason: RegExp) =>
  ({ phase, pausedBecause }: ReleaseState): boolean =>
    phase === 'paused' && reason.test(pausedBecause ?? '');

/** The image that each GameServer overrides its own with, where it does. */
function overrides(cluster: FakeCluster): Record<string, string> {
  return Object.fromEntries(
    [...cluster.set().gameServers].flatMap(([name, { spec }]) =>
      (spec.containers ?? []).filter(({ image }) => image !== '').map(({ image }) => [name, image]),
    ),
  );
}

function versions(cluster: FakeCluster): Record<string, string> {
  return Object.fromEntries([...cluster.set().servers].map(([name, { engine }]) => [name, engine.loaded]));
}

const on = (version: string, ...ordinals: number[]): Record<string, string> =>
  Object.fromEntries(ordinals.map((ordinal) => [`duel-${ordinal}`, version]));

describe('rollback --scope failed', () => {
  test('of a rolling release brings the failed servers back by overrides, proves them, and stands still again', async ({
    stage,
  }) => {
    const it = await stage({ failures: { 'duel-7': 'stale' } });
    const release = await it.start(aRelease({ onFailure: { then: 'pause' } }));
    await release.until('the failure', isPausedFor(/^duel-7: /));
    expect(await release.decide({ verb: 'rollback', scope: 'failed' })).toEqual({
      accepted: true,
      message: 'rolling the failed server back to 1.0; then it stands still again',
    });
    const state = await release.idle('the pause', isPausedFor(/^1 server is back on 1\.0/));
    expect(state.pausedBecause).toMatch(
      /back on 1\.0; told to load 2\.0, never proved it and may load it yet: duel-7; resume goes on without them$/,
    );
    expect(state).toMatchObject({ failures: [], returned: { count: 1, servers: ['duel-7'] } });
    expect(overrides(it.cluster)).toEqual({ 'duel-7': OLD_IMAGE });
    expect(versions(it.cluster)).toMatchObject({ ...on('2.0', 9, 8, 6), ...on('1.0', 7, 0) });
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason:
        '9 of 10 servers prove 2.0; back on 1.0 by an override: duel-7; told to load 2.0, never proved it and may load it yet: duel-7',
    });
    expect(versions(it.cluster)).toEqual({ ...on('2.0', 0, 1, 2, 3, 4, 5, 6, 8, 9), ...on('1.0', 7) });
    const { warnings } = await release.state();
    expect(warnings.join()).toMatch(/keeps an override of registry\.test\/scripts:1\.0 until .*: duel-7/);
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('of a targeted release does the same', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-1': 'stale' } });
    const release = await it.start(aTargetedRelease({ onFailure: { then: 'pause' } }));
    await release.until('the failure', isPausedFor(/^duel-1: /));
    await release.decide({ verb: 'rollback', scope: 'failed' });
    await release.until('the pause', isPausedFor(/back on 1\.0/));
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason:
        '1 chosen server proves 2.0; 8 others were not touched; back on 1.0 by an override: duel-1; told to load 2.0, never proved it and may load it yet: duel-1',
    });
    expect(versions(it.cluster)).toMatchObject({ ...on('2.0', 3), ...on('1.0', 1) });
  });
});

describe('rollback --scope wave', () => {
  test('at a gate brings the wave before it back; a later rollback of the whole leaves no override', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 3 }] }));
    await release.until('the gate', atGate);
    expect(await release.decide({ verb: 'rollback', scope: 'wave' })).toEqual({
      accepted: true,
      message: 'rolling wave 2 back to 1.0; then it stands still again',
    });
    const { waves } = await release.idle('the pause', isPausedFor(/^3 servers are back on 1\.0/));
    expect(waves.map(({ status }) => status)).toEqual(['done', 'rolled-back', 'pending']);
    expect(versions(it.cluster)).toMatchObject({ ...on('2.0', 9), ...on('1.0', 8, 7, 6) });
    expect(Object.keys(overrides(it.cluster)).sort()).toEqual(['duel-6', 'duel-7', 'duel-8']);
    await release.decide({ verb: 'resume' });
    await release.until('the gate again', atGate);
    await release.decide({ verb: 'rollback', actor: 'bob', reason: 'all of it' });
    expect(await release.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: 'asked for by bob: all of it; every server proves 1.0',
      restartsOfMainContainers: 0,
    });
    expect(overrides(it.cluster)).toEqual({});
    expect(versions(it.cluster)).toEqual(on('1.0', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('that cannot be done says so, and can be asked for again', async ({ stage }) => {
    let broken = false;
    const failed: ExecOutcome = { kind: 'exited', code: 1, stdout: '', stderr: 'busy' };
    const it = await stage({
      exec: ({ command }) => (broken && command.includes('reload') ? failed : undefined),
    });
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    broken = true;
    await release.decide({ verb: 'rollback', scope: 'wave' });
    const { pausedBecause } = await release.until('the pause', isPausedFor(/not proved/));
    expect(pausedBecause).toMatch(
      /^1 server is not proved to be back on 1\.0: 1 of 1 server .*; rollback --scope failed tries again/,
    );
    broken = false;
    expect(await release.decide({ verb: 'rollback', scope: 'failed' })).toMatchObject({ accepted: true });
    await release.until('the servers back', isPausedFor(/^1 server is back on 1\.0/));
    expect(versions(it.cluster)).toMatchObject(on('1.0', 3));
    await release.decide({ verb: 'cancel', then: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    expect(overrides(it.cluster)).toEqual({});
  });
});

test('a release for new servers only takes no part back', async ({ stage }) => {
  const it = await stage({ sets: [{ replicas: 4, updateStrategy: { type: 'OnDelete' } }] });
  const file = aRelease({ strategy: 'newServersOnly', newServers: { watch: '20s' } });
  const release = await it.start(file);
  await release.until('the watch', ({ phase }) => phase === 'watching');
  await release.decide({ verb: 'pause' });
  await release.until('the pause', isPausedFor(/./));
  const { accepted, message } = await release.decide({ verb: 'rollback', scope: 'wave' });
  expect([accepted, message]).toEqual([false, expect.stringMatching(/for new servers only/)]);
  await release.decide({ verb: 'cancel', then: 'hold' });
  await release.result();
});

test('rollback --order reverse brings one wave after the other back, the last first', async ({ stage }) => {
  const it = await stage();
  const release = await it.start(aTargetedRelease({ waves: [1, 'rest'], bake: '5s' }));
  await release.until('the last wave', ({ phase, wave }) => phase === 'baking' && wave === 2);
  const before = it.cluster.log.length;
  await release.decide({ verb: 'rollback', order: 'reverse', actor: 'bob' });
  expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  const story = it.cluster.log.slice(before).flatMap((entry) => {
    if (entry.kind === 'moved') return [`${entry.server} moved`];
    return entry.kind === 'http' && entry.path === '/version' ? [`${entry.server} proved`] : [];
  });
  expect([...new Set(story)]).toEqual(['duel-1 moved', 'duel-1 proved', 'duel-3 moved', 'duel-3 proved']);
  expect(overrides(it.cluster)).toEqual({});
});
