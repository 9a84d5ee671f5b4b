import type { Measurement } from './bench.ts';
import type { ClickReport } from './clicks.ts';
import { machine, versions } from './environment.ts';
import type { InMemoryReport } from './in-memory/releases.ts';
import type { Mode, RequestCounts } from './mode.ts';
import type { SinkReport, SinkWay } from './sinks.ts';
import { median, percentile, sumOf } from './statistics.ts';

/** Some values in short: milliseconds or seconds, as the field says. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly p95: number;
  readonly least: number;
  readonly most: number;
}

/** The result of all runs of one mode. */
export interface ModeReport {
  readonly mode: string;
  readonly title: string;
  /** The program by which it works, where that depends on the machine. */
  readonly tool?: string;
  readonly seconds: Summary;
  /** Seconds of processor time of all programs together. */
  readonly processorSeconds: Summary;
  /** Milliseconds that pass between the steps; see own-time.ts. */
  readonly ownTime: {
    readonly readyToReload?: Summary;
    readonly proofToPatch?: Summary;
    readonly readyToPatch?: Summary;
    /** From the start of a release to its first write. */
    readonly firstWrite?: Summary;
  };
  /** Of the last run, as a whole and for each server. */
  readonly requests?: { readonly byName: RequestCounts; readonly perServer: number; readonly listsPerWave: number };
  /** Bytes, the most of all runs. */
  readonly workerMemory?: number;
}

/** How two modes compare, round by round. */
export interface Ratio {
  readonly mode: string;
  readonly against: string;
  /** Undefined where the figure only is to be known. */
  readonly budget?: number | undefined;
  /** Of seconds on the clock. */
  readonly ratio: Summary;
  /** Of processor time, which tells more than the clock when others keep the machine busy. */
  readonly processorRatio: Summary;
}

/** The questions of the fleet lab, and how its programs were spread over the cores. */
export interface Settings {
  readonly servers: number;
  readonly waves: number;
  readonly rounds: number;
  /** A sentence without its end, such as `not pinned: there is one core only`. */
  readonly cores: string;
}

/** All that is to be known about a run of the benchmark. */
export interface Report {
  readonly date: string;
  readonly machine: ReturnType<typeof machine>;
  readonly versions: ReturnType<typeof versions>;
  readonly settings: Settings;
  /** Load average of the minute before the run: what others did on the machine. */
  readonly loadBefore: number;
  readonly modes: readonly ModeReport[];
  readonly ratios: readonly Ratio[];
  /** Releases on the cluster in memory; undefined when there were none. */
  readonly inMemory?: InMemoryReport | undefined;
  /** Releases whose sinks make trouble; undefined when there were none. */
  readonly sinks?: SinkReport | undefined;
  /** Crowds of clicks; undefined when there were none. */
  readonly clicks?: ClickReport | undefined;
  readonly measurements: readonly Measurement[];
}

/** The subject of a report, besides the measurements. */
export interface ReportContext {
  readonly settings: Settings;
  readonly modes: readonly Mode[];
  readonly inMemory?: InMemoryReport | undefined;
  readonly sinks?: SinkReport | undefined;
  readonly clicks?: ClickReport | undefined;
  readonly loadBefore: number;
  readonly date: Date;
}

/** Sums up the measurements of one run. */
export function reportOf(context: ReportContext, measurements: readonly Measurement[]): Report {
  const { settings, modes, inMemory, sinks, clicks } = context;
  return {
    date: context.date.toISOString(),
    machine: machine(),
    versions: versions(),
    settings,
    loadBefore: context.loadBefore,
    modes: modes.map(({ name, title }) =>
      modeReport({ mode: name, title }, settings, measurementsOf(measurements, name)),
    ),
    ratios: modes.flatMap(({ name, comparisons }) =>
      comparisons.flatMap(({ against, atMost }) => ratioOf(measurements, { mode: name, against, budget: atMost })),
    ),
    inMemory,
    sinks,
    clicks,
    measurements,
  };
}

function measurementsOf(measurements: readonly Measurement[], name: string): Measurement[] {
  return measurements.filter(({ mode }) => mode === name);
}

function modeReport(
  names: Pick<ModeReport, 'mode' | 'title'>,
  settings: Settings,
  runs: readonly Measurement[],
): ModeReport {
  const { requests, tool } = runs.at(-1) ?? {};
  const memory = runs.flatMap(({ workerMemory }) => workerMemory ?? []);
  return {
    ...names,
    ...(tool !== undefined && { tool }),
    seconds: summary(runs.map(({ seconds }) => seconds)) ?? nothing,
    processorSeconds: summary(runs.map(processorSeconds)) ?? nothing,
    ownTime: {
      ...named('readyToReload', summary(runs.flatMap(({ ownTime }) => ownTime.readyToReload))),
      ...named('proofToPatch', summary(runs.flatMap(({ ownTime }) => ownTime.proofToPatch))),
      ...named('readyToPatch', summary(runs.flatMap(({ ownTime }) => ownTime.readyToPatch))),
      ...named('firstWrite', summary(runs.flatMap(({ firstWrite }) => firstWrite ?? []))),
    },
    ...(requests && { requests: requestsOf(requests, settings) }),
    ...(memory.length > 0 && { workerMemory: Math.max(...memory) }),
  };
}

function named<Name extends string>(name: Name, value: Summary | undefined): Partial<Record<Name, Summary>> {
  return value === undefined ? {} : ({ [name]: value } as Record<Name, Summary>);
}

/** Lists are counted by wave, because they do not grow with the number of servers in it; the rest by server. */
function requestsOf(byName: RequestCounts, { servers, waves }: Settings): NonNullable<ModeReport['requests']> {
  const lists = byName['GET pods'] ?? 0;
  return { byName, perServer: (sumOf(Object.values(byName)) - lists) / servers, listsPerWave: lists / waves };
}

function processorSeconds({ processorTime }: Measurement): number {
  return sumOf(Object.values(processorTime));
}

function ratioOf(measurements: readonly Measurement[], names: Omit<Ratio, 'ratio' | 'processorRatio'>): Ratio[] {
  const rounds = measurementsOf(measurements, names.mode).flatMap((measurement) => {
    const others = measurementsOf(measurements, names.against);
    const other = others.find(({ round }) => round === measurement.round);
    return other ? [{ measurement, other }] : [];
  });
  const ratio = summary(rounds.map(({ measurement, other }) => measurement.seconds / other.seconds));
  const processorRatio = summary(
    rounds.map(({ measurement, other }) => processorSeconds(measurement) / processorSeconds(other)),
  );
  return ratio && processorRatio ? [{ ...names, ratio, processorRatio }] : [];
}

/** Seconds of the releases that tell a sink divided by those of another way, release by release in the same round. */
export function sinkRatio({ releases }: SinkReport, way: SinkWay, against: SinkWay): Summary | undefined {
  const secondsOf = (which: SinkWay, round: number): number[] =>
    releases.filter((one) => one.way === which && one.round === round).map(({ seconds }) => seconds);
  const rounds = [...new Set(releases.map(({ round }) => round))];
  return summary(
    rounds.flatMap((round) => {
      const [other] = secondsOf(against, round);
      return other === undefined ? [] : secondsOf(way, round).map((seconds) => seconds / other);
    }),
  );
}

const nothing: Summary = { count: 0, median: 0, p95: 0, least: 0, most: 0 };

/** Undefined for none. */
export function summary(values: readonly number[]): Summary | undefined {
  const [middle, p95] = [median(values), percentile(values, 0.95)];
  if (middle === undefined || p95 === undefined) return undefined;
  return { count: values.length, median: middle, p95, least: Math.min(...values), most: Math.max(...values) };
}
