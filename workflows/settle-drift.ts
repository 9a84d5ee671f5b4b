import { condition } from '@temporalio/workflow';
import type { HeldValues } from '../release/patches/patches.ts';
import { sameJson } from '../release/patches/patches.ts';
import type { Drift } from '../release/progress/state.ts';
import { quick, toItsEnd } from './calls.ts';
import { orSentence } from './call-failures.ts';
import { Departure } from './release-run.ts';
import type { ReleaseContext, Strategy } from './strategy.ts';

/** How long a watch that begins anew may take to see the set, in milliseconds. */
const SECOND_LOOK_MS = 5_000;

/**
 * Does what a person decided about a foreign edit: the release's values are written over what they have seen, or the
 * edit stays and the release ends. When the values could not be written, they are asked again, about all that the watch
 * then sees: a write that is refused names one field only, and a decision about that would not be one about the rest.
 * @throws Departure when the edit stays
 */
export async function settleDrift({ run }: ReleaseContext, strategy: Strategy, { what, wins }: Drift): Promise<void> {
  if (wins === 'edit') throw new Departure('leave', 'cancelled', `${what}; the edit stays`);
  const problem = await orSentence(strategy.reassert);
  if (problem === undefined) {
    run.forgetDrift();
    return;
  }
  const isUndecided = (): boolean => run.state.drift?.wins === undefined;
  const isAsked = await condition(isUndecided, SECOND_LOOK_MS, { summary: 'another look at the set' });
  if (!isAsked) run.set({ drift: { what: problem, seenAt: Date.now() } });
  // What stood in the way was taken back meanwhile, and so was the reason to stand still.
  else if (!run.state.drift) await strategy.thaw();
}

/** Writes what the release holds over the edit that was seen, and nothing that came after it. */
export async function overwriteEdit(
  { plan, watch, record }: ReleaseContext,
  held: HeldValues,
): Promise<string | undefined> {
  const { seen } = watch;
  if (!seen) return undefined;
  watch.stop();
  const { set, baseline } = plan;
  const summary = 'write the values of the release over the edit';
  try {
    const written = await toItsEnd(() =>
      record.fence.write((fence) => quick(summary).reassertSet({ set, baseline, seen, held, fence })),
    );
    return written.kind === 'drifted' ? written.reason : undefined;
  } finally {
    watch.follow(held);
  }
}

/**
 * Ends a release in favour of an edit: nothing is written but a note on the set, and a pause of hotwave's own is taken
 * back. The note keeps the person's updateStrategy for whoever releases next, or the one that they have written since.
 * @returns how it ended, as a sentence
 */
export async function leaveToEdit(context: ReleaseContext, strategy: Strategy, reason: string): Promise<string> {
  const { record, watch, plan } = context;
  const { seen } = watch;
  const problem = await orSentence(async () => {
    await strategy.thaw();
    const edited = seen?.updateStrategy;
    const isEdited = edited !== undefined && !sameJson(edited, watch.heldStrategy);
    const updateStrategy = isEdited ? (edited ?? {}) : plan.baseline.updateStrategy;
    return await record.write({ running: { ...record.running, updateStrategy, left: reason } });
  });
  return problem === undefined ? reason : `${reason}; that could not be noted on the set: ${problem}`;
}
