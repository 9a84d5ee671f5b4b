import { condition } from '@temporalio/workflow';
import type { CalendarAnswer } from '../release/decisions/calendar.ts';
import { isOverMixed } from '../release/decisions/max-mixed.ts';
import { QUICK_MS, quick } from './calls.ts';
import { heedSkew } from './skew.ts';
import type { ReleaseContext } from './strategy.ts';

type FrozenAnswer = Extract<CalendarAnswer, { readonly kind: 'frozen' }>;

/** The calendar may be changed while a release waits for it. */
const LOOK_AGAIN_MS = 3_600_000;
/** Clocks differ: a window that is over here may not be over for the worker that looks. */
const SHORTEST_WAIT_MS = 1_000;

/**
 * Waits while a freeze window holds: for its end, or for a second person's override. Asks nothing when the release has no
 * calendar. What has been overridden once is not asked about again.
 * @throws Departure
 */
export async function passCalendar(context: ReleaseContext): Promise<void> {
  const { run, spec, onPause, calendar } = context;
  if (!calendar) return;
  for (;;) {
    const overridden = [...calendar.overridden];
    const answer = await run.interruptible(onPause, () =>
      quick('look for freeze windows').checkCalendar({ windows: spec.freeze, overridden }),
    );
    if (answer.kind === 'open') break;
    if (answer.kind === 'broken') await run.pauseUntilResumed(onPause, answer.reason);
    else if (await isOverridden(context, answer)) for (const key of answer.keys) calendar.overridden.add(key);
  }
  if (!run.state.freeze) return;
  run.set({ freeze: undefined });
  run.enter('updating', 'goes on', { owner: 'the API server', until: Date.now() + QUICK_MS });
}

/** Waits until the window may be over, the calendar is worth another look, or somebody overrides it. */
async function isOverridden(context: ReleaseContext, answer: FrozenAnswer): Promise<boolean> {
  const { run, onPause, calendar } = context;
  const { window, until, ends } = answer;
  const since = run.state.freeze ? (run.state.wait?.since ?? Date.now()) : Date.now();
  // Somebody may have overridden it while the calendar was looked at again.
  if (run.state.freeze?.overridden === undefined) run.set({ freeze: { window, until } });
  const wish =
    calendar?.reason === undefined ? '' : `; ${run.state.requester} wants it all the same: ${calendar.reason}`;
  const heard = (): boolean => run.state.freeze?.overridden !== undefined;
  await run.interruptible(onPause, async () => {
    run.enter('frozen', `freeze window ${window} holds until ${ends}${wish}`, { owner: 'the calendar', since, until });
    const soonest = Math.min(until, run.state.mixedUntil ?? until) - Date.now();
    const patience = Math.min(LOOK_AGAIN_MS, Math.max(SHORTEST_WAIT_MS, soonest));
    await condition(heard, patience, { summary: `freeze window ${window}` });
  });
  if (heard()) return true;
  if (isOverMixed(run.state, Date.now())) await heedSkew(context);
  return false;
}
