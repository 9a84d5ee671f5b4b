import type { ReleaseSpec } from '../spec/spec.ts';

/** A release that is done, as its workflow returned it. */
export interface PastRelease {
  readonly strategy: string;
  readonly waves: number;
  /** From its start to its end, waits at gates and pauses included. */
  readonly seconds: number;
}

/** How long a release will take, as far as earlier ones on the same set tell. */
export interface Estimate {
  /** How many releases it rests on. */
  readonly releases: number;
  /** Seconds that they took for a wave: the shortest, the middle one, the longest. */
  readonly perWave: { readonly least: number; readonly middle: number; readonly most: number };
  /** Seconds for all waves, by the middle one. */
  readonly seconds: number;
}

/** Time goes by waves: servers of one wave move together. Undefined without a release of the same strategy. */
export function estimateOf(
  { strategy, waves }: { readonly strategy: ReleaseSpec['strategy']; readonly waves: readonly unknown[] },
  past: readonly PastRelease[],
): Estimate | undefined {
  const times = past
    .filter((release) => release.strategy === strategy && release.waves > 0)
    .map((release) => release.seconds / release.waves)
    .sort((left, right) => left - right);
  const [least] = times;
  const middle = times[Math.floor((times.length - 1) / 2)];
  const most = times.at(-1);
  if (least === undefined || middle === undefined || most === undefined) return undefined;
  return { releases: times.length, perWave: { least, middle, most }, seconds: middle * waves.length };
}
