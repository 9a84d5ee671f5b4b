import { describe, expect, test } from 'vitest';
import { applyDecision } from '../../release/decisions/decision.ts';
import { why } from '../../release/narrate/narrate.ts';
import { VERBS, initialState } from '../../release/progress/state.ts';
import { endsFirst } from '../../release/decisions/halt.ts';
import { OPEN_PHASES, VERB_TABLE } from '../../release/decisions/verbs.ts';
import type { OpenPhase } from '../../release/decisions/verbs.ts';
import type { Decision, ReleaseState } from '../../release/progress/state.ts';

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
      { id: 'y', actor: 'dan', verb: 'reject', reason: 'no' },
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

/** A decision that says all that any verb may ask for, except what contradicts itself. */
const WHOLE = {
  then: 'hold',
  reason: 'because',
  by: 'r2',
  until: NOW + 120_000,
  server: 'duel-3',
  wave: undefined,
} as const satisfies Partial<Decision>;

const failure = { server: 'duel-3', class: 'notReady', reason: 'not Ready' } as const;
const waves = [1, 2].map((number) => ({
  number,
  name: String(number),
  size: 2,
  servers: number === 1 ? '0-1' : '2-3',
  status: number === 1 ? ('done' as const) : ('running' as const),
  ready: 0,
  proven: 0,
  failed: 0,
}));

/** A release in a phase as the runbook would have it there, in which every verb that the table accepts can be right. */
function inPhase(phase: OpenPhase): ReleaseState {
  const gate = { wave: 2, spec: gateSpec, openedAt: NOW, approvedBy: [] };
  return aState({
    phase,
    wave: 2,
    waves,
    failures: [failure],
    ...(phase === 'waiting-approval' || phase === 'pausing' || phase === 'paused' || phase === 'halted'
      ? { gate }
      : {}),
    ...(phase === 'frozen' ? { freeze: { window: 'weekend', until: NOW + 60_000 } } : {}),
    ...(phase === 'halted' ? { halt: { actor: 'ops', reason: 'fire', since: NOW, until: NOW + 60_000 } } : {}),
    ...(phase === 'paused' || phase === 'pausing' ? { pausedBecause: 'it failed' } : {}),
  });
}

describe.each(VERBS)('%s', (verb) => {
  test.each(Object.keys(OPEN_PHASES) as OpenPhase[])('while it is %s does what the table says', (phase) => {
    const cell = VERB_TABLE[verb][phase];
    const vote = verb === 'approve' || verb === 'reject' ? { wave: 2, server: undefined } : {};
    const { accepted, answers } = decide(inPhase(phase), { ...WHOLE, ...vote, verb });
    expect(accepted).toEqual(['accepts' in cell]);
    expect(answers[0]).not.toMatch(/[{}]|undefined/);
    if ('refuses' in cell && verb !== 'halt') expect(answers[0]!.length).toBeGreaterThan(20);
  });
});

test('a crowd of refused decisions does not push out those that steered the release', () => {
  const crowd = Array.from({ length: 300 }, (_, index) => ({ id: `late-${index}`, actor: 'dan' }));
  const { state } = decide(atGate(), { id: 'a' }, { id: 'b', actor: 'cid' }, ...crowd);
  expect(state.decisions).toHaveLength(200);
  expect(state.decisions.slice(0, 2).map(({ actor, accepted }) => [actor, accepted])).toEqual([
    ['bob', true],
    ['cid', true],
  ]);
});

describe('a halted release that is the cause of the halt', () => {
  const again = { id: 'again', verb: 'halt', until: NOW + 120_000 } as const;

  test.each([
    [{ verb: 'rollback' }, 'rolling back to 1, in spite of the halt by ops (fire)'],
    [
      { verb: 'cancel', then: 'hold' },
      'cancelling: every server stays on the version it has, in spite of the halt by ops (fire)',
    ],
    [{ verb: 'cancel', then: 'rollback' }, 'cancelling: rolling back first, in spite of the halt by ops (fire)'],
  ] as const)('leaves it by %j, and the halt that is told again does not undo that', (wish, answer) => {
    const { state, answers, accepted } = decide(inPhase('halted'), { id: 'first', ...wish }, again);
    expect(answers[0]).toBe(answer);
    expect(accepted).toEqual([true, false]);
    expect(state.halt).toBeUndefined();
    expect(endsFirst(state)).toBe(true);
  });

  test('goes back as a whole only', () => {
    const { accepted, answers, state } = decide(inPhase('halted'), { verb: 'rollback', scope: 'failed' });
    expect(accepted).toEqual([false]);
    expect(answers[0]).toMatch(/rollback without --scope, or hotwave unhalt first/);
    expect(state.halt).toBeDefined();
  });

  test('and goes back while it is about to halt: a halt that has not begun holds no rollback up', () => {
    const halted = { ...inPhase('updating'), halt: inPhase('halted').halt };
    expect(decide(halted, { id: '1', verb: 'rollback' }, again).accepted).toEqual([true, false]);
  });

  test('a part that goes back, or nothing, is stopped by a halt', () => {
    const part = decide(inPhase('paused'), { id: '1', verb: 'rollback', scope: 'failed' }, again);
    expect(part.accepted).toEqual([true, true]);
    expect(endsFirst(part.state)).toBe(false);
    expect(decide(inPhase('updating'), again).accepted).toEqual([true]);
  });
});

test('a line that goes on is not let go twice', () => {
  const { accepted } = decide(inPhase('halted'), { id: '1', verb: 'unhalt' }, { id: '2', verb: 'unhalt' });
  expect(accepted).toEqual([true, false]);
});

describe('a gate of groups', () => {
  const groups = [
    { name: 'ops', members: ['bob', 'ben'], needed: 1 },
    { name: 'leads', members: ['cleo', 'bob'], needed: 1 },
  ];
  const ofGroups = (): ReleaseState => {
    const state = atGate();
    return { ...state, gate: { ...state.gate!, groups, spec: { ...gateSpec, approvals: 1 } } };
  };

  test('wants the number of each group, and one person in two groups is one person', () => {
    const { answers, accepted } = decide(
      ofGroups(),
      { id: 'a', actor: 'dan' },
      { id: 'b', actor: 'bob' },
      { id: 'c', actor: 'ben' },
    );
    expect(accepted).toEqual([false, true, true]);
    expect(answers[0]).toBe('dan is in no group that decides about wave 2: ask somebody of ops or leads');
    expect(answers[1]).toBe('approved wave 2; 1 more needed within 60s');
    expect(answers[2]).toBe('approved: wave 2 starts');
  });

  test('names the group that is missing', () => {
    expect(decide(ofGroups(), { actor: 'ben' }).answers[0]).toBe('approved wave 2; 1 more of leads needed within 60s');
  });
});

test('a vote for another plan than the one at work is refused', () => {
  const state = { ...atGate(), planHash: 'abcdef0123456789' };
  expect(decide(state, { plan: '0123456789abcdef' }).answers[0]).toMatch(
    /is for plan 01234567, but r1 has plan abcdef01/,
  );
  expect(decide(state, { plan: 'abcdef01' }).accepted).toEqual([true]);
});

test.each([
  ['reject', 'a reason', { verb: 'reject' }, /say why/],
  ['skip', 'a reason', { verb: 'skip', wave: undefined, server: 'duel-3' }, /say why/],
  ['skip', 'a server or wave', { verb: 'skip', wave: undefined, reason: 'x' }, /--server NAME or skip --wave N/],
  [
    'skip',
    'a server of the release',
    { verb: 'skip', wave: undefined, server: 'duel-9', reason: 'x' },
    /no wave of r1/,
  ],
  ['skip', 'a wave that is not done', { verb: 'skip', wave: 1, reason: 'x' }, /wave 1 is done/],
  ['cancel', 'what becomes of the servers', { verb: 'cancel' }, /--then hold/],
  ['rollback', 'a strategy that can', { verb: 'rollback', order: 'reverse' }, /only a targeted release/],
] as const)('%s wants %s and says so', (_verb, _what, change, sentence) => {
  const { accepted, answers } = decide(inPhase('paused'), change);
  expect(accepted).toEqual([false]);
  expect(answers[0]).toMatch(sentence);
});

test('a freeze window is overridden by a second person only', () => {
  const given = { verb: 'override-freeze', reason: 'cannot wait' } as const;
  const { accepted, state } = decide(inPhase('frozen'), { ...given, id: '1', actor: 'ann' }, { ...given, id: '2' });
  expect(accepted).toEqual([false, true]);
  expect(state.freeze?.overridden).toEqual({ actor: 'bob', reason: 'cannot wait' });
});

test('after a foreign edit, resume says whose values stay, and retry waits for that', () => {
  const edited = {
    ...inPhase('paused'),
    foreignEdit: { what: 'kubectl-edit changed replicas from 3 to 5', seenAt: NOW },
  };
  const { accepted, state } = decide(
    edited,
    { id: '1', verb: 'retry' },
    { id: '2', verb: 'resume' },
    { id: '3', verb: 'resume', wins: 'release' },
  );
  expect(accepted).toEqual([false, false, true]);
  expect(state.foreignEdit?.wins).toBe('release');
  expect(decide(inPhase('paused'), { verb: 'resume', wins: 'edit' }).accepted).toEqual([false]);
});

test('a partial rollback is for a release that stands still', () => {
  const wish = { verb: 'rollback', scope: 'failed' } as const;
  expect(decide(inPhase('updating'), wish).answers[0]).toMatch(/pause r1 first/);
  expect(decide(inPhase('paused'), wish).state.requests.rollback).toMatchObject({ scope: 'failed' });
});

test('a part of a release goes back only where that can be, and of a wave only one that has begun', () => {
  const wave = (number: number, status: 'pending' | 'done') =>
    ({ number, name: '1', size: 1, servers: String(number), status, ready: 0, proven: 0, failed: 0 }) as const;
  const wish = { verb: 'rollback', scope: 'wave' } as const;
  const atSecond = { ...atGate(), wave: 2, waves: [wave(1, 'done'), wave(2, 'pending')] };
  expect(decide(atSecond, wish).answers).toEqual(['rolling wave 1 back to 1; then it stands still again']);
  expect(decide({ ...atSecond, waves: [wave(1, 'pending')] }, wish).answers[0]).toMatch(/no wave to roll back/);
  expect(decide({ ...inPhase('paused'), strategy: 'newServersOnly' }, wish).answers[0]).toMatch(/for new servers only/);
  expect(decide({ ...inPhase('paused'), goesBack: true }, wish).answers[0]).toMatch(/goes back as a whole/);
});

test('a skipped server has not failed, and is skipped once', () => {
  const failures = [{ server: 'duel-1', class: 'reload', reason: 'r' }] as const;
  const waves = [{ ...inPhase('paused').waves[0]!, number: 1, servers: '0-3', status: 'failed' as const }];
  const skip = { verb: 'skip', wave: undefined, server: 'duel-1', reason: 'x' } as const;
  const { state, accepted } = decide(
    { ...inPhase('paused'), failures, waves },
    { ...skip, id: '1' },
    { ...skip, id: '2' },
  );
  expect(accepted).toEqual([true, false]);
  expect(state).toMatchObject({ failures: [], skipped: [{ server: 'duel-1', actor: 'bob', reason: 'x' }] });
});

test('while a release goes back, any of its servers can be left out, also of waves that are done', () => {
  const skip = { verb: 'skip', wave: undefined, server: 'duel-1', reason: 'x' } as const;
  const done = inPhase('paused');
  const waves = [{ ...done.waves[0]!, number: 1, servers: '0-3', status: 'done' as const }];
  expect(decide({ ...done, waves }, skip).answers[0]).toMatch(/wave 1, which is done/);
  expect(decide({ ...done, waves, goesBack: true }, skip).answers).toEqual([
    'duel-1 is skipped: the rollback goes on without it',
  ]);
});

test('a newer release that takes over is named, and ends the older one as a cancel does', () => {
  const { state, answers } = decide(aState(), { verb: 'supersede', then: 'hold', by: 'r2' });
  expect(state).toMatchObject({ supersededBy: 'r2', requests: { cancel: { then: 'hold' } } });
  expect(answers[0]).toBe('r2 takes over the servers as they are');
  expect(decide(aState(), { verb: 'supersede', then: 'hold', by: 'r1' }).accepted).toEqual([false]);
});

test('a refused verb names the right one', () => {
  expect(decide(atGate(), { verb: 'resume' }).answers[0]).toMatch(/approve --wave 2/);
  expect(decide(aState({ phase: 'paused' }), { verb: 'approve' }).answers[0]).toMatch(/resume/);
  expect(decide(aState(), { verb: 'cancel' }).answers[0]).toMatch(/--then hold/);
});

test.each(['done', 'rolled-back', 'failed', 'cancelled', 'refused'] as const)(
  'an ended release (%s) refuses every verb',
  (phase) => {
    const { accepted } = decide(aState({ phase }), ...VERBS.map((verb) => ({ ...WHOLE, id: verb, verb })));
    expect(accepted).toEqual(VERBS.map(() => false));
  },
);

test('rollback is accepted in every state that has not ended and is not rolling back', () => {
  for (const phase of ['planning', 'updating', 'baking', 'waiting-approval', 'paused'] as const) {
    const { state } = decide(aState({ phase, requests: { pause: { actor: 'x', reason: 'y' } } }), { verb: 'rollback' });
    expect(state.requests.rollback).toBeDefined();
    expect(state.requests.pause).toBeUndefined();
  }
});

test('whoever asks for a rollback twice hears what it does and that it goes on, and no deadline that is over', () => {
  const wait = { for: 'brings 1 back', owner: 'the API server', since: NOW, until: NOW + 60_000 };
  const goesOn = 'and goes on by itself: nothing more has to be sent';
  const back = aState({ phase: 'rolling-back', goesBack: true, wait });
  expect(decide(back, { verb: 'rollback' }).answers).toEqual([
    `r1 is rolling back already: brings 1 back; it waits for the API server, until 1970-01-01 00:17:40 UTC at the latest, ${goesOn}`,
  ]);
  const late = aState({ phase: 'rolling-back', goesBack: true, wait: { ...wait, until: NOW - 1 } });
  expect(decide(late, { verb: 'rollback' }).answers).toEqual([
    `r1 is rolling back already: brings 1 back; it waits for the API server ${goesOn}`,
  ]);
  const asked = aState({ requests: { rollback: { actor: 'ann', reason: 'x', order: 'all' } }, wait });
  expect(decide(asked, { id: '2', verb: 'rollback' }).answers).toEqual([
    `r1 is rolling back already: brings 1 back; it waits for the API server, until 1970-01-01 00:17:40 UTC at the latest, ${goesOn}`,
  ]);
});

test('why says what it waits for, on whom, since when and how long still', () => {
  const wait = { for: 'waits for 2 approvals before wave 2', owner: 'a person', since: NOW, until: NOW + 7_200_000 };
  expect(why({ ...atGate(), wait }, NOW + 90_000)).toBe(
    'waits for 2 approvals before wave 2 (a person, for 90s, 118m30s left)',
  );
});

describe('a pause that is still being carried out', () => {
  const pausing = aState({ phase: 'pausing', pausedBecause: 'by bob: look' });

  test('is there already', () => {
    expect(decide(pausing, { verb: 'pause', actor: 'carol' }).accepted).toEqual([false]);
  });

  test('can be asked for again once somebody has resumed', () => {
    const { state, accepted } = decide(
      pausing,
      { id: 'a', verb: 'resume' },
      { id: 'b', verb: 'pause', actor: 'carol' },
      { id: 'c', verb: 'pause', actor: 'dan' },
    );
    expect(accepted).toEqual([true, true, false]);
    expect(state.requests.pause?.actor).toBe('carol');
  });
});

test("priorities that somebody changed can stay: a plain resume lets Kruise's order count", () => {
  const foreignEdit = {
    what: 'okg changed /spec/updatePriority of duel-3 from 10 to 7',
    seenAt: NOW,
    ofOrder: true,
  } as const;
  const paused = aState({ phase: 'paused', pausedBecause: foreignEdit.what, foreignEdit });
  const { state, accepted } = decide(paused, { verb: 'resume' });
  expect(accepted).toEqual([true]);
  expect(state).toMatchObject({ foreignEdit: { wins: 'order' }, pausedBecause: undefined });
  expect(decide(paused, { verb: 'resume', wins: 'release' }).state.foreignEdit?.wins).toBe('release');
});
