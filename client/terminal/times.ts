/** Fields that hold points in time as milliseconds since the epoch. */
const MOMENT = /^(at|since|until|mixedUntil)$|[a-z]At$/;
/** Smaller numbers are durations or counts, whatever they are called: this is the year 2001. */
const EARLIEST_MS = 1_000_000_000_000;
/** No answer of hotwave is nested so deeply. */
const DEEPEST = 100;

/**
 * The same value with each point in time written as RFC 3339 beside its milliseconds: `startedAt` gets a `startedAtTime`.
 * For JSON-like values.
 */
export function withTimes(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return value;
  if (Array.isArray(value)) return value.map((entry) => withTimes(entry, depth + 1));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, entry]: [string, unknown]) => {
      const time = MOMENT.test(key) ? rfc3339(entry) : undefined;
      const own = [key, withTimes(entry, depth + 1)] as const;
      return time === undefined ? [own] : [own, [`${key}Time`, time] as const];
    }),
  );
}

function rfc3339(value: unknown): string | undefined {
  if (typeof value !== 'number' || value < EARLIEST_MS) return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
