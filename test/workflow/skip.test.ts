import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import { movedTo, reloads } from '../support/fake-log.ts';
import { aRelease, aTargetedRelease, test } from '../support/stage.ts';

const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const REASON = { actor: 'bob', reason: 'its node is being replaced' };

describe('a server that is skipped', () => {
  test('while its wave waits for it is waited for no more; the others go on and it is named at the end', async ({
    stage,
  }) => {
    const it = await stage({ failures: { 'duel-7': 'neverready' } });
    const release = await it.start(aRelease({ ready: { timeout: '60s' } }));
    await release.until('the others to be ready', ({ wave }) => wave === 2);
    expect(await release.decide({ verb: 'skip', server: 'duel-7', ...REASON })).toEqual({
      accepted: true,
      message: 'duel-7 is skipped: it is excluded',
    });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '9 of 10 servers prove 2.0; excluded: duel-7',
    });
    expect(reloads(it.cluster)['duel-7']).toBeUndefined();
    expect(Object.values(reloads(it.cluster))).toEqual(Array(9).fill(1));
    const { waves, failures } = await release.state();
    expect(waves.map(({ failed }) => failed)).toEqual([0, 0, 0]);
    expect(failures).toEqual([]);
  });

  test('after it has failed does not count as failed: resume goes on without it', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-7': 'stale' } });
    const release = await it.start(aRelease({ onFailure: { then: 'pause' } }));
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toMatch(/^duel-7: /);
    await release.decide({ verb: 'skip', server: 'duel-7', ...REASON });
    expect((await release.state()).failures).toEqual([]);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done', reason: /excluded: duel-7$/ });
  });

  test('of a later wave gets the image with it and is no outsider that moved', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    await release.decide({ verb: 'skip', server: 'duel-2', ...REASON });
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(it.cluster.server('duel-2').engine).toEqual({ files: '2.0', loaded: '1.0' });
  });
});

describe('a wave that is skipped', () => {
  test('at its gate wants its votes all the same; its servers then get the image with the next one, and are not told to reload', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    expect(await release.decide({ verb: 'skip', wave: 2, ...REASON })).toEqual({
      accepted: true,
      message:
        'the servers of wave 2 (3) are excluded; Kruise still gives them the image, with the next wave or at the end; its gate wants its votes all the same',
    });
    await release.idle('the gate, which is not gone', atGate);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-9']);
    expect(await release.decide({ verb: 'approve', wave: 2, actor: 'cleo' })).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '7 of 10 servers prove 2.0; excluded: duel-8, duel-7, duel-6',
    });
    expect(Object.keys(reloads(it.cluster)).sort()).toEqual([
      'duel-0',
      'duel-1',
      'duel-2',
      'duel-3',
      'duel-4',
      'duel-5',
      'duel-9',
    ]);
    expect(movedTo(it.cluster, NEW_IMAGE)).toHaveLength(10);
    const { waves } = await release.state();
    expect(waves.map(({ status }) => status)).toEqual(['done', 'skipped', 'done']);
  });

  test('while it is at work leaves its servers where they are and goes on with the next', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers', skip: 1 });
    const release = await it.start(aRelease());
    await held.reached;
    await release.decide({ verb: 'skip', wave: 2, ...REASON });
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect((await release.state()).waves.map(({ status }) => status)).toEqual(['done', 'skipped', 'done']);
  });

  test('of a targeted release is never touched', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    await release.decide({ verb: 'skip', wave: 2, ...REASON });
    await release.decide({ verb: 'approve', wave: 2, actor: 'cleo' });
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '1 chosen server proves 2.0; 8 others were not touched; excluded: duel-1',
    });
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-3']);
  });
});

test('a server that is skipped after an incomplete rollback is left out of the next try', async ({ stage }) => {
  const it = await stage();
  const release = await it.start(aRelease({ gates: [{ before: 2 }], ready: { timeout: '3s' } }));
  await release.until('the gate', atGate);
  it.calls.run({ activity: 'awaitReady', operation: 'listServers' }, () => it.cluster.set().remove('duel-9'));
  await release.decide({ verb: 'rollback', actor: 'bob' });
  const { pausedBecause } = await release.until('the pause', isPaused);
  expect(pausedBecause).toMatch(/the rollback is incomplete: 1 of 4 servers is not proved to be back: duel-9/);
  expect(await release.decide({ verb: 'rollback', scope: 'failed' })).toMatchObject({ accepted: false });
  expect(await release.decide({ verb: 'skip', server: 'duel-9', ...REASON })).toEqual({
    accepted: true,
    message: 'duel-9 is skipped: the rollback goes on without it',
  });
  await release.decide({ verb: 'resume' });
  expect(await release.result()).toMatchObject({
    outcome: 'rolled-back',
    reason: 'asked for by bob: no reason given; all others prove 1.0; excluded: duel-9',
  });
});
