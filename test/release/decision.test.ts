import { describe, expect, test } from 'vitest';
import { applyDecision } from '../../release/decision.ts';
import { why } from '../../release/narrate.ts';
import { initialState } from '../../release/state.ts';
import type { Decision, ReleaseState } from '../../release/state.ts';

const NOW = 1_000_000;

function aState(change: Partial<ReleaseState> = {}): ReleaseState {
  const set = { namespace: 'arena', name: 'duel' };
  const identity = {
    release: 'r1',
    cluster: 'c',
    set,
    strategy: 'rolling',
    requester: 'ann',
    image: 'i:2',
    version: '2',
  };
  return { ...initialState(identity, NOW), phase: 'updating', previousVersion: '1', ...change };
}

const gateSpec = { before: 2, approvals: 2, notRequester: true, timeout: 60_000, onTimeout: 'pause' } as const;
const atGate = (): ReleaseState =>
  aState({ phase: 'waiting-approval', gate: { wave: 2, spec: gateSpec, openedAt: NOW, approvedBy: [] } });

const aDecision = (change: Partial<Decision> = {}): Decision => ({
  id: 'd1',
  verb: 'approve',
  release: 'r1',
  wave: 2,
  actor: 'bob',
  channel: 'test',
  ...change,
});

function decide(
  state: ReleaseState,
  ...decisions: Partial<Decision>[]
): { state: ReleaseState; answers: string[]; accepted: boolean[] } {
  const answers: string[] = [];
  const accepted: boolean[] = [];
  for (const change of decisions) {
    const result = applyDecision(state, aDecision(change), NOW);
    state = result.state;
    answers.push(result.answer.message);
    accepted.push(result.answer.accepted);
  }
  return { state, answers, accepted };
}

describe('a gate', () => {
  test('counts each person once and each decision once', () => {
    const { state, accepted } = decide(atGate(), { id: 'a' }, { id: 'a' }, { id: 'b' }, { id: 'c', actor: 'cid' });
    expect(state.gate?.approvedBy).toEqual(['bob', 'cid']);
    expect(accepted).toEqual([true, true, false, true]);
  });

  test.each([
    ['approved', [{ id: 'a' }, { id: 'b', actor: 'cid' }], 'wave 2 was approved already, by bob, cid'],
    ['rejected', [{ id: 'a', verb: 'reject', reason: 'no' }], 'wave 2 was rejected by bob already: no'],
  ] as const)('that is %s takes no more votes, for or against', (_what, votes, sentence) => {
    const late = [
      { id: 'x', actor: 'dan' },
      { id: 'y', actor: 'dan', verb: 'reject' },
    ] as const;
    const before = decide(atGate(), ...votes).state;
    const { state, answers, accepted } = decide(before, ...late);
    expect(accepted).toEqual([false, false]);
    expect(answers).toEqual([sentence, sentence]);
    expect(state.gate).toEqual(before.gate);
  });

  test.each([
    ['another wave', { wave: 3 }, /gate before wave 3 is not open/],
    ['no wave', { wave: undefined }, /say which wave/],
    ['another release', { release: 'r0' }, /is for release r0/],
    ['the requester', { actor: 'ann' }, /wants somebody else/],
  ])('refuses an approval for or by %s with a sentence', (_what, change, sentence) => {
    const { state, answers, accepted } = decide(atGate(), change);
    expect(accepted).toEqual([false]);
    expect(answers[0]).toMatch(sentence);
    expect(state.gate?.approvedBy).toEqual([]);
  });
});

test('a refused verb names the right one', () => {
  expect(decide(atGate(), { verb: 'resume' }).answers[0]).toMatch(/approve --wave 2/);
  expect(decide(aState({ phase: 'paused' }), { verb: 'approve' }).answers[0]).toMatch(/resume/);
  expect(decide(aState(), { verb: 'cancel' }).answers[0]).toMatch(/--then hold/);
});

test.each(['done', 'rolled-back', 'failed', 'cancelled', 'refused'] as const)(
  'an ended release (%s) refuses every verb',
  (phase) => {
    const verbs = ['approve', 'reject', 'pause', 'resume', 'rollback', 'cancel'] as const;
    const { accepted } = decide(aState({ phase }), ...verbs.map((verb) => ({ id: verb, verb, then: 'hold' as const })));
    expect(accepted).toEqual(verbs.map(() => false));
  },
);

test('rollback is accepted in every state that has not ended and is not rolling back', () => {
  for (const phase of ['planning', 'updating', 'baking', 'waiting-approval', 'paused'] as const) {
    const { state } = decide(aState({ phase, requests: { pause: { actor: 'x', reason: 'y' } } }), { verb: 'rollback' });
    expect(state.requests.rollback).toBeDefined();
    expect(state.requests.pause).toBeUndefined();
  }
});

test('why says what it waits for, on whom, since when and how long still', () => {
  const wait = { for: 'waits for 2 approvals before wave 2', owner: 'a person', since: NOW, until: NOW + 7_200_000 };
  expect(why({ ...atGate(), wait }, NOW + 90_000)).toBe(
    'waits for 2 approvals before wave 2 (on a person, for 90s, 118m30s left)',
  );
});
