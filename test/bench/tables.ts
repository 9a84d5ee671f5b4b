import type { ModeReport, Ratio, Report, Summary } from './report.ts';

/** A report as Markdown: what was measured, on what, and how it compares. */
export function markdownOf(report: Report): string {
  const { settings, ratios } = report;
  return [
    `### ${settings.servers} servers in ${settings.waves} waves`,
    provenance(report),
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
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function provenance({ date, machine, versions, settings, loadBefore }: Report): string {
  const { cores, processor, memoryGiB, system } = machine;
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `${date.slice(0, 16).replace('T', ' ')} UTC, ${cores} cores (${processor}), ${memoryGiB} GiB, ${system}, load ` +
    `${loadBefore.toFixed(1)} before the run; ${used.join(', ')}. ${settings.rounds} rounds, each mode once per round, ` +
    'order reversed from round to round.'
  );
}

function modeRow({ mode, title, seconds, processorSeconds, requests, workerMemory }: ModeReport): string[] {
  return [
    `${mode}: ${title}`,
    seconds.median.toFixed(1),
    range(seconds, 1),
    processorSeconds.median.toFixed(1),
    requests?.perServer.toFixed(2) ?? '',
    requests?.listsPerWave.toFixed(1) ?? '',
    workerMemory === undefined ? '' : `${Math.round(workerMemory / 2 ** 20)} MiB`,
  ];
}

function ratioRow({ mode, against, budget, ratio, processorRatio }: Ratio): string[] {
  const verdict = ratio.median <= budget ? 'kept' : 'missed';
  const [median, processor] = [ratio.median.toFixed(2), processorRatio.median.toFixed(2)];
  return [`${mode} / ${against}`, median, range(ratio, 2), budget.toFixed(2), verdict, processor];
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
