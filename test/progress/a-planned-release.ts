import { isPlan } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { initialState, withPlan } from '../../release/progress/state.ts';
import { initialProgress } from '../../release/progress/table.ts';
import type { Release } from '../../release/progress/table.ts';
import { aRelease } from '../support/a-release.ts';
import { NEW_IMAGE, SET, aGameServer, aSet, servers } from '../support/builders.ts';

/** A release of the three servers duel-0 to duel-2 to version 2.0, planned, of which nothing is written yet. */
export function aPlannedRelease(waves: readonly unknown[], now: number): Release {
  const { spec } = aRelease({ waves });
  const plan = planRelease(spec, {
    set: aSet({ replicas: 3 }),
    servers: servers(3),
    gameServers: servers(3).map(({ ordinal }) => aGameServer({ ordinal })),
  });
  if (!isPlan(plan)) throw new Error(plan.refusals.join());
  const identity = { release: 'r', cluster: 'c', set: SET, strategy: 'rolling', requester: 'ann' } as const;
  const state = withPlan(initialState({ ...identity, image: NEW_IMAGE, version: '2.0' }, now), plan);
  return { plan, spec, state, progress: initialProgress(plan), isOnRecord: false };
}
