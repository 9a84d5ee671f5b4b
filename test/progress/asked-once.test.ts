import { expect, test } from 'vitest';
import { applyDecision } from '../../release/decisions/decision.ts';
import { apply } from '../../release/progress/apply.ts';
import type { Event } from '../../release/progress/events.ts';
import { nextStep } from '../../release/progress/next-step.ts';
import { aPlannedRelease } from './a-planned-release.ts';
import { NEW_IMAGE } from '../support/builders.ts';

const NOW = 1_000;

/** The watch's sentence about a priority that somebody has written. */
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
  const paused = apply(
    apply(aPlannedRelease([{ name: 'quiet', servers: [0] }, 'rest'], NOW), seen, NOW),
    { kind: 'paused', reason: seen.what! },
    NOW,
  );
  const decision = { id: '1', verb: 'resume', release: 'r', actor: 'bob', channel: 'test' } as const;
  const { state, answer } = applyDecision({ ...paused.state, phase: 'paused' }, decision, NOW);
  expect(answer.accepted).toBe(true);
  const told = apply({ ...paused, state }, seen, NOW);
  expect(nextStep(told, NOW)).toEqual({ kind: 'note', event: { kind: 'resumed' } });
  const goesOn = apply(told, { kind: 'resumed' }, NOW);
  expect(goesOn.state).toMatchObject({ foreignEdit: undefined, pausedBecause: undefined });
  expect(goesOn.progress.order).toBe('followed');
});
