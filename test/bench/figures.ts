import type { ClickReport } from './clicks.ts';
import type { InMemoryReport } from './in-memory/releases.ts';
import { sinkRatio } from './report.ts';
import type { ModeReport, Report } from './report.ts';
import type { SinkReport, SinkWay } from './sinks.ts';
import { median, megabytes, sumOf } from './statistics.ts';

/** The figures that the budgets are about, on one line for programs. A figure that was not measured is null. */
export interface Figures {
  /** Of the medians over rounds: seconds of hotwave divided by seconds of the other way in the same round. */
  readonly ratioToNative: number | null;
  /** To the stepper that reloads and proves. */
  readonly ratioToStepper: number | null;
  /** To the stepper that does neither. */
  readonly ratioToBareStepper: number | null;
  /** To the native update followed by a serial `kubectl exec` loop, and by ten at once. */
  readonly ratioByHand: number | null;
  readonly ratioByHand10: number | null;
  /** A targeted release to a bare loop of patches of GameServers. */
  readonly targetedRatio: number | null;
  /** To the API server, lists of pods left out, which do not grow with the servers. */
  readonly requestsPerServer: number | null;
  readonly listsPerWave: number | null;
  readonly targetedRequestsPerServer: number | null;
  /** Milliseconds; the larger of the two below. */
  readonly ownMsP95: number | null;
  readonly ownMsP95Of: { readonly readyToReload: number | null; readonly proofToPatch: number | null };
  /** Events of a release of 10,000 servers, all its runs together; and the most of one run. */
  readonly events10k: number | null;
  readonly eventsRun10k: number | null;
  /** Megabytes (a million bytes) of the largest run of such a release; and of all its runs together. */
  readonly mb10k: number | null;
  readonly mbAllRuns10k: number | null;
  readonly waves10k: number | null;
  /** Resident memory of the worker in megabytes: the peak of all such releases, and after each of them. */
  readonly rssMb10k: number | null;
  readonly rssMbAfter10k: readonly number[] | null;
  /** Medians over rounds: seconds of a release that tells a sink / of one that tells nobody. */
  readonly sinkRatios: Readonly<Record<Exclude<SinkWay, 'none'>, number | null>> | null;
  /** Milliseconds that 95 of 100 people wait at most of 200 who click at once: medians over rounds, by gateways. */
  readonly clickMsP95: { readonly one: number | null; readonly three: number | null } | null;
  /** The stepper of the ratios; null when there was no fleet lab. */
  readonly servers: number | null;
  readonly waves: number | null;
  readonly rounds: number | null;
  /** How programs were spread over the cores. */
  readonly cores: string;
  readonly byHandTool: string | null;
}

const FULL_SIZE = 10_000;

/** The figures of a report. */
export function figuresOf(report: Report): Figures {
  const { settings, modes, inMemory, sinks, clicks } = report;
  const { servers, waves, rounds } = modes.length > 0 ? settings : { servers: null, waves: null, rounds: null };
  return {
    ...ratiosOf(report),
    ...requestsOf(report),
    ...ownTimeOf(modeOf(report, 'hotwave')),
    ...fullSizeOf(inMemory?.servers === FULL_SIZE ? inMemory : undefined),
    clickMsP95: clicks ? { one: clickP95(clicks, 1), three: clickP95(clicks, 3) } : null,
    sinkRatios: sinks ? sinkRatiosOf(sinks) : null,
    servers,
    waves,
    rounds,
    cores: settings.cores,
    byHandTool: modeOf(report, 'by-hand')?.tool ?? null,
  };
}

function clickP95({ crowds }: ClickReport, replicas: number): number | null {
  return rounded(median(crowds.filter((one) => one.replicas === replicas).map(({ p95 }) => p95)), 0);
}

function sinkRatiosOf(report: SinkReport): NonNullable<Figures['sinkRatios']> {
  const of = (way: SinkWay): number | null => rounded(sinkRatio(report, way, 'none')?.median);
  return { up: of('up'), down: of('down'), hangs: of('hangs'), busy: of('busy'), twice: of('twice') };
}

function modeOf({ modes }: Report, name: string): ModeReport | undefined {
  return modes.find(({ mode, seconds }) => mode === name && seconds.count > 0);
}

function requestsOf(report: Report): Pick<Figures, 'requestsPerServer' | 'listsPerWave' | 'targetedRequestsPerServer'> {
  const requests = modeOf(report, 'hotwave')?.requests;
  return {
    requestsPerServer: rounded(requests?.perServer),
    listsPerWave: rounded(requests?.listsPerWave),
    targetedRequestsPerServer: rounded(modeOf(report, 'targeted')?.requests?.perServer),
  };
}

function ownTimeOf(hotwave: ModeReport | undefined): Pick<Figures, 'ownMsP95' | 'ownMsP95Of'> {
  const readyToReload = rounded(hotwave?.ownTime.readyToReload?.p95, 0);
  const proofToPatch = rounded(hotwave?.ownTime.proofToPatch?.p95, 0);
  const isWhole = readyToReload !== null && proofToPatch !== null;
  return {
    ownMsP95: isWhole ? Math.max(readyToReload, proofToPatch) : null,
    ownMsP95Of: { readyToReload, proofToPatch },
  };
}

type RatioNames =
  'ratioToNative' | 'ratioToStepper' | 'ratioToBareStepper' | 'ratioByHand' | 'ratioByHand10' | 'targetedRatio';

function ratiosOf({ ratios }: Report): Pick<Figures, RatioNames> {
  const ratioOf = (name: string, other: string): number | null =>
    rounded(ratios.find(({ mode, against }) => mode === name && against === other)?.ratio.median);
  return {
    ratioToNative: ratioOf('hotwave', 'native'),
    ratioToStepper: ratioOf('hotwave', 'full-stepper'),
    ratioToBareStepper: ratioOf('hotwave', 'stepper'),
    ratioByHand: ratioOf('hotwave', 'by-hand'),
    ratioByHand10: ratioOf('hotwave', 'by-hand-10'),
    targetedRatio: ratioOf('targeted', 'patch-loop'),
  };
}

type FullSizeNames =
  'events10k' | 'eventsRun10k' | 'mb10k' | 'mbAllRuns10k' | 'waves10k' | 'rssMb10k' | 'rssMbAfter10k';

/** Of several releases the worst: none of them may be over the budget. */
function fullSizeOf(report: InMemoryReport | undefined): Pick<Figures, FullSizeNames> {
  const { waves = null, releases = [] } = report ?? {};
  const worst = (values: readonly number[], digits = 0): number | null =>
    values.length === 0 ? null : rounded(Math.max(...values), digits);
  const events = releases.map(({ runs }) => runs.map((run) => run.events));
  const bytes = releases.map(({ runs }) => runs.map((run) => megabytes(run.bytes)));
  return {
    events10k: worst(events.map(sumOf)),
    eventsRun10k: worst(events.flat()),
    mb10k: worst(bytes.flat(), 2),
    mbAllRuns10k: worst(bytes.map(sumOf), 2),
    waves10k: waves,
    rssMb10k: worst(releases.map(({ rssPeak }) => megabytes(rssPeak))),
    rssMbAfter10k: report ? releases.map(({ rssAfter }) => Math.round(megabytes(rssAfter))) : null,
  };
}

function rounded(value: number, digits?: number): number;
function rounded(value: number | undefined, digits?: number): number | null;
function rounded(value: number | undefined, digits = 3): number | null {
  return value === undefined ? null : Number(value.toFixed(digits));
}
