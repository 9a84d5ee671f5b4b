import { describe, expect, test } from 'vitest';
import { decisionFor, decisionId } from '../../client/decisions/decision.ts';
import { EXIT, exitCodeOf } from '../../client/terminal/exit-codes.ts';
import { parseTarget } from '../../client/decisions/target.ts';
import { aReleaseState, NOW, PHASES } from './support.ts';

const gate = {
  wave: 2,
  spec: { before: 2, approvals: 2, notRequester: true, timeout: 60_000, onTimeout: 'pause' },
  openedAt: NOW,
  approvedBy: [],
} as const;
const atGate = aReleaseState({ phase: 'waiting-approval', gate });
const vote = { verb: 'approve', wave: 2, actor: 'bob' } as const;

describe('the id of a decision', () => {
  test('is the same for the same vote at the same gate, so that a repeated command counts once', () => {
    expect(decisionId(vote, atGate)).toBe(decisionId(vote, atGate));
  });

  test.each([
    ['another person', { ...vote, actor: 'eve' }, atGate],
    ['another verb', { ...vote, verb: 'reject' as const }, atGate],
    ['a gate that was opened again', vote, aReleaseState({ gate: { ...gate, openedAt: NOW + 1 } })],
    ['another cluster', vote, { ...atGate, cluster: 'eu' }],
  ])('differs for %s', (_, wish, state) => {
    expect(decisionId(wish, state)).not.toBe(decisionId(vote, atGate));
  });

  test('is new each time before the gate opens: a refused early vote must not decide over the later one', () => {
    const early = aReleaseState();
    expect(decisionId(vote, early)).not.toBe(decisionId(vote, early));
  });

  test('is new each time for pause, which can be wished again after resume', () => {
    const pause = { verb: 'pause', actor: 'bob' } as const;
    expect(decisionId(pause, atGate)).not.toBe(decisionId(pause, atGate));
  });

  test('can be given', () => {
    expect(decisionFor({ ...vote, id: 'job-17' }, 'scripts-2-0', atGate).id).toBe('job-17');
  });
});

describe('a decision', () => {
  test('carries the release, so that a late one cannot steer the next', () => {
    expect(decisionFor({ ...vote, reason: 'fine' }, 'scripts-2-0', atGate)).toMatchObject({
      verb: 'approve',
      release: 'scripts-2-0',
      wave: 2,
      actor: 'bob',
      channel: 'cli',
      reason: 'fine',
    });
  });

  test('with a reason that is too long is refused before it is sent', () => {
    expect(() => decisionFor({ ...vote, reason: 'x'.repeat(1_001) }, 'r', atGate)).toThrow(/--reason/);
  });
});

describe('exit codes', () => {
  test('tell a script how a release ended or why it stands still', () => {
    expect(Object.fromEntries(PHASES.map((phase) => [phase, exitCodeOf({ phase })]))).toEqual({
      planning: EXIT.ok,
      updating: EXIT.ok,
      baking: EXIT.ok,
      'waiting-approval': 3,
      paused: 3,
      'rolling-back': EXIT.ok,
      done: 0,
      'rolled-back': 2,
      failed: 1,
      cancelled: 5,
      refused: 6,
    });
  });

  test('tell a cluster that did not answer from a refusal: the same release may be accepted later', () => {
    expect(exitCodeOf({ phase: 'refused', unreachable: true })).toBe(7);
  });
});

describe('a SET argument', () => {
  const flags = { cluster: 'default', namespace: 'arena' };

  test.each([
    ['duel', { cluster: 'default', namespace: 'arena', name: 'duel', qualified: false }],
    ['lobby/duel', { cluster: 'default', namespace: 'lobby', name: 'duel', qualified: true }],
    ['hotwave/eu/lobby/duel', { cluster: 'eu', namespace: 'lobby', name: 'duel', qualified: true }],
  ])('%s', (argument, target) => {
    expect(parseTarget(argument, flags)).toEqual(target);
  });

  test.each(['', 'a/b/c', 'Duel', "x' OR 1=1", 'lobby/', '/duel'])('%j names no set', (argument) => {
    expect(() => parseTarget(argument, flags)).toThrow(/names no GameServerSet/);
  });
});
