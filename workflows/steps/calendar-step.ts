import { reading } from '../calls.ts';
import type { Perform } from './context.ts';

/** Asks the calendar whether a wave may begin now. A decision that cannot be read is for a person. */
export const calendar: Perform<'calendar'> = async ({ run }) => {
  const { spec, progress, plan } = run.release;
  const answer = await reading('look for freeze windows').checkCalendar({
    windows: spec.freeze,
    overridden: progress.overriddenWindows,
  });
  if (answer.kind === 'broken') return [{ kind: 'stopped', verdict: 'pause', reason: answer.reason }];
  if (answer.kind === 'frozen') {
    const { window, keys, until, ends } = answer;
    return [{ kind: 'calendarFrozen', window, keys, until, ends }];
  }
  const next = plan.waves.find(({ number }) => run.state.waves[number - 1]?.status === 'pending');
  return [{ kind: 'calendarOpen', wave: progress.isStaged ? (next?.number ?? 0) : 0 }];
};
