import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { bench } from './bench.ts';
import type { BenchOptions } from './bench.ts';
import { modes, usualModes } from './modes/index.ts';
import { recordReport } from './record.ts';
import { reportOf } from './report.ts';
import { markdownOf } from './tables.ts';

// npm run bench: hotwave beside what updates a set without it, on one fleet lab in one run. Only ratios mean something.

const usage = `npm run bench -- [--servers 200] [--waves 5] [--rounds 2] [--modes ${modes.map(({ name }) => name).join(',')}] [--json] [--record]`;

/** The command line asks for something that there is not; EX_USAGE of sysexits.h. */
class UsageError extends Error {
  readonly exitCode = 64;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? error.exitCode : 1;
}

async function main(args: string[]): Promise<void> {
  const { json, record, ...options } = optionsOf(args);
  const loadBefore = loadavg()[0] ?? 0;
  const measurements = await bench(options);
  const report = reportOf({ ...options, loadBefore, date: new Date() }, measurements);
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : `${markdownOf(report)}\n`);
  if (record) await recordReport(report);
}

function optionsOf(args: string[]): BenchOptions & { readonly json: boolean; readonly record: boolean } {
  const values = parsed(args);
  const chosen = values.modes?.split(',') ?? usualModes.map(({ name }) => name);
  const unknown = chosen.find((name) => !modes.some((mode) => mode.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no mode ${unknown}; use: ${usage}`);
  const [servers, waves] = [count('servers', values.servers, 200), count('waves', values.waves, 5)];
  if (waves > servers) throw new UsageError(`${servers} servers cannot be in ${waves} waves`);
  return {
    servers,
    waves,
    rounds: count('rounds', values.rounds, 2),
    modes: modes.filter(({ name }) => chosen.includes(name)),
    log: (line) => process.stderr.write(`bench: ${line}\n`),
    json: values.json,
    record: values.record,
  };
}

function parsed(args: string[]): ReturnType<typeof parse> {
  try {
    return parse(args);
  } catch (error) {
    throw new UsageError(`${(error as Error).message.replace(/\. .*/s, '')}; use: ${usage}`);
  }
}

// The inferred type is what parseArgs makes of the options.
function parse(args: string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = { servers: text, waves: text, rounds: text, modes: text, json: flag, record: flag };
  return parseArgs({ args, options }).values;
}

function count(name: string, value: string | undefined, standard: number): number {
  if (value === undefined) return standard;
  if (!/^[1-9]\d{0,4}$/.test(value)) throw new UsageError(`--${name} is ${value}, expected 1 or more; use: ${usage}`);
  return Number(value);
}
