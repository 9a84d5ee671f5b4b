import { expect, test } from 'vitest';
import { applyDecision } from '../../release/decisions/decision.ts';
import { isPlan } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { apply } from '../../release/progress/apply.ts';
import type { Event } from '../../release/progress/events.ts';
import { nextStep } from '../../release/progress/next-step.ts';
import { initialState, withPlan } from '../../release/progress/state.ts';
import { initialProgress } from '../../release/progress/table.ts';
import type { Release } from '../../release/progress/table.ts';
import { aRelease } from '../support/a-release.ts';
import { NEW_IMAGE, SET, aGameServer, aSet, servers } from '../support/builders.ts';

const NOW = 1_000;

/** A release with priorities of its own, planned. */
function aPlannedRelease(): Release {
  const { spec } = aRelease({ waves: [{ name: 'quiet', servers: [0] }, 'rest'] });
  const plan = planRelease(spec, {
    set: aSet({ replicas: 3 }),
    servers: servers(3),
    gameServers: servers(3).map(({ ordinal }) => aGameServer({ ordinal })),
  });
  if (!isPlan(plan)) throw new Error(plan.refusals.join());
  const identity = { release: 'r', cluster: 'c', set: SET, strategy: 'rolling', requester: 'ann' } as const;
  const state = withPlan(initialState({ ...identity, image: NEW_IMAGE, version: '2.0' }, NOW), plan);
  return { plan, spec, state, progress: initialProgress(plan), isOnRecord: false };
}

/** What the watch says of a priority that somebody has written. */
const seen: Event = {
  kind: 'foreignSeen',
  facts: { image: NEW_IMAGE, updateStrategy: undefined, replicas: 3 },
  strays: [{ name: 'duel-2', priority: 95, createdAt: 0 }],
  what: 'okg changed /spec/updatePriority of duel-2 from 10 to 95',
  ofOrder: true,
  seen: undefined,
  told: undefined,
  replicas: 3,
};

test('a priority that a person has decided about is not asked about again when the watch tells it once more', () => {
  const paused = apply(apply(aPlannedRelease(), seen, NOW), { kind: 'paused', reason: seen.what! }, NOW);
  const decision = { id: '1', verb: 'resume', release: 'r', actor: 'bob', channel: 'test' } as const;
  const { state, answer } = applyDecision({ ...paused.state, phase: 'paused' }, decision, NOW);
  expect(answer.accepted).toBe(true);
  const told = apply({ ...paused, state }, seen, NOW);
  expect(nextStep(told, NOW)).toEqual({ kind: 'note', event: { kind: 'resumed' } });
  const goesOn = apply(told, { kind: 'resumed' }, NOW);
  expect(goesOn.state).toMatchObject({ foreignEdit: undefined, pausedBecause: undefined });
  expect(goesOn.progress.order).toBe('followed');
});
