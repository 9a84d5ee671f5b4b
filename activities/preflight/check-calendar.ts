import { answerOf, describeMoment, nextFreeze } from '../../release/decisions/calendar.ts';
import type { CalendarAnswer } from '../../release/decisions/calendar.ts';
import type { FreezeWindow, ReleaseSpec } from '../../release/spec/spec.ts';
import { ok, refused, warning } from './preflight-check.ts';
import type { Finding, Preflight } from './preflight-check.ts';
import type { Calendar, CalendarReading } from '../ports/calendar.ts';

/** Look whether anything may be released now. */
export interface CheckCalendarInput {
  /** Those of the release; the worker adds those of its cluster. */
  readonly windows: readonly FreezeWindow[];
  /** Keys of windows that a second person has overridden. */
  readonly overridden: readonly string[];
}

/**
 * Says whether anything may be released now. An activity because of time zones: their data change with the machine, and
 * a replay must find the answer that was given. It looks at its own clock, so that an answer that comes late is right.
 */
export function checkCalendar(calendar: Calendar | undefined): (input: CheckCalendarInput) => Promise<CalendarAnswer> {
  return async ({ windows, overridden }) => {
    const reading = await allWindows(calendar, windows);
    if ('problem' in reading) return { kind: 'broken', reason: reading.problem };
    return answerOf(reading.windows, Date.now(), overridden);
  };
}

/** True when a release has to look at a calendar at all: its own windows, or the worker's file, be it empty now. */
export function hasCalendar(calendar: Calendar | undefined, { freeze }: Pick<ReleaseSpec, 'freeze'>): boolean {
  return calendar !== undefined || freeze.length > 0;
}

/**
 * Whether a release may begin now. A requester who asks for it all the same is let in, and then waits for a second
 * person.
 */
export async function checkCalendarBefore({ calendar, file, duringFreeze }: Preflight): Promise<Finding> {
  const reading = await allWindows(calendar, file.spec.freeze);
  if ('problem' in reading) return refused(reading.problem);
  const now = Date.now();
  const answer = answerOf(reading.windows, now);
  if (answer.kind !== 'frozen') return ok(comingFreeze(reading.windows, now));
  const what = `freeze window ${answer.window} holds until ${answer.ends}`;
  if (duringFreeze) return warning(`${what}: the release waits for its end, or for override-freeze by a second person`);
  return refused(
    `${what}: start it then, or now with --during-freeze "reason", and have a second person say hotwave override-freeze`,
  );
}

/** The state of the cluster's own calendar now, without any release. */
export async function describeCalendar(calendar: Calendar | undefined): Promise<Finding> {
  if (!calendar) return ok('none: HOTWAVE_CALENDAR of the worker names no file, so only release files freeze anything');
  const reading = await calendar.read();
  if ('problem' in reading) return refused(reading.problem);
  const now = Date.now();
  const answer = answerOf(reading.windows, now);
  return answer.kind === 'frozen'
    ? warning(`freeze window ${answer.window} holds until ${answer.ends}: no release begins without override-freeze`)
    : ok(comingFreeze(reading.windows, now));
}

function comingFreeze(windows: readonly FreezeWindow[], now: number): string {
  const next = nextFreeze(windows, now);
  if (!next) return 'no freeze window now, and none to come';
  return `no freeze window now; the next is ${next.name}, from ${describeMoment(next.from, next.timeZone)}`;
}

async function allWindows(calendar: Calendar | undefined, own: readonly FreezeWindow[]): Promise<CalendarReading> {
  const common = await calendar?.read();
  if (common === undefined) return { windows: own };
  return 'problem' in common ? common : { windows: [...own, ...common.windows] };
}
