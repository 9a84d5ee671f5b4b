import { z } from 'zod';
import { ofType } from './issue-sentences.ts';
import { whenRead } from './read-fields.ts';
import { plainLine } from './text.ts';
import { timeZoneProblem } from './time-zone.ts';

const TIME = String.raw`(?<hour>[01]\d|2[0-3]):(?<minute>[0-5]\d)(?::(?<second>[0-5]\d))?`;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const WEEKLY = new RegExp(`^(?<weekday>${WEEKDAYS.join('|')}) ${TIME}$`);
const ONCE = new RegExp(String.raw`^(?<date>\d{4}-\d{2}-\d{2})(?: ${TIME})?$`);

const DAY_MS = 86_400_000;

/**
 * The time on a clock on the wall, as a number that can be compared: a weekday and a time as milliseconds since Monday
 * 00:00, a date as milliseconds since 1970 as if it were in UTC. A date without a time is the start of that day.
 * Undefined when there is no such day.
 */
export function wallTime(text: string): number | undefined {
  const { weekday, date, hour = 0, minute = 0, second = 0 } = (WEEKLY.exec(text) ?? ONCE.exec(text))?.groups ?? {};
  const time = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1_000;
  if (weekday !== undefined) return WEEKDAYS.indexOf(weekday) * DAY_MS + time;
  if (date === undefined) return undefined;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const exists = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date);
  return exists ? midnight + time : undefined;
}

const isWeeklyText = (text: string): boolean => WEEKLY.test(text);

const moment = z
  .string({ error: 'expected a weekday and a time such as Fri 18:00, or a date such as 2026-12-24 12:00' })
  .max(40, {
    error: 'expected a weekday and a time such as Fri 18:00, or a date such as 2026-12-24 12:00',
    abort: true,
  })
  .refine((text) => wallTime(text) !== undefined, {
    error: 'expected a weekday and a time such as Fri 18:00, or a date such as 2026-12-24 or 2026-12-24 12:00',
    abort: true,
  });

/** Schema of a time in which nothing is released. */
export const freezeWindowSchema = z
  .strictObject({
    name: plainLine(80),
    from: moment,
    to: moment,
    timeZone: z
      .string()
      .max(60, 'expected a time zone by its place, such as Europe/Berlin or Asia/Shanghai, or UTC')
      .superRefine((zone, context) => {
        const message = timeZoneProblem(zone);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      })
      .prefault('UTC'),
  })
  .refine(({ from, to }) => isWeeklyText(from) === isWeeklyText(to), {
    path: ['to'],
    error: 'from and to must both be weekly or both be dates',
    when: whenRead('from', 'to'),
    abort: true,
  })
  .refine(({ from, to }) => isWeeklyText(from) || (wallTime(from) ?? 0) < (wallTime(to) ?? 0), {
    path: ['to'],
    error: 'a freeze window ends after it begins; a date without a time is the start of that day',
    when: whenRead('from', 'to'),
  })
  .refine(({ from, to }) => !isWeeklyText(from) || wallTime(from) !== wallTime(to), {
    path: ['to'],
    error: 'a weekly window must not be the whole week',
    when: whenRead('from', 'to'),
  })
  .meta({ description: 'A time in which nothing is released: weekly (Fri 18:00 to Mon 08:00) or once (dates)' });

/** A time in which nothing is released. */
export type FreezeWindow = z.output<typeof freezeWindowSchema>;

/** Schema of the calendar of a cluster, which holds for every release there. */
export const calendarFileSchema = z.strictObject({
  freeze: z
    .array(freezeWindowSchema, { error: ofType('expected a list of windows such as [ { name, from, to, timeZone } ]') })
    .max(200),
});

/** True when a window comes again every week. */
export function isWeekly({ from }: FreezeWindow): boolean {
  return isWeeklyText(from);
}
