import { formatDuration } from '../spec/quantity.ts';
import type { ReleaseSpec } from '../spec/spec.ts';
import type { ReleaseState } from '../progress/state.ts';
import type { Verdict } from '../checks/verdict.ts';

/** How long servers may be of two versions, in milliseconds, and what happens then. */
export interface MixedBudget {
  readonly limit: number;
  readonly then: 'pause' | 'rollback';
}

/** The longest time in two versions of a release; undefined when it may take any time. */
export function mixedBudgetOf({
  maxMixed,
  onMaxMixed,
}: Pick<ReleaseSpec, 'maxMixed' | 'onMaxMixed'>): MixedBudget | undefined {
  return maxMixed === undefined ? undefined : { limit: maxMixed, then: onMaxMixed };
}

/** True when servers have been of two versions for longer than they may. */
export function isOverMixed({ mixedUntil }: Pick<ReleaseState, 'mixedUntil'>, now: number): boolean {
  return mixedUntil !== undefined && now >= mixedUntil;
}

/** The end of the budget of a release whose servers have been of two versions for too long: somebody has to decide. */
export function mixedVerdict(
  state: Pick<ReleaseState, 'mixedUntil'>,
  budget: MixedBudget | undefined,
  now: number,
): Verdict {
  if (!budget || !isOverMixed(state, now)) return { kind: 'advance' };
  return { kind: budget.then, reason: describeMixed(budget) };
}

/** The reason, for people; where they have to decide, with what they can do. */
export function describeMixed({ limit, then }: MixedBudget): string {
  const time = formatDuration(limit);
  const fact = `servers have been of two versions for ${time}`;
  return then === 'rollback' ? fact : `${fact}: resume gives it another ${time}, rollback ends it`;
}
