import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyDecision } from '../../release/decisions/decision.ts';
import { usefulVerbs } from '../../release/decisions/verbs.ts';
import { VERBS, initialState, isFinal } from '../../release/progress/state.ts';
import type { Decision, Phase, ReleaseState } from '../../release/progress/state.ts';

const PEOPLE = ['ann', 'bob', 'cleo'] as const;
const PHASES: readonly Phase[] = [
  'planning',
  'updating',
  'baking',
  'watching',
  'waiting-approval',
  'frozen',
  'pausing',
  'paused',
  'halted',
  'rolling-back',
  'done',
  'rolled-back',
  'failed',
  'cancelled',
  'refused',
];
const GATE = { before: 2, approvals: 2, notRequester: true, timeout: 60_000, onTimeout: 'pause' } as const;

/** An event of a release between two looks: somebody decides, or the runbook goes on. */
type Step =
  | { readonly kind: 'decision'; readonly decision: Decision }
  | { readonly kind: 'phase'; readonly phase: Phase }
  | { readonly kind: 'later'; readonly milliseconds: number };

const decisions = fc.record<Decision>({
  // Few ids, so that clicks are repeated.
  id: fc.integer({ min: 1, max: 40 }).map(String),
  // Mostly votes, or no gate would ever be settled.
  verb: fc.constantFrom('approve', 'approve', 'approve', 'reject', ...VERBS),
  release: fc.constantFrom('r1', 'r1', 'r1', 'r0'),
  wave: fc.constantFrom(undefined, 1, 2, 2, 2, 3),
  then: fc.constantFrom(undefined, 'hold' as const, 'rollback' as const),
  actor: fc.constantFrom(...PEOPLE),
  channel: fc.constant('test'),
  reason: fc.constantFrom(undefined, 'because'),
});

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: decisions.map((decision): Step => ({ kind: 'decision', decision })) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom<Phase>('waiting-approval', 'paused', 'waiting-approval', ...PHASES)
        .map((phase): Step => ({ kind: 'phase', phase })),
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: -1, max: 100_000 }).map((milliseconds): Step => ({ kind: 'later', milliseconds })),
    },
  ),
  { maxLength: 30, size: 'max' },
);

function start(): ReleaseState {
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
  return initialState(identity, 0);
}

/** The runbook goes on: a gate is there while it waits at one and while it is paused there. */
function entered(state: ReleaseState, phase: Phase, now: number): ReleaseState {
  const gate = phase === 'waiting-approval' ? { wave: 2, spec: GATE, openedAt: now, approvedBy: [] } : state.gate;
  const keeps = ['waiting-approval', 'pausing', 'paused', 'halted'].includes(phase);
  return {
    ...state,
    phase,
    gate: keeps ? gate : undefined,
    requests: {},
    ...(phase === 'paused' ? { pausedBecause: 'somebody asked' } : {}),
    ...(phase === 'frozen' ? { freeze: { window: 'weekend', until: now + 60_000 } } : {}),
    halt: phase === 'halted' ? { actor: 'ops', reason: 'fire', since: now, until: now + 60_000 } : undefined,
  };
}

function isLeaving({ requests }: ReleaseState): boolean {
  return requests.rollback !== undefined || requests.cancel !== undefined;
}

/** The votes of the gate as a reference that knows only the rules, not the code. */
class Votes {
  approvers = new Set<string>();
  rejected = false;

  counts({ verb, release, wave, actor, reason }: Decision, state: ReleaseState): boolean {
    const open = state.gate !== undefined && ['waiting-approval', 'pausing', 'paused', 'halted'].includes(state.phase);
    const settled = this.rejected || this.approvers.size >= GATE.approvals;
    const meant = release === 'r1' && wave === 2;
    if (!open || settled || !meant || isLeaving(state)) return false;
    if (verb === 'reject') return reason !== undefined;
    return actor !== state.requester && !this.approvers.has(actor);
  }

  take({ verb, actor }: Decision): void {
    if (verb === 'reject') this.rejected = true;
    else this.approvers.add(actor);
  }
}

function differences(before: ReleaseState, after: ReleaseState): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => before[key as keyof ReleaseState] !== after[key as keyof ReleaseState]);
}

/** A release under the steps of a story, checked at each. */
class Story {
  #state = start();
  #now = 0;
  #votes = new Votes();
  readonly #answers = new Map<string, unknown>();

  take(step: Step): void {
    if (step.kind === 'later') this.#now += step.milliseconds;
    else if (step.kind === 'decision') this.#decide(step.decision);
    else if (!isFinal(this.#state.phase)) {
      if (step.phase === 'waiting-approval') this.#votes = new Votes();
      this.#state = entered(this.#state, step.phase, this.#now);
    }
  }

  #decide(decision: Decision): void {
    const before = this.#state;
    const { state: after, answer } = applyDecision(before, decision, this.#now);
    expect(answer.message).not.toBe('');
    if (this.#answers.has(decision.id)) {
      // The same click twice is one decision with one answer.
      expect(answer).toEqual(this.#answers.get(decision.id));
      expect(after).toBe(before);
      return;
    }
    this.#answers.set(decision.id, answer);
    this.#compare(decision, before, answer.accepted);
    if (!answer.accepted) expect(differences(before, after)).toEqual(['decisions']);
    expect(after.decisions.at(-1)).toMatchObject({ id: decision.id, at: this.#now, accepted: answer.accepted });
    this.#state = after;
  }

  #compare(decision: Decision, before: ReleaseState, accepted: boolean): void {
    if (isFinal(before.phase) || decision.release !== 'r1') expect(accepted).toBe(false);
    if (decision.verb !== 'approve' && decision.verb !== 'reject') return;
    expect(accepted).toBe(this.#votes.counts(decision, before));
    if (accepted) this.#votes.take(decision);
  }
}

test('whatever people decide in whatever order, a decision counts exactly when the rules say so, and is always answered', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const story = new Story();
      for (const step of taken) story.take(step);
    }),
    { numRuns: 10_000 },
  );
}, 60_000);

test('from every state that has not ended there is a way out that a person can take, and the hints name only verbs that work', () => {
  const decide = (state: ReleaseState, verb: Decision['verb']): boolean =>
    applyDecision(
      state,
      { id: 'x', verb, release: 'r1', wave: 2, then: 'hold', actor: 'bob', channel: 'test', reason: 'x' },
      0,
    ).answer.accepted;
  for (const phase of PHASES) {
    const state = entered(start(), phase, 0);
    for (const verb of usefulVerbs(state)) expect([phase, verb, decide(state, verb)]).toEqual([phase, verb, true]);
    const ways = VERBS.filter((verb) => decide(state, verb));
    if (isFinal(phase)) expect(ways).toEqual([]);
    // A rollback ends by itself, or pauses with a reason when it cannot.
    else if (phase === 'halted') expect(ways).toContain('unhalt');
    else if (phase !== 'rolling-back') expect(ways).toContain('cancel');
  }
});
