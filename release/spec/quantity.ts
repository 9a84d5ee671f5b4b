import { z } from 'zod';

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS;

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const PERCENT = /^(\d{1,3}(?:\.\d+)?)%$/;

/**
 * A duration as people write it, `90s` or `1.5h`, in milliseconds.
 * Returns undefined when the text is not a duration.
 */
export function parseDuration(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (!match) return undefined;
  return Math.round(Number(match[1]) * UNITS[match[2] as Unit]);
}

/** The shortest exact spelling people recognise of a number of milliseconds: 90000 -> `90s`, 7200000 -> `2h`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)}ms`;
  const seconds = Math.round(milliseconds / 1_000);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7_200) return seconds % 60 === 0 ? `${seconds / 60}m` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  const minutes = Math.round(seconds / 60);
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

/** The text that {@link parseDuration} reads as exactly this many milliseconds: 5400000 -> `90m`. */
function durationText(milliseconds: number): string {
  const units = Object.entries(UNITS).reverse();
  const unit = milliseconds === 0 ? undefined : units.find(([, length]) => milliseconds % length === 0);
  return unit ? `${milliseconds / unit[1]}${unit[0]}` : `${milliseconds}ms`;
}

/** A whole number of servers, or a share of them as `5%`. */
export type Count = number | `${number}%`;

/**
 * How many of `total` servers a count stands for. A share is rounded up and is at least 1,
 * so that `5%` of a set of 3 still names a server.
 *
 * | count | total | result |
 * |---|---|---|
 * | 3 | 10 | 3 |
 * | 5% | 3 | 1 |
 * | 25% | 10 | 3 |
 * | 7% | 100 | 7 |
 * | 0% | 10 | 0 |
 * | 12 | 10 | 10 |
 */
export function resolveCount(count: Count, total: number): number {
  if (typeof count === 'number') return Math.min(count, total);
  const [whole = '', fraction = ''] = count.slice(0, -1).split('.');
  // In floating point 7% of 100 is a little more than 7, and would be rounded up to 8.
  const hundredths = BigInt(`${whole}${fraction}`) * BigInt(total);
  const hundred = 100n * 10n ** BigInt(fraction.length);
  return Math.min(total, Number((hundredths + hundred - 1n) / hundred));
}

const A_DURATION = 'expected a duration such as 90s, 5m or 4h';

/** Text in, milliseconds out. Longer numbers than twenty characters are no durations that people write. */
const writtenDuration = z.string({ error: A_DURATION }).max(20, A_DURATION).regex(DURATION, A_DURATION);

/**
 * A duration in a release file: text in, milliseconds out. Nothing waits for ever: each has a longest value, and some a
 * shortest.
 */
export function durationUpTo(longest: string, shortest = '0s'): z.ZodType<number, string> {
  const [most, least] = [milliseconds(longest), milliseconds(shortest)];
  return z
    .codec(writtenDuration, z.number(), { decode: milliseconds, encode: durationText })
    .refine((value) => value <= most, { error: `expected a duration of at most ${longest}`, abort: true })
    .refine((value) => value >= least, `expected a duration of at least ${shortest}`)
    .meta({
      description: `A duration of at most ${longest}: a number and one of ms, s, m, h, d`,
      examples: ['90s', '5m', '4h'],
    });
}

function milliseconds(text: string): number {
  return parseDuration(text) ?? 0;
}

/** A point in time, milliseconds since the epoch. Dates beyond the year 9999 cannot be written by everybody. */
export const momentSchema = z
  .int()
  .min(0)
  .max(Date.UTC(9_999, 11, 31), 'expected milliseconds since 1970, before the year 10000');

/** Kubernetes runs no sets that large, and every number here fits in its 32 bits. */
const MOST_SERVERS = 100_000;

const percentSchema = z
  .string()
  .max(20, 'expected a share such as 5%')
  // Text that is no share at all may be meant as a number: the union then says both.
  .regex(PERCENT, { error: 'expected a share such as 5%', abort: true })
  .refine((text) => Number(text.slice(0, -1)) <= 100, 'a share is at most 100%');

/** A count in a release file: a whole number >= `minimum`, or a share. */
export function countSchema(minimum: number): z.ZodType<Count, number | string> {
  const whole =
    minimum === 0 ? 'a whole number of servers, 0 or more' : `a whole number of servers, ${minimum} or more`;
  const count = z.union(
    [
      z
        .int(`expected ${whole}`)
        .min(minimum, `expected ${whole}`)
        .max(MOST_SERVERS, `expected at most ${MOST_SERVERS} servers`),
      percentSchema,
    ],
    {
      error: `expected ${whole}, or a share such as 5%`,
    },
  );
  // The pattern makes it a share; a transform would say so too, but a release file could not be written back then.
  return count as unknown as z.ZodType<Count, number | string>;
}
