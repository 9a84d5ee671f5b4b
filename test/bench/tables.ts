import { CLICKS, REPLICAS } from './clicks.ts';
import type { ClickReport } from './clicks.ts';
import type { InMemoryRelease, InMemoryReport } from './in-memory/releases.ts';
import { sinkRatio, summary } from './report.ts';
import type { ModeReport, Ratio, Report, Summary } from './report.ts';
import { SINK_WAYS } from './sinks.ts';
import type { SinkReport, SinkWay } from './sinks.ts';
import { megabytes, sumOf } from './statistics.ts';

/** A part of a report as Markdown, with the name under which the page keeps it. */
export interface Section {
  readonly name: string;
  readonly text: string;
}

/** A report as Markdown, a section for each lab: what was measured, on what, and how it compares. */
export function sectionsOf(report: Report): Section[] {
  const { settings, modes, inMemory, sinks, clicks } = report;
  const joined = (parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n\n');
  const named = (name: string, { servers, waves }: { servers: number; waves: number }, parts: string[]): Section => ({
    name: `${name}${servers}x${waves}`,
    text: joined(parts),
  });
  const isFleet = modes.length > 0 || (!inMemory && !sinks && !clicks);
  return [
    ...(isFleet ? [named('', settings, fleetParts(report))] : []),
    ...(inMemory ? [named('in-memory-', inMemory, inMemoryParts(report, inMemory))] : []),
    ...(sinks ? [named('sinks-', sinks, sinkParts(report, sinks))] : []),
    ...(clicks ? [{ name: `clicks-${CLICKS}`, text: joined(clickParts(report, clicks)) }] : []),
  ];
}

function fleetParts(report: Report): string[] {
  const { settings, ratios } = report;
  return [
    `### ${settings.servers} servers in ${settings.waves} waves`,
    `${provenance(report)} Rounds: ${settings.rounds}, each mode once per round, order reversed from round to round; ${settings.cores}.`,
    table(
      [
        'way',
        'seconds (median)',
        'least to most',
        'processor seconds',
        'requests per server',
        'lists per wave',
        'worker memory',
      ],
      report.modes.map(modeRow),
    ),
    table(['ratio', 'seconds (median)', 'least to most', 'budget', '', 'processor seconds'], ratios.map(ratioRow)),
    table(['own time (ms)', 'median', 'p95', 'most', 'transitions'], report.modes.flatMap(ownTimeRows)),
  ];
}

function inMemoryParts(report: Report, { servers, waves, releases }: InMemoryReport): string[] {
  return [
    `### ${servers} servers in memory in ${waves} waves`,
    `${provenance(report)} One worker in a process of its own, on a Temporal dev server; the cluster is in the process of the benchmark; not pinned.`,
    table(
      ['release', 'seconds', 'runs', 'events', 'most in a run', 'MB', 'most in a run', 'worker RSS peak (MB)', 'after'],
      releases.map(releaseRow),
    ),
  ];
}

function sinkParts(report: Report, sinks: SinkReport): string[] {
  const { servers, waves, rounds } = sinks;
  return [
    `### Sinks that make trouble: ${servers} servers in memory in ${waves} waves`,
    `${provenance(report)} One worker in a process of its own, on a Temporal dev server; the cluster and the sinks are in the process of the benchmark; not pinned. Rounds: ${rounds}, each way once per round, order reversed from round to round.`,
    table(
      [
        'told',
        'seconds (median)',
        'least to most',
        'ratio to none (median)',
        'least to most',
        'ratio to up',
        'least to most',
      ],
      (Object.keys(SINK_WAYS) as SinkWay[]).map((way) => sinkRow(sinks, way)),
    ),
  ];
}

/** The budget of a click's answer, in milliseconds (p95). */
const CLICK_BUDGET = 1_000;

function clickParts(report: Report, { rounds, crowds }: ClickReport): string[] {
  return [
    `### ${CLICKS} clicks at the same time on one release`,
    `${provenance(report)} Temporal, worker and gateways are processes of their own, the people who click are in the process of the benchmark; not pinned. Rounds: ${rounds}, order reversed from round to round. Each cell is the median over rounds.`,
    table(
      [
        'gateways',
        'p95 (ms)',
        'least to most',
        'budget',
        '',
        'median (ms)',
        'last (ms)',
        'answers of the release',
        'load',
      ],
      REPLICAS.map((replicas) =>
        clickRow(
          crowds.filter((one) => one.replicas === replicas),
          replicas,
        ),
      ),
    ),
    table(
      ['seconds of processor time', ...REPLICAS.map((replicas) => `gateways: ${replicas}`)],
      [...new Set(crowds.flatMap(({ processorTime }) => Object.keys(processorTime)))].map((program) => [
        program,
        ...REPLICAS.map((replicas) => {
          const own = crowds.filter((one) => one.replicas === replicas);
          return summary(own.map(({ processorTime }) => processorTime[program] ?? 0))?.median.toFixed(2) ?? '';
        }),
      ]),
    ),
  ];
}

function clickRow(crowds: ClickReport['crowds'], replicas: number): string[] {
  const of = (key: 'median' | 'p95' | 'most' | 'decided' | 'load'): Summary | undefined =>
    summary(crowds.map((crowd) => crowd[key]));
  const p95 = of('p95');
  if (!p95) return [String(replicas)];
  const verdict = p95.median <= CLICK_BUDGET ? 'kept' : 'missed';
  const middle = (key: 'median' | 'most' | 'decided'): string => of(key)?.median.toFixed(0) ?? '';
  return [
    ...[String(replicas), p95.median.toFixed(0), range(p95, 0), String(CLICK_BUDGET), verdict],
    ...[middle('median'), middle('most'), middle('decided'), of('load')?.median.toFixed(1) ?? ''],
  ];
}

function sinkRow(sinks: SinkReport, way: SinkWay): string[] {
  const seconds = summary(sinks.releases.filter((one) => one.way === way).map((one) => one.seconds));
  const told = `${way}: ${SINK_WAYS[way]}`;
  if (!seconds) return [told];
  const against = (['none', 'up'] as const).flatMap((other) => {
    const ratio = way === 'none' || way === other ? undefined : sinkRatio(sinks, way, other);
    return ratio ? [ratio.median.toFixed(3), range(ratio, 3)] : ['', ''];
  });
  return [told, seconds.median.toFixed(2), range(seconds, 2), ...against];
}

function releaseRow({ seconds, runs, rssPeak, rssAfter }: InMemoryRelease, index: number): string[] {
  const [events, bytes] = [runs.map((run) => run.events), runs.map((run) => run.bytes)];
  return [
    ...[String(index + 1), seconds.toFixed(1), String(runs.length)],
    ...[String(sumOf(events)), String(Math.max(...events))],
    ...[megabytes(sumOf(bytes)).toFixed(2), megabytes(Math.max(...bytes)).toFixed(2)],
    ...[megabytes(rssPeak).toFixed(0), megabytes(rssAfter).toFixed(0)],
  ];
}

function provenance({ date, machine, versions, loadBefore }: Report): string {
  const { cores, processor, memoryGiB, system } = machine;
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${date.slice(0, 16).replace('T', ' ')} UTC, ${cores} cores (${processor}), ${memoryGiB} GiB, ${system}, load ` +
    `${loadBefore.toFixed(1)} before the run; ${used.join(', ')}.`
  );
}

function modeRow({ mode, title, tool, seconds, processorSeconds, requests, workerMemory }: ModeReport): string[] {
  return [
    `${mode}: ${title}${tool === undefined ? '' : ` (${tool})`}`,
    seconds.median.toFixed(1),
    range(seconds, 1),
    processorSeconds.median.toFixed(1),
    requests?.perServer.toFixed(2) ?? '',
    requests?.listsPerWave.toFixed(1) ?? '',
    workerMemory === undefined ? '' : `${Math.round(workerMemory / 2 ** 20)} MiB`,
  ];
}

function ratioRow({ mode, against, budget, ratio, processorRatio }: Ratio): string[] {
  const verdict = budget === undefined ? '' : ratio.median <= budget ? 'kept' : 'missed';
  const [median, processor] = [ratio.median.toFixed(2), processorRatio.median.toFixed(2)];
  return [`${mode} / ${against}`, median, range(ratio, 2), budget?.toFixed(2) ?? '', verdict, processor];
}

const TRANSITIONS = {
  readyToReload: 'last server Ready → first reload',
  proofToPatch: "last proof → next wave's patch",
  readyToPatch: "last server Ready → next wave's patch",
  firstWrite: 'start → first write',
} as const;

function ownTimeRows({ mode, ownTime }: ModeReport): string[][] {
  return Object.entries(TRANSITIONS).flatMap(([key, title]) => {
    const summary = ownTime[key as keyof typeof TRANSITIONS];
    if (!summary) return [];
    const { median, p95, most, count } = summary;
    return [[`${mode}: ${title}`, ...[median, p95, most].map((value) => value.toFixed(0)), String(count)]];
  });
}

function range({ least, most }: Summary, digits: number): string {
  return `${least.toFixed(digits)} to ${most.toFixed(digits)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const widths = head.map((title, column) => Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
