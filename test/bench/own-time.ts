import type { EngineStats } from '../lab/fleet-engine.ts';

/** That the set got this partition and image; `at` as in {@link Observation}. */
export interface Opening {
  readonly at: number;
  readonly image: string;
  readonly partition: number;
}

/** The findings of an independent watch of one update. All times are milliseconds since 1970, on one clock. */
export interface Observation {
  readonly startedAt: number;
  /** When each server was first Ready on the new image, by name. */
  readonly ready: ReadonlyMap<string, number>;
  /** The writes of the set with the new image. */
  readonly openings: readonly Opening[];
  /** The answers of the engines themselves, by server. */
  readonly engines: ReadonlyMap<string, Pick<EngineStats, 'reloads' | 'proofs'>>;
}

/** When the steps of one wave happened; undefined what did not. */
export interface WaveTimes {
  readonly opened: number | undefined;
  readonly lastReady: number | undefined;
  readonly firstReload: number | undefined;
  readonly lastReload: number | undefined;
  readonly lastProof: number | undefined;
}

/** Milliseconds that an updater lets pass by itself, one value per wave. */
export interface OwnTime {
  /** From the last server of a wave being Ready to the first engine being told to reload. */
  readonly readyToReload: readonly number[];
  /** From the last proof of a wave to the write that opens the next. */
  readonly proofToPatch: readonly number[];
  /** From the last server of a wave being Ready to the write that opens the next. */
  readonly readyToPatch: readonly number[];
}

/** When the steps of each wave happened, given the servers of each wave. */
export function waveTimes(seen: Observation, waves: readonly (readonly string[])[]): WaveTimes[] {
  let partition = waves.flat().length;
  const opened = waves.map((wave) => {
    partition -= wave.length;
    return seen.openings.find((opening) => opening.partition === partition)?.at;
  });
  return waves.map((wave, index) => {
    const since = opened[index] ?? Infinity;
    const reloads = wave.flatMap((name) => seen.engines.get(name)?.reloads ?? []).filter((at) => at >= since);
    const firstReload = least(reloads);
    const proofs = wave.flatMap((name) => seen.engines.get(name)?.proofs ?? []);
    const ready = wave.map((name) => seen.ready.get(name));
    return {
      opened: opened[index],
      lastReady: ready.includes(undefined) ? undefined : most(ready.filter((at) => at !== undefined)),
      firstReload,
      lastReload: most(reloads),
      lastProof: firstReload === undefined ? undefined : most(proofs.filter((at) => at >= firstReload)),
    };
  });
}

/** The values that pass between the steps; a step that did not happen gives no value. */
export function ownTime(waves: readonly WaveTimes[]): OwnTime {
  const between = (pick: (wave: WaveTimes, next: WaveTimes | undefined) => readonly (number | undefined)[]): number[] =>
    waves.flatMap((wave, index) => {
      const [from, to] = pick(wave, waves[index + 1]);
      return wave.opened === undefined || from === undefined || to === undefined ? [] : [to - from];
    });
  return {
    readyToReload: between(({ lastReady, firstReload }) => [lastReady, firstReload]),
    proofToPatch: between(({ lastProof }, next) => [lastProof, next?.opened]),
    readyToPatch: between(({ lastReady }, next) => [lastReady, next?.opened]),
  };
}

function least(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values);
}

function most(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values);
}
