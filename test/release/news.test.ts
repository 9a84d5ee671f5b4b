import { expect, test } from 'vitest';
import { cardOf } from '../../release/notices/card.ts';
import { noticesBetween, withNews } from '../../release/notices/news.ts';
import type { OpenGate, ReleaseState } from '../../release/progress/state.ts';
import { NOW, aReleaseState, waves } from '../client/support.ts';

const gate: OpenGate = {
  wave: 2,
  spec: { before: 2, approvals: 2, notRequester: false, timeout: 60_000, onTimeout: 'pause' },
  openedAt: NOW,
  approvedBy: [],
};
const failure = (server: string): ReleaseState['failures'][number] => ({
  server,
  class: 'version',
  reason: 'runs 1.0',
});

/** The notices about a change from one state to another. */
function told(before: Partial<ReleaseState>, after: Partial<ReleaseState>): string[] {
  const usual = { phase: 'updating', gate: undefined, failures: [] } as const;
  const from = aReleaseState({ ...usual, ...before });
  return noticesBetween(from, { ...from, ...before, ...after }, NOW).map(({ kind }) => kind);
}

test.for<readonly [string, Partial<ReleaseState>, Partial<ReleaseState>, readonly string[]]>([
  ['nothing changed', {}, {}, []],
  ['the plan stands', { phase: 'planning', planHash: '' }, { planHash: 'abc' }, ['started']],
  ['a gate opens', {}, { gate }, ['gate-opened']],
  ['a gate shows itself', { gate }, { phase: 'waiting-approval' }, []],
  ['one of two has approved', { gate }, { gate: { ...gate, approvedBy: ['bob'] } }, ['vote']],
  [
    'the second of two has approved',
    { gate: { ...gate, approvedBy: ['bob'] } },
    { gate: { ...gate, approvedBy: ['bob', 'cleo'] } },
    [],
  ],
  ['its gate waits anew after a pause', { gate }, { gate: { ...gate, openedAt: NOW + 1 } }, []],
  ['people are reminded', { gate }, { gate: { ...gate, reminders: 1 } }, ['reminder']],
  ['a gate is passed', { gate: { ...gate, approvedBy: ['bob', 'cleo'] } }, { gate: undefined }, ['gate-decided']],
  ['a gate is rejected', { gate }, { gate: { ...gate, rejected: { actor: 'bob', reason: 'no' } } }, ['gate-decided']],
  ['a rejected gate goes', { gate: { ...gate, rejected: { actor: 'bob', reason: 'no' } } }, { gate: undefined }, []],
  ['a gate is left for a rollback', { gate }, { gate: undefined, goesBack: true }, []],
  ['a server fails', {}, { failures: [failure('duel-1')] }, ['failing']],
  ['the same server fails again', { failures: [failure('duel-1')] }, { failures: [failure('duel-1')] }, []],
  ['it is being paused', {}, { phase: 'pausing' }, []],
  ['it is paused', { phase: 'pausing' }, { phase: 'paused' }, ['paused']],
  ['it is paused for another reason', { phase: 'paused' }, { pausedBecause: 'duel-4: no proof' }, ['paused']],
  ['a window holds it', {}, { phase: 'frozen' }, ['frozen']],
  ['it is halted', { phase: 'paused' }, { phase: 'halted' }, ['halted']],
  ['it goes on after a pause', { phase: 'paused' }, { phase: 'updating' }, ['resumed']],
  ['it goes on after a window', { phase: 'frozen' }, { phase: 'baking' }, ['resumed']],
  ['it goes back to its gate after a halt', { phase: 'halted', gate }, { phase: 'waiting-approval' }, ['resumed']],
  ['it begins to bake', {}, { phase: 'baking' }, []],
  ['it rolls back', { phase: 'paused' }, { phase: 'rolling-back' }, ['rolling-back']],
  ['it is rolled back', { phase: 'rolling-back' }, { phase: 'rolled-back' }, ['rolled-back']],
  ['it is done', {}, { phase: 'done' }, ['done']],
  ['it fails', {}, { phase: 'failed' }, ['failed']],
  ['it is cancelled', {}, { phase: 'cancelled' }, ['cancelled']],
  ['it is refused', { phase: 'planning', planHash: '' }, { phase: 'refused' }, ['refused']],
])('what is told when %s', ([, before, after, kinds]) => {
  expect(told(before, after)).toEqual(kinds);
});

test('a vote says who approved what, and whose votes are missing', () => {
  const groups = [{ name: 'ops', members: ['bob', 'cleo'], needed: 2 }];
  const before = aReleaseState({ gate: { ...gate, groups } });
  const after = { ...before, gate: { ...gate, groups, approvedBy: ['bob'] } };
  const [vote, ...others] = noticesBetween(before, after, NOW);
  expect(others).toEqual([]);
  expect(vote).toEqual({
    kind: 'vote',
    text: `bob approved wave 2 of ${before.release} on arena/duel: 1 more of ops needed`,
    at: NOW,
  });
});

test('servers that fail one after the other are one notice while nobody was told', () => {
  const state = aReleaseState({ failures: [] });
  const one = noticesBetween(state, { ...state, failures: [failure('duel-1')] }, NOW);
  const two = noticesBetween(state, { ...state, failures: [failure('duel-2')] }, NOW + 1);
  const folded = withNews(one, two, state);
  expect(folded.map(({ kind, at }) => [kind, at])).toEqual([['failing', NOW + 1]]);
  expect(folded[0]!.text).toMatch(
    /^2 servers failed in \S+ on arena\/duel: duel-1 \(version: .*\), duel-2 \(version: .*\)$/,
  );
});

test('a card names at most fifty waves and ten failures, and counts the others', () => {
  const failures = Array.from({ length: 12 }, (_, index) => failure(`duel-${index}`));
  const facts = { workflowId: 'w', runId: 'r', temporalNamespace: 'default' };
  const card = cardOf(aReleaseState({ waves: waves(60), failures }), facts);
  expect([card.waves.length, card.moreWaves, card.failures.length]).toEqual([50, 10, 10]);
  expect(card.failed).toBeGreaterThanOrEqual(12);
  expect(card).toMatchObject(facts);
});
