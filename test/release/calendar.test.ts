import fc from 'fast-check';
import { DateTime } from 'luxon';
import { describe, expect, test } from 'vitest';
import { answerOf, describeMoment, frozenTime, nextFreeze } from '../../release/decisions/calendar.ts';
import { freezeWindowSchema, isWeekly, wallTime } from '../../release/spec/freeze-spec.ts';
import type { FreezeWindow } from '../../release/spec/freeze-spec.ts';

const aWindow = (from: string, to: string, timeZone = 'UTC', name = 'weekend'): FreezeWindow =>
  freezeWindowSchema.parse({ name, from, to, timeZone });

const at = (iso: string): number => Date.parse(iso);

/** The end of the freeze at a moment as an ISO text, or undefined. */
function endAt(window: FreezeWindow | readonly FreezeWindow[], moment: string): string | undefined {
  const windows = Array.isArray(window) ? (window as readonly FreezeWindow[]) : [window as FreezeWindow];
  const until = frozenTime(windows, at(moment))?.until;
  return until === undefined ? undefined : new Date(until).toISOString().replace('.000Z', 'Z');
}

describe('a weekly window', () => {
  const weekend = aWindow('Fri 18:00', 'Mon 08:00', 'Europe/Berlin');

  test.each([
    ['the last moment before it', '2026-11-27T16:59:59.999Z', undefined],
    ['its first moment', '2026-11-27T17:00:00Z', '2026-11-30T07:00:00Z'],
    ['the Sunday in it', '2026-11-29T12:00:00Z', '2026-11-30T07:00:00Z'],
    ['the Monday that the next week begins with', '2026-11-30T06:59:59.999Z', '2026-11-30T07:00:00Z'],
    ['the first moment after it', '2026-11-30T07:00:00Z', undefined],
    ['the middle of the week', '2026-12-02T12:00:00Z', undefined],
  ])('goes over the end of the week: %s', (_what, moment, end) => {
    expect(endAt(weekend, moment)).toBe(end);
  });

  test('within one day comes every week', () => {
    const prime = aWindow('Sat 19:00', 'Sat 23:00');
    expect(endAt(prime, '2026-11-28T20:00:00Z')).toBe('2026-11-28T23:00:00Z');
    expect(endAt(prime, '2026-12-05T20:00:00Z')).toBe('2026-12-05T23:00:00Z');
    expect(endAt(prime, '2026-12-05T23:30:00Z')).toBeUndefined();
  });

  test('that leaves only an hour a week out freezes the rest', () => {
    const nearlyAlways = aWindow('Tue 11:00', 'Tue 10:00');
    expect(endAt(nearlyAlways, '2026-12-01T09:59:00Z')).toBe('2026-12-01T10:00:00Z');
    expect(endAt(nearlyAlways, '2026-12-01T10:30:00Z')).toBeUndefined();
    expect(endAt(nearlyAlways, '2026-12-01T11:00:00Z')).toBe('2026-12-08T10:00:00Z');
  });
});

describe('a window of once', () => {
  test('from a date to a date ends at the start of the last one', () => {
    const holidays = aWindow('2026-12-23', '2027-01-03', 'Asia/Shanghai', 'holidays');
    expect(endAt(holidays, '2026-12-22T15:59:59Z')).toBeUndefined();
    expect(endAt(holidays, '2026-12-22T16:00:00Z')).toBe('2027-01-02T16:00:00Z');
    expect(endAt(holidays, '2027-01-02T16:00:00Z')).toBeUndefined();
    expect(endAt(holidays, '2027-12-25T00:00:00Z')).toBeUndefined();
  });

  test('may name minutes and seconds', () => {
    const launch = aWindow('2026-12-24 12:00', '2026-12-24 12:00:30');
    expect(endAt(launch, '2026-12-24T12:00:29Z')).toBe('2026-12-24T12:00:30Z');
  });
});

describe('when clocks are changed, a window', () => {
  test.each([
    // Europe/Berlin is at +2 h from 2026-03-29 01:00Z to 2026-10-25 01:00Z.
    [
      'ends an hour sooner in spring',
      'Europe/Berlin',
      ['Fri 18:00', 'Mon 08:00'],
      '2026-03-28T12:00Z',
      '2026-03-30T06:00:00Z',
    ],
    [
      'ends an hour later in autumn',
      'Europe/Berlin',
      ['Fri 18:00', 'Mon 08:00'],
      '2026-10-24T12:00Z',
      '2026-10-26T07:00:00Z',
    ],
    // America/New_York is at -4 h from 2026-03-08 07:00Z to 2026-11-01 06:00Z.
    [
      'ends an hour sooner in New York',
      'America/New_York',
      ['Sat 12:00', 'Sun 12:00'],
      '2026-03-08T00:00Z',
      '2026-03-08T16:00:00Z',
    ],
    [
      'ends an hour later in New York',
      'America/New_York',
      ['Sat 12:00', 'Sun 12:00'],
      '2026-11-01T00:00Z',
      '2026-11-01T17:00:00Z',
    ],
    // Australia/Sydney leaves summer in April and comes back in October.
    [
      'ends an hour later in the south in April',
      'Australia/Sydney',
      ['Sat 12:00', 'Sun 12:00'],
      '2026-04-04T12:00Z',
      '2026-04-05T02:00:00Z',
    ],
    [
      'ends an hour sooner in the south in October',
      'Australia/Sydney',
      ['Sat 12:00', 'Sun 12:00'],
      '2026-10-03T12:00Z',
      '2026-10-04T01:00:00Z',
    ],
  ] as const)('%s', (_what, zone, [from, to], moment, end) => {
    expect(endAt(aWindow(from, to, zone), moment)).toBe(end);
  });

  test('that ends at a time which the clock skips ends when it does so', () => {
    // In Berlin 02:00 is 03:00 on that night.
    const night = aWindow('Sun 00:00', 'Sun 02:30', 'Europe/Berlin');
    expect(endAt(night, '2026-03-29T00:59:59.999Z')).toBe('2026-03-29T01:00:00Z');
    expect(endAt(night, '2026-03-29T01:00:00Z')).toBeUndefined();
  });

  test('that begins at a time which the clock skips begins when it does so', () => {
    const morning = aWindow('Sun 02:30', 'Sun 06:00', 'America/New_York');
    expect(endAt(morning, '2026-03-08T06:59:59.999Z')).toBeUndefined();
    expect(endAt(morning, '2026-03-08T07:00:00Z')).toBe('2026-03-08T10:00:00Z');
  });

  test('that ends at a time which the clock shows twice ends with the second', () => {
    const night = aWindow('Sun 00:00', 'Sun 02:30', 'Europe/Berlin');
    expect(endAt(night, '2026-10-25T00:45:00Z')).toBe('2026-10-25T01:30:00Z');
    expect(endAt(night, '2026-10-25T01:30:00Z')).toBeUndefined();
  });

  test('that begins at a time which the clock shows twice begins with the first', () => {
    const morning = aWindow('Sun 01:30', 'Sun 06:00', 'America/New_York');
    expect(endAt(morning, '2026-11-01T05:29:59.999Z')).toBeUndefined();
    expect(endAt(morning, '2026-11-01T05:30:00Z')).toBe('2026-11-01T11:00:00Z');
  });

  test('on a day that a zone leaves out altogether is none', () => {
    // Samoa went from Thursday, 2011-12-29, to Saturday.
    const friday = aWindow('2011-12-30 06:00', '2011-12-30 18:00', 'Pacific/Apia');
    expect(endAt(friday, '2011-12-30T10:00:00Z')).toBeUndefined();
    expect(endAt(aWindow('2011-12-29 12:00', '2011-12-31 12:00', 'Pacific/Apia'), '2011-12-30T09:00:00Z')).toBe(
      '2011-12-30T22:00:00Z',
    );
  });
});

describe('several windows', () => {
  const weekend = aWindow('Fri 18:00', 'Mon 08:00');
  const holidays = aWindow('2026-12-26', '2027-01-01', 'UTC', 'holidays');
  const inventory = aWindow('2027-01-01', '2027-01-01 12:00', 'UTC', 'inventory');

  test('that overlap or touch end when nothing freezes any more', () => {
    // 2027-01-01 is a Friday: after the inventory come six free hours.
    expect(endAt([weekend, holidays, inventory], '2026-12-25T20:00:00Z')).toBe('2027-01-01T12:00:00Z');
    expect(answerOf([weekend, holidays, inventory], at('2026-12-25T20:00:00Z'))).toMatchObject({
      kind: 'frozen',
      window: 'weekend, holidays and inventory',
      ends: 'Fri 2027-01-01 12:00 UTC',
    });
  });

  test('of which one is overridden leave the others', () => {
    const answer = answerOf([weekend], at('2026-12-25T20:00:00Z'));
    const keys = answer.kind === 'frozen' ? answer.keys : [];
    expect(keys).toHaveLength(1);
    expect(answerOf([weekend], at('2026-12-26T20:00:00Z'), keys)).toEqual({ kind: 'open' });
    expect(answerOf([weekend], at('2027-01-01T20:00:00Z'), keys)).toMatchObject({ kind: 'frozen' });
    expect(answerOf([weekend, holidays], at('2026-12-26T20:00:00Z'), keys)).toMatchObject({ window: 'holidays' });
  });

  test('that leave no time at all are followed for a year and no further', () => {
    const always = [weekend, aWindow('Mon 08:00', 'Fri 18:00', 'UTC', 'week')];
    const until = frozenTime(always, at('2026-12-25T20:00:00Z'))?.until ?? 0;
    expect(until).toBeGreaterThan(at('2027-12-25T20:00:00Z'));
    expect(until).toBeLessThan(at('2028-12-25T20:00:00Z'));
  });

  test('to come are said with the next first', () => {
    expect(nextFreeze([holidays, weekend], at('2026-12-23T00:00:00Z'))?.name).toBe('weekend');
    expect(nextFreeze([weekend], at('2026-12-28T09:00:00Z'))?.from).toBe(at('2027-01-01T18:00:00Z'));
    expect(nextFreeze([holidays], at('2027-02-01T00:00:00Z'))).toBeUndefined();
  });
});

test('a moment is said in the time of the people who wrote the window', () => {
  expect(describeMoment(at('2026-11-30T07:00:00Z'), 'Europe/Berlin')).toBe('Mon 2026-11-30 08:00 Europe/Berlin');
  expect(describeMoment(at('2026-11-30T07:00:07Z'), 'Asia/Shanghai')).toBe('Mon 2026-11-30 15:00:07 Asia/Shanghai');
});

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Santiago'];
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const two = (number: number): string => String(number).padStart(2, '0');

const times = fc.record({ hour: fc.integer({ min: 0, max: 23 }), minute: fc.constantFrom(0, 15, 30, 59) });
const weekly = fc
  .record({ day: fc.constantFrom(...DAYS), time: times })
  .map(({ day, time }) => `${day} ${two(time.hour)}:${two(time.minute)}`);
const once = fc.record({ day: fc.integer({ min: 0, max: 729 }), time: times }).map(({ day, time }) => {
  const date = new Date(at('2026-01-01T00:00:00Z') + day * 86_400_000).toISOString().slice(0, 10);
  return `${date} ${two(time.hour)}:${two(time.minute)}`;
});
const someWindows = fc.array(
  fc
    .record({
      name: fc.constantFrom('a', 'b', 'c'),
      edges: fc.oneof(fc.tuple(weekly, weekly), fc.tuple(once, once)),
      timeZone: fc.constantFrom(...ZONES),
    })
    .map(({ edges: [from, to], ...rest }) => ({ ...rest, from, to }))
    .filter((window) => freezeWindowSchema.safeParse(window).success),
  { minLength: 1, maxLength: 3 },
);
const moments = fc
  .integer({ min: 0, max: 730 * 24 * 60 })
  .map((minutes) => at('2026-01-01T00:00:00Z') + minutes * 60_000);

/** The time on the clock on the wall, as a reference that knows nothing of occurrences. */
function showsFreeze(window: FreezeWindow, moment: number): boolean {
  const local = DateTime.fromMillis(moment, { zone: window.timeZone });
  const from = wallTime(window.from)!;
  const to = wallTime(window.to)!;
  const wall = isWeekly(window)
    ? ((((local.weekday - 1) * 24 + local.hour) * 60 + local.minute) * 60 + local.second) * 1_000
    : local.setZone('UTC', { keepLocalTime: true }).toMillis();
  return from < to ? from <= wall && wall < to : from <= wall || wall < to;
}

/** True when no clock was changed for a day, so that the wall and the window must agree. */
function isOrdinary({ timeZone }: FreezeWindow, moment: number): boolean {
  const offset = (later: number): number => DateTime.fromMillis(moment + later, { zone: timeZone }).offset;
  return offset(-86_400_000) === offset(86_400_000);
}

test('whatever the windows, a freeze is there exactly when a clock shows it, and its end is the first moment outside', () => {
  fc.assert(
    fc.property(
      someWindows,
      moments,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 5 }),
      (windows, now, shares) => {
        const frozen = frozenTime(windows, now);
        if (windows.every((window) => isOrdinary(window, now)))
          expect(frozen !== undefined).toBe(windows.some((window) => showsFreeze(window, now)));
        if (!frozen || frozen.until - now >= 400 * 86_400_000) return;
        expect(frozen.until).toBeGreaterThan(now);
        expect(frozenTime(windows, frozen.until)).toBeUndefined();
        for (const moment of [
          frozen.until - 1,
          ...shares.map((share) => now + Math.floor(share * (frozen.until - 1 - now))),
        ])
          expect(frozenTime(windows, moment)?.until).toBe(frozen.until);
      },
    ),
    { numRuns: 1_000 },
  );
}, 60_000);
