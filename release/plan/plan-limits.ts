import { packPlan } from './packed-plan.ts';
import type { Plan } from './plan.ts';

/** Each wave costs a run some hundred events and a line wherever waves are shown. */
export const MOST_WAVES = 1_000;
/** Temporal takes 2 MB a payload; what travels beside the plan needs a little of it. */
export const MOST_BYTES = 1_900_000;

/**
 * Why a plan cannot be carried out by a workflow, and what to change; empty when it fits. Found while planning, because
 * Temporal would find it in the middle of a release.
 * @param size bytes of the plan as it travels
 */
export function planRefusals(
  { waves, priorities, strategy }: Pick<Plan, 'waves' | 'priorities' | 'strategy'>,
  size: number,
): string[] {
  const refusals: string[] = [];
  if (waves.length > MOST_WAVES) {
    refusals.push(
      `the plan has ${waves.length} waves, and ${MOST_WAVES} are the most: give spec.waves as a list of sizes, such as [1, 5%, 25%, rest], or give more servers the same updatePriority`,
    );
  }
  if (size > MOST_BYTES) {
    const named =
      priorities.length > 0 ? '; sizes in place of named waves need no priorities, which are a large part of it' : '';
    const fewer =
      strategy === 'targeted'
        ? 'choose fewer servers in spec.target.servers'
        : 'release a part of the set at a time, with strategy targeted';
    refusals.push(
      `the plan has ${(size / 1_000_000).toFixed(1)} MB, and Temporal takes ${(MOST_BYTES / 1_000_000).toFixed(1)} MB: ${fewer}${named}`,
    );
  }
  return refusals;
}

/** Bytes of a plan as it travels. Its names are ASCII, so a character is a byte. */
export function sizeOfPlan(plan: Plan): number {
  return JSON.stringify(packPlan(plan)).length;
}
