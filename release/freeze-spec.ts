import { IANAZone } from 'luxon';
import { z } from 'zod';

const WEEKLY = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01]\d|2[0-3]):[0-5]\d$/;
const ONCE = /^\d{4}-\d{2}-\d{2}( ([01]\d|2[0-3]):[0-5]\d)?$/;

const moment = z
  .string()
  .refine(
    (text) => WEEKLY.test(text) || ONCE.test(text),
    'expected a weekday and a time such as Fri 18:00, or a date such as 2026-12-24 or 2026-12-24 12:00',
  );

/** Schema of a time in which nothing is released. */
export const freezeWindowSchema = z
  .strictObject({
    name: z.string().min(1).max(80),
    from: moment,
    to: moment,
    timeZone: z
      .string()
      .refine((zone) => IANAZone.isValidZone(zone), 'expected a time zone such as Europe/Berlin')
      .prefault('UTC'),
  })
  .refine(({ from, to }) => WEEKLY.test(from) === WEEKLY.test(to), {
    path: ['to'],
    error: 'from and to must both be weekly or both be dates',
  })
  .refine(({ from, to }) => WEEKLY.test(from) || from < to, {
    path: ['to'],
    error: 'a freeze window ends after it begins',
  })
  .refine(({ from, to }) => !WEEKLY.test(from) || from !== to, {
    path: ['to'],
    error: 'a weekly window must not be the whole week',
  })
  .meta({ description: 'A time in which nothing is released: weekly (Fri 18:00 to Mon 08:00) or once (dates)' });

/** A time in which nothing is released. */
export type FreezeWindow = z.output<typeof freezeWindowSchema>;

/** True when a window comes again every week. */
export function isWeekly({ from }: FreezeWindow): boolean {
  return WEEKLY.test(from);
}
