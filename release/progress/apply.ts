import { applyBack } from './apply-back.ts';
import { applyChecked, applyWhereabouts } from './apply-checked.ts';
import { applyGate } from './apply-gate.ts';
import { applyLook } from './apply-look.ts';
import { applyMembership } from './apply-membership.ts';
import { applySet } from './apply-set.ts';
import { applyStanding } from './apply-standing.ts';
import type { Event } from './events.ts';
import { withCounts } from './groups.ts';
import type { Release } from './table.ts';
import { withObservations } from './state.ts';

/** Draws the consequences of one kind of event; undefined when it is none of its own. */
export type Applier = (release: Release, event: Event, now: number) => Release | undefined;

const APPLIERS: readonly Applier[] = [
  (release, event, now) => (event.kind === 'checked' ? applyChecked(release, event, now) : undefined),
  (release, event, now) => (event.kind === 'looked' ? applyLook(release, event, now) : undefined),
  (release, event, now) => (event.kind === 'whereabouts' ? applyWhereabouts(release, event, now) : undefined),
  applySet,
  applyGate,
  applyStanding,
  applyMembership,
  applyBack,
];

/**
 * What happened changes the table and what people see, and nothing else does. Total: an event that does not fit changes
 * nothing.
 */
export function apply(release: Release, event: Event, now: number): Release {
  if (event.kind === 'observed') return { ...release, state: withObservations(release.state, event.observed) };
  for (const applier of APPLIERS) {
    const next = applier(release, event, now);
    if (next) return { ...next, state: withCounts(next) };
  }
  return release;
}
