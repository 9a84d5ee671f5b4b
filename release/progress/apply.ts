import { backAppliers } from './apply-back.ts';
import { applyChecked, applyWhereabouts } from './apply-checked.ts';
import { gateAppliers } from './apply-gate.ts';
import { applyLook } from './apply-look.ts';
import { membershipAppliers } from './apply-membership.ts';
import { setAppliers } from './apply-set.ts';
import { standingAppliers } from './apply-standing.ts';
import type { Appliers, Event } from './events.ts';
import { withCounts } from './groups.ts';
import { withObservations } from './state.ts';
import type { Release } from './table.ts';

/** Every kind of event has one consequence, and one place where it stands. */
const APPLIERS: Appliers = {
  checked: applyChecked,
  looked: applyLook,
  whereabouts: applyWhereabouts,
  observed: (release, { observed }) => ({ ...release, state: withObservations(release.state, observed) }),
  ...setAppliers,
  ...gateAppliers,
  ...standingAppliers,
  ...membershipAppliers,
  ...backAppliers,
};

/**
 * An event changes the table and what people see, and nothing else does. Total: an event that does not fit changes
 * nothing.
 */
export function apply(release: Release, event: Event, now: number): Release {
  const applier = APPLIERS[event.kind] as (release: Release, event: Event, now: number) => Release;
  const next = applier(release, event, now);
  return { ...next, state: withCounts(next) };
}
