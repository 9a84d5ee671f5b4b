import { describe, expect } from 'vitest';
import { decisionFor } from '../../client/decisions/decision.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MAIN, NEW_IMAGE } from '../support/builders.ts';
import type { FakeClusterModel } from '../support/fake-cluster.ts';
import { movedTo } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { workerWarnings } from '../support/worker-log.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';
import { aRelease, test } from '../support/stage.ts';
import { ClusterFailure } from '../../activities/ports/failure.ts';

const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isPaused = ({ phase }: ReleaseState): boolean => phase === 'paused';
const FIRST_WAVE = ['duel-9'];

/** Health that a test decides about: engines are asked by a command, and `sick` ones do badly. */
function ward(): { readonly model: FakeClusterModel; readonly sick: Set<string>; readonly asked: string[] } {
  const sick = new Set<string>();
  const asked: string[] = [];
  const model: FakeClusterModel = {
    exec: ({ command, server }) => {
      if (!command.includes('ping')) return undefined;
      asked.push(server);
      const code = sick.has(server) ? 1 : 0;
      return { kind: 'exited', code, stdout: '', stderr: code === 0 ? '' : 'tick takes too long' };
    },
  };
  return { model, sick, asked };
}

const HEALTH = [{ exec: { container: MAIN, command: ['engine', 'ping'], within: '50ms' } }];

/** A release of `ann` at its gate before wave 2. */
async function atGate(it: Stage, gate: object, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const file = aRelease({ gates: [{ before: 2, ...gate }], health: HEALTH, ...wishes });
  const release = await it.start(file, 'ann');
  await release.until('the gate', isOpen);
  return release;
}

describe('a gate with promoteAfter', () => {
  test('opens by itself once the servers so far have been healthy for long enough, and says so on record', async ({
    stage,
  }) => {
    const { model, asked } = ward();
    const it = await stage(model);
    const release = await it.start(aRelease({ gates: [{ before: 2, promoteAfter: '300ms' }], health: HEALTH }));
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { decisions, planHash } = await release.state();
    expect(decisions).toEqual([
      expect.objectContaining({
        verb: 'approve',
        release: 'scripts-2-0',
        plan: planHash,
        wave: 2,
        actor: 'hotwave',
        channel: 'auto',
        reason: 'good health of 1 server of the waves so far for 300ms',
        accepted: true,
      }),
    ]);
    // Once when its wave ends, and at least once while the gate waits.
    expect(asked.slice(0, 2)).toEqual(['duel-9', 'duel-9']);
  });

  test('waits for people only after one sample that failed, and says why', async ({ stage }) => {
    const { model, sick } = ward();
    const it = await stage(model);
    const held = it.calls.hold({ activity: 'bakeWave' });
    const release = await atGate(it, { promoteAfter: '300ms' });
    await held.reached;
    expect((await release.state()).wait?.for).toBe(
      'waits for 1 approval before wave 2, or for its servers to be healthy for 300ms',
    );
    sick.add('duel-9');
    held.release();
    const { warnings } = await release.until('the warning', ({ wait }) => wait?.for.includes('healthy') === false);
    expect(warnings).toEqual([
      expect.stringMatching(/^the gate before wave 2 waits for people only: duel-9: .*tick takes too long/),
    ]);
    sick.clear();
    expect((await release.state()).wait?.for).toBe('waits for 1 approval before wave 2');
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('waits for people only when health cannot be sampled at all', async ({ stage }) => {
    const { model } = ward();
    const it = await stage(model);
    const failure = new ClusterFailure('forbidden', 'the worker may not list pods', { retryable: false });
    it.calls.fail({ activity: 'bakeWave' }, { failure });
    const release = await atGate(it, { promoteAfter: '1h', timeout: '2h' });
    const { warnings } = await release.until('the warning', (state) => state.warnings.length > 0);
    expect(warnings).toEqual(['the gate before wave 2 waits for people only: the worker may not list pods']);
    expect(await release.decide({ verb: 'approve', wave: 2, actor: 'bob' })).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('is decided by whoever is first: an approval does not wait for the end of a sample', async ({ stage }) => {
    const it = await stage(ward().model);
    const held = it.calls.hold({ activity: 'bakeWave' });
    const release = await atGate(it, { promoteAfter: '1h', timeout: '2h' });
    await held.reached;
    expect(await release.decide({ verb: 'approve', wave: 2, actor: 'bob' })).toMatchObject({ accepted: true });
    await release.until('wave 2', ({ waves }) => waves[1]?.status !== 'pending');
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect((await release.state()).decisions.map(({ actor }) => actor)).toEqual(['bob']);
  });

  test.for([
    ['reject', { wave: 2 }],
    ['rollback', {}],
    ['cancel', { then: 'rollback' }],
  ] as const)('is left at once by %s', async ([verb, more], { stage }) => {
    const it = await stage(ward().model);
    const held = it.calls.hold({ activity: 'bakeWave' });
    const release = await atGate(it, { promoteAfter: '1h', timeout: '2h' });
    await held.reached;
    await release.decide({ verb, reason: 'players complain', ...more });
    expect(['rolled-back', 'cancelled']).toContain((await release.result()).outcome);
    held.release();
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
  });

  test('opens although people are reminded more often than its servers have to be healthy for', async ({ stage }) => {
    const it = await stage(ward().model);
    const release = await atGate(it, { promoteAfter: '2s', remindEvery: '1s', timeout: '2m' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect((await release.state()).decisions).toMatchObject([{ verb: 'approve', actor: 'hotwave' }]);
  });

  test('that is paused wants the whole time of good health again after it', async ({ stage }) => {
    const it = await stage(ward().model);
    const held = it.calls.hold({ activity: 'bakeWave' });
    const release = await atGate(it, { promoteAfter: '300ms' });
    await held.reached;
    await release.decide({ verb: 'pause', actor: 'bob', reason: 'look at this' });
    held.release();
    await release.idle('the pause', isPaused);
    expect((await release.state()).gate?.wave).toBe(2);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect((await release.state()).decisions.map(({ verb, actor }) => [verb, actor])).toEqual([
      ['pause', 'bob'],
      ['resume', 'approver'],
      ['approve', 'hotwave'],
    ]);
  });

  test('samples all waves before it', async ({ stage }) => {
    const { model, asked } = ward();
    const it = await stage(model);
    const held = it.calls.hold({ activity: 'bakeWave' });
    const release = await it.start(aRelease({ gates: [{ before: 3, promoteAfter: '100ms' }], health: HEALTH }));
    await held.reached;
    asked.length = 0;
    held.release();
    await release.until('wave 3', ({ waves }) => waves[2]?.status !== 'pending');
    expect([...new Set(asked)].slice(0, 4).toSorted()).toEqual(['duel-6', 'duel-7', 'duel-8', 'duel-9']);
    await release.result();
  });
});

describe('a gate with remindEvery', () => {
  test('counts its reminders where everybody sees them, until somebody decides', async ({ stage }) => {
    const release = await atGate(await stage(ward().model), { approvals: 2, remindEvery: '1s', timeout: '3m' });
    expect((await release.state()).wait?.for).toBe('waits for 2 approvals before wave 2');
    const once = await release.until('a reminder', ({ gate }) => gate?.reminders === 1);
    expect(once.wait?.for).toBe('waits for 2 approvals before wave 2; reminded once');
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    const twice = await release.until('another', ({ gate }) => gate?.reminders === 2);
    expect(twice.wait?.for).toBe('waits for 1 approval before wave 2; reminded 2 times');
    await release.decide({ verb: 'approve', wave: 2, actor: 'cid' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('has the workers log a warning that says who is waited for, where, and how long', async ({ stage }) => {
    const it = await stage(ward().model);
    const file = aRelease({
      name: 'reminding',
      gates: [{ before: 2, remindEvery: '1s', timeout: '3m' }],
      health: HEALTH,
    });
    const release = await it.start(file);
    await release.until('a reminder', ({ gate }) => gate?.reminders === 1);
    const [warning, ...others] = workerWarnings.filter(({ message }) => message.includes('reminding'));
    const { waited } = warning!.meta as { readonly waited: string };
    expect(waited).toMatch(/^\d+s$/);
    expect(warning).toMatchObject({
      message: `reminding on arena/duel has been waiting for ${waited} at the gate before wave 2: 1 more needed`,
      meta: { set: 'arena/duel', release: 'reminding', wave: 2, missing: '1 more', reminders: 1 },
    });
    // One for each reminder, however late this test looks.
    expect(others.length).toBeLessThan((await release.state()).gate!.reminders!);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });

  test('still ends at its timeout', async ({ stage }) => {
    const it = await stage();
    const gate = { before: 2, remindEvery: '1s', timeout: '2500ms', onTimeout: 'rollback' };
    const release = await it.start(aRelease({ gates: [gate] }));
    expect(await release.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: 'nobody decided at the gate within 3s; every server proves 1.0',
    });
  });
});

describe('a vote of somebody who has seen another plan', () => {
  test('does not count, by update and by signal; one for this plan does', async ({ stage }) => {
    const release = await atGate(await stage(ward().model), {});
    const seen = await release.state();
    const vote = { verb: 'approve', wave: 2, actor: 'bob' } as const;
    // As the CLI makes it, from what its person was shown.
    const { id: _own, ...stale } = decisionFor(vote, 'scripts-2-0', { ...seen, planHash: 'f'.repeat(64) });
    const sentence = `this decision is for plan ffffffff, but scripts-2-0 has plan ${seen.planHash.slice(0, 8)}: look at it again with hotwave status`;
    expect(await release.decide(stale)).toEqual({ accepted: false, message: sentence });
    expect(await release.signal(stale)).toMatchObject({ accepted: false, answer: sentence });
    expect((await release.state()).gate?.approvedBy).toEqual([]);
    const { id: _other, ...fresh } = decisionFor(vote, 'scripts-2-0', seen);
    expect(fresh.plan).toBe(seen.planHash);
    expect(await release.decide(fresh)).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('a gate that stood still for longer than its time', () => {
  test.for([
    ['a pause', { verb: 'pause' }, { verb: 'resume' }],
    ['a halt', { verb: 'halt', reason: 'fire', until: Date.now() + 3_600_000 }, { verb: 'unhalt' }],
  ] as const)('has its whole time again after %s', async ([, stop, goOn], { stage }) => {
    const it = await stage();
    const release = await atGate(it, { timeout: '3s', onTimeout: 'rollback' }, { health: [] });
    const { gate } = await release.state();
    await release.decide(stop);
    await release.idle('to stand still', ({ phase }) => phase === 'paused' || phase === 'halted');
    await release.until('the end of its time', () => Date.now() > gate!.openedAt + 3_000);
    await release.decide(goOn);
    const again = await release.until('the gate', isOpen);
    expect(again.gate!.openedAt).toBeGreaterThan(gate!.openedAt + 3_000);
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});
