import { describe, expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import { movedTo } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';
import { aRelease, test } from '../support/stage.ts';

const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const isPaused = ({ phase }: ReleaseState): boolean => phase === 'paused';
const FIRST_WAVE = ['duel-9'];

/** A release of `ann` that has come to its gate before wave 2. */
async function atGate(it: Stage, gate: object = {}, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: [{ before: 2, ...gate }], ...wishes }), 'ann');
  await release.until('the gate', isOpen);
  return release;
}

describe('a gate', () => {
  test('keeps every later wave back until somebody approves by update', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    const answer = await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    expect(answer).toEqual({ accepted: true, message: 'approved: wave 2 starts' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect((await release.state()).decisions).toMatchObject([
      { verb: 'approve', wave: 2, actor: 'bob', channel: 'test', accepted: true },
    ]);
  });

  test('opens for an approval by signal, too', async ({ stage }) => {
    const release = await atGate(await stage());
    expect(await release.signal({ verb: 'approve', wave: 2 })).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test.for([
    ['another wave', { wave: 3 }, 'the gate before wave 3 is not open: scripts-2-0 waits at the gate before wave 2'],
    ['no wave', {}, 'say which wave: the gate before wave 2 is open (--wave 2)'],
    [
      'another release',
      { wave: 2, release: 'scripts-1-0' },
      'this decision is for release scripts-1-0, but scripts-2-0 is the one on duel',
    ],
    [
      'the requester itself',
      { wave: 2, actor: 'ann' },
      'ann started this release and its gate wants somebody else: ask a colleague to approve',
    ],
    ['nobody', { wave: 2, actor: '' }, /^not understood: actor: .*; expected \{"id":"1","verb":"approve"/],
  ] as const)(
    'refuses an approval for or by %s, by update and by signal',
    async ([, approval, sentence], { stage }) => {
      const it = await stage();
      const release = await atGate(it, { notRequester: true });
      const answer = await release.decide({ verb: 'approve', ...approval });
      expect(answer.accepted).toBe(false);
      expect(answer.message).toMatch(sentence);
      const isReadable = !('actor' in approval && approval.actor === '');
      if (isReadable) {
        expect(await release.signal({ verb: 'approve', ...approval })).toMatchObject({
          accepted: false,
          answer: sentence,
        });
      }
      expect((await release.state()).gate?.approvedBy).toEqual([]);
      expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
      await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
      expect(await release.result()).toMatchObject({ outcome: 'done' });
    },
  );

  test('refuses an approval before it is open and after it was passed', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'reloadServers' });
    const release = await it.start(aRelease({ gates: [{ before: 2 }, { before: 3 }] }));
    await held.reached;
    expect(await release.decide({ verb: 'approve', wave: 2 })).toEqual({
      accepted: false,
      message: 'scripts-2-0 waits at no gate: it is updating wave 1',
    });
    held.release();
    await release.until('the gate', isOpen);
    await release.decide({ verb: 'approve', wave: 2 });
    await release.until('the next gate', ({ gate }) => gate?.wave === 3);
    expect(await release.decide({ verb: 'approve', wave: 2 })).toMatchObject({ accepted: false });
    expect((await release.state()).gate?.approvedBy).toEqual([]);
    await release.decide({ verb: 'approve', wave: 3 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('counts a decision once however often it arrives, and a person once', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it, { approvals: 2 });
    const vote = { verb: 'approve', wave: 2, id: 'vote-of-bob', actor: 'bob' } as const;
    const first = await release.decide(vote);
    expect(first.message).toMatch(/^approved wave 2; 1 more needed within /);
    expect(await release.decide(vote)).toEqual(first);
    expect(await release.signal(vote)).toMatchObject({ accepted: true, answer: first.message });
    expect(await release.decide({ ...vote, id: 'again' })).toEqual({
      accepted: false,
      message: 'bob has approved wave 2 already',
    });
    expect((await release.state()).gate?.approvedBy).toEqual(['bob']);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    expect(await release.decide({ ...vote, id: 'vote-of-cid', actor: 'cid' })).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('a rejection', () => {
  test('rolls the release back when its policy says so, and names person and reason', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    await release.decide({ verb: 'reject', wave: 2, actor: 'bob', reason: 'players complain' });
    expect(await release.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: 'bob rejected wave 2: players complain; every server proves 1.0',
    });
  });

  test('pauses the release when its policy says so; resuming opens the gate anew, without old votes', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await atGate(it, { approvals: 2 }, { onFailure: { then: 'pause' } });
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    await release.decide({ verb: 'reject', wave: 2, actor: 'cid', reason: 'not yet' });
    const paused = await release.until('the pause', isPaused);
    expect(paused.pausedBecause).toBe('cid rejected wave 2: not yet');
    await release.decide({ verb: 'resume' });
    expect((await release.decide({ verb: 'approve', wave: 2, actor: 'bob' })).message).toMatch('1 more needed');
    await release.decide({ verb: 'approve', wave: 2, actor: 'cid' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('a gate at which nobody decides in time', () => {
  test('lets the wave through when it says proceed', async ({ stage }) => {
    const release = await (
      await stage()
    ).start(aRelease({ gates: [{ before: 2, timeout: '100ms', onTimeout: 'proceed' }] }));
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('rolls back when it says rollback', async ({ stage }) => {
    const release = await (
      await stage()
    ).start(aRelease({ gates: [{ before: 2, timeout: '100ms', onTimeout: 'rollback' }] }));
    expect(await release.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: 'nobody decided at the gate within 100ms; every server proves 1.0',
    });
  });

  test('pauses when it says pause; resuming gives people the whole time again', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2, timeout: '4s', onTimeout: 'pause' }] }));
    const paused = await release.until('the pause', isPaused);
    expect(paused.pausedBecause).toBe('nobody decided at the gate within 4s');
    await release.decide({ verb: 'resume' });
    await release.until(
      'the gate',
      ({ phase, gate }) => phase === 'waiting-approval' && gate!.openedAt > paused.wait!.since,
    );
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('a pause at a gate', () => {
  test('keeps the votes; an approval that comes meanwhile says that somebody has to resume', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it, { approvals: 2 });
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    await release.decide({ verb: 'pause', reason: 'lunch' });
    await release.until('the pause', isPaused);
    expect(await release.decide({ verb: 'approve', wave: 2, actor: 'cid' })).toEqual({
      accepted: true,
      message: 'approved wave 2; it starts when somebody resumes',
    });
    expect((await release.state()).phase).toBe('paused');
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(FIRST_WAVE);
    await release.decide({ verb: 'resume' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});
