import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { findCores, pinThisProcess } from '../lab/cores.ts';
import type { Cores } from '../lab/cores.ts';
import { bench } from './bench.ts';
import { measureClicks } from './clicks.ts';
import { figuresOf } from './figures.ts';
import { measureInMemory } from './in-memory/releases.ts';
import { help, UsageError, wishesOf } from './options.ts';
import type { Wishes } from './options.ts';
import { recordReport } from './record.ts';
import { reportOf } from './report.ts';
import { measureSinks } from './sinks.ts';
import type { Report } from './report.ts';
import { sectionsOf } from './tables.ts';

// npm run bench: hotwave beside what updates a set without it, on one fleet lab in one run. Only ratios mean something.

const log = (line: string): void => void process.stderr.write(`bench: ${line}\n`);

try {
  await main(wishesOf(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? error.exitCode : 1;
}

async function main(wishes: Wishes): Promise<void> {
  if (wishes.help) {
    process.stdout.write(help);
    return;
  }
  const report = await measure(wishes);
  if (wishes.report !== undefined) await writeFile(wishes.report, `${JSON.stringify(report, null, 2)}\n`);
  if (wishes.record) await recordReport(report);
  const tables = sectionsOf(report)
    .map(({ text }) => `${text}\n`)
    .join('\n');
  if (wishes.json) process.stderr.write(tables);
  process.stdout.write(wishes.json ? `${JSON.stringify(figuresOf(report))}\n` : tables);
}

async function measure({ modes, fleet, inMemory, sinks, clicks }: Wishes): Promise<Report> {
  const loadBefore = loadavg()[0] ?? 0;
  const date = new Date();
  // Before this process is pinned: these releases have no control plane that would be on the other core.
  const releases = inMemory && (await measureInMemory({ ...inMemory, log }));
  const told = sinks && (await measureSinks({ ...sinks, log }));
  const crowds = clicks && (await measureClicks(clicks.rounds, log));
  const cores = modes.length > 0 ? await pinned() : { sentence: 'not pinned' };
  const measurements = await bench({ ...fleet, modes, cores: cores.cores, log });
  const settings = { ...fleet, cores: cores.sentence };
  return reportOf({ settings, modes, inMemory: releases, sinks: told, clicks: crowds, loadBefore, date }, measurements);
}

/** Takes the core of the control plane away from this process, where there are two. */
async function pinned(): Promise<{ readonly cores?: Cores; readonly sentence: string }> {
  const cores = await findCores();
  if ('reason' in cores) {
    const sentence = `not pinned: ${cores.reason}`;
    log(`the control plane shares its cores with the rest, so ratios say less (${sentence})`);
    return { sentence };
  }
  await pinThisProcess(cores.others);
  const { controlPlane, others } = cores;
  const sentence = `control plane on core ${controlPlane}; worker, Temporal and benchmark on core ${others}`;
  log(sentence);
  return { cores, sentence };
}
