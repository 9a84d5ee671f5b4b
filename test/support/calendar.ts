import type { FreezeWindow } from '../../release/spec/freeze-spec.ts';
import type { Calendar, CalendarReading } from '../../activities/ports/calendar.ts';

/** A freeze window about now: from and to in seconds from the present one. */
export function windowAround(fromSeconds: number, toSeconds: number, name = 'launch'): FreezeWindow {
  const now = Date.now();
  const text = (seconds: number): string =>
    new Date(now + seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  return { name, from: text(fromSeconds), to: text(toSeconds), timeZone: 'UTC' };
}

/** A window that holds now and for an hour. */
export const anHourOfFreeze = (name?: string): FreezeWindow => windowAround(-60, 3_600, name);

/** The calendar of a cluster that a test may write on. */
export interface FakeCalendar extends Calendar {
  /** The file that is read from now on. */
  reading: CalendarReading;
}

/** A calendar with these windows. */
export function fakeCalendar(windows: readonly FreezeWindow[] = []): FakeCalendar {
  const calendar: FakeCalendar = { reading: { windows }, read: () => Promise.resolve(calendar.reading) };
  return calendar;
}
