import { DateTime, IANAZone } from 'luxon';
import { isWeekly, wallTime } from '../spec/freeze-spec.ts';
import type { FreezeWindow } from '../spec/freeze-spec.ts';

/** One time that a window comes: from its first moment inside to the first one outside, milliseconds since the epoch. */
export interface Occurrence {
  readonly name: string;
  readonly timeZone: string;
  readonly from: number;
  readonly until: number;
}

/** Windows that follow one another without a gap. */
export interface FrozenTime {
  /** In the order in which they were found; the first is one that holds now. */
  readonly occurrences: readonly Occurrence[];
  /** The first moment at which nothing freezes any more. */
  readonly until: number;
}

/** The state of the calendar now, as it travels: a workflow knows no time zones. */
export type CalendarAnswer =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'frozen';
      /** `weekend`, or `weekend and holidays` where one goes over into the other. */
      readonly window: string;
      readonly until: number;
      /** `Mon 2026-11-30 08:00 Europe/Berlin`. */
      readonly ends: string;
      /** Names these very windows, this time; whoever overrides them overrides no others. */
      readonly keys: readonly string[];
    }
  /** The calendar cannot be read, so nobody knows. */
  | { readonly kind: 'broken'; readonly reason: string };

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** Windows that leave no time at all would be followed for ever. */
const HORIZON_MS = 400 * DAY_MS;

/**
 * The freeze that holds at a moment. Windows that overlap or touch are one: it ends when nothing freezes any more.
 * `overridden` are keys of windows that do not count. Undefined when nothing freezes.
 */
export function frozenTime(
  windows: readonly FreezeWindow[],
  now: number,
  overridden: readonly string[] = [],
): FrozenTime | undefined {
  const occurrences: Occurrence[] = [];
  let until = now;
  while (until - now < HORIZON_MS) {
    const further = windows
      .flatMap((window) => occurrencesAround(window, until))
      .filter((occurrence) => contains(occurrence, until) && !overridden.includes(keyOf(occurrence)));
    const last = further.sort((left, right) => right.until - left.until)[0];
    if (!last) break;
    occurrences.push(...further);
    until = last.until;
  }
  return occurrences.length === 0 ? undefined : { occurrences, until };
}

/** The next freeze to come; undefined when none comes for a year. Asked only while nothing freezes. */
export function nextFreeze(windows: readonly FreezeWindow[], now: number): Occurrence | undefined {
  const coming = windows
    .flatMap((window) => occurrencesAround(window, now, HORIZON_MS))
    .filter(({ from, until }) => from > now && until > from);
  return coming.sort((left, right) => left.from - right.from)[0];
}

/** The calendar's answer about now. */
export function answerOf(
  windows: readonly FreezeWindow[],
  now: number,
  overridden: readonly string[] = [],
): CalendarAnswer {
  const frozen = frozenTime(windows, now, overridden);
  if (!frozen) return { kind: 'open' };
  const { occurrences, until } = frozen;
  const names = [...new Set(occurrences.map(({ name }) => name))];
  const last = occurrences.find((occurrence) => occurrence.until === until) ?? occurrences[0];
  return {
    kind: 'frozen',
    window: inWords(names),
    until,
    ends: describeMoment(until, last?.timeZone ?? 'UTC'),
    keys: [...new Set(occurrences.map(keyOf))],
  };
}

/** `Fri 2026-11-27 18:00 Europe/Berlin`: in the time of the people who wrote the window. */
export function describeMoment(moment: number, timeZone: string): string {
  const local = DateTime.fromMillis(moment, { zone: timeZone, locale: 'en-GB' });
  return `${local.toFormat(local.second === 0 ? 'ccc yyyy-MM-dd HH:mm' : 'ccc yyyy-MM-dd HH:mm:ss')} ${timeZone}`;
}

const NAMED = 3;

function inWords(names: readonly string[]): string {
  const shown = names.length > NAMED ? [...names.slice(0, NAMED), `${names.length - NAMED} more`] : names;
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`;
}

function keyOf({ name, until }: Occurrence): string {
  return `${name} until ${until}`;
}

function contains({ from, until }: Occurrence, moment: number): boolean {
  return from <= moment && moment < until;
}

/** A changed clock moves a window by hours, and by a whole day where a country moves across the date line. */
const CHANGED_CLOCK_MS = 2 * DAY_MS;

/** The times that a window comes that may contain a moment, or begin within `ahead` after it. */
function occurrencesAround(window: FreezeWindow, moment: number, ahead = 0): Occurrence[] {
  const { name, timeZone } = window;
  const zone = IANAZone.create(timeZone);
  const wall = moment + zone.offset(moment) * 60_000;
  return spansAround(window, wall)
    .filter(([from, to]) => from - CHANGED_CLOCK_MS <= wall + ahead && wall < to + CHANGED_CLOCK_MS)
    .map(([from, to]) => ({ name, timeZone, from: momentsAt(zone, from).first, until: momentsAt(zone, to).last }));
}

/** The same on the wall: pairs of what the clock shows at the begin and at the end. */
function spansAround(window: FreezeWindow, wall: number): (readonly [number, number])[] {
  const from = wallTime(window.from) ?? 0;
  const to = wallTime(window.to) ?? 0;
  if (!isWeekly(window)) return [[from, to]];
  const monday = mondayBefore(wall);
  const length = to > from ? to - from : to - from + WEEK_MS;
  return [-2, -1, 0, 1, 2].map((week) => {
    const begin = monday + week * WEEK_MS + from;
    return [begin, begin + length];
  });
}

/** 1970-01-01 was a Thursday. */
function mondayBefore(wall: number): number {
  return Math.floor((wall + 3 * DAY_MS) / WEEK_MS) * WEEK_MS - 3 * DAY_MS;
}

/**
 * When a clock in this zone shows a time. Where it shows it twice, because it is put back, there is a first and a last
 * moment; a time that it skips, because it is put forward, is the moment at which it does so.
 */
function momentsAt(zone: IANAZone, wall: number): { readonly first: number; readonly last: number } {
  const offsets = [wall - DAY_MS, wall + DAY_MS].map((near) => zone.offset(near) * 60_000);
  const shown = offsets
    .map((offset) => wall - offset)
    .filter((moment) => moment + zone.offset(moment) * 60_000 === wall);
  if (shown.length > 0) return { first: Math.min(...shown), last: Math.max(...shown) };
  const change = changeBetween(zone, wall - Math.max(...offsets), wall - Math.min(...offsets));
  return { first: change, last: change };
}

/** The first moment with another offset than `before`; there is one change at most within two days. */
function changeBetween(zone: IANAZone, before: number, after: number): number {
  const offset = zone.offset(before);
  let [low, high] = [before, after];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (zone.offset(middle) === offset) low = middle;
    else high = middle;
  }
  return high;
}
