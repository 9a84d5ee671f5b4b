import { parseArgs } from 'node:util';
import type { Mode } from './mode.ts';
import { modes } from './modes/index.ts';

/** The command line asks for something that there is not. */
export class UsageError extends Error {
  /** EX_USAGE of sysexits.h. */
  readonly exitCode = 64;
}

/** How large releases are, and how often they are measured. */
export interface Size {
  readonly servers: number;
  readonly waves: number;
  readonly rounds: number;
}

/** The wishes of a person. */
export interface Wishes {
  readonly help: boolean;
  /** On the fleet lab; none of them when only releases in memory are wanted. */
  readonly modes: readonly Mode[];
  readonly fleet: Size;
  /** Releases on the cluster in memory; undefined when they are not wanted. */
  readonly inMemory: Size | undefined;
  /** The same with sinks that make trouble. */
  readonly sinks: Size | undefined;
  /** Crowds of clicks on one release; undefined when they are not wanted. */
  readonly clicks: Pick<Size, 'rounds'> | undefined;
  readonly json: boolean;
  readonly record: boolean;
  /** A file for the whole report as JSON. */
  readonly report: string | undefined;
}

const IN_MEMORY = 'in-memory';
const SINKS = 'sinks';
const CLICKS = 'clicks';
const names = [...modes.map(({ name }) => name), IN_MEMORY, SINKS, CLICKS];

/** The output of `--help`. */
export const help = `Usage: npm run bench -- [options]

Measures what a release costs beside other ways of updating the same servers. Without options it measures all ways,
which takes about a quarter of an hour on two cores.

  --modes A,B,...  ways to measure, default all of them:
${modes.map(({ name, title }) => `                   ${name.padEnd(13)} ${title}`).join('\n')}
                   ${IN_MEMORY.padEnd(13)} releases on a cluster in memory: size of histories, memory of the worker
                   ${SINKS.padEnd(13)} releases on a cluster in memory, told to sinks that make trouble, and to nobody
                   ${CLICKS.padEnd(13)} 200 clicks at the same time on one release, before one gateway and before three
  --servers N      servers of the set, default 200 (${IN_MEMORY}: 10000)
  --waves N        waves of equal size, default 10
  --rounds N       how often each way is measured, default 2 (${IN_MEMORY}: 1, one release after the other;
                   ${SINKS} and ${CLICKS}: 5)
  --json           print one line of JSON on standard output, and everything else on standard error
  --report FILE    write all that was measured into a file, as JSON
  --record         write the tables and the report into docs/
  --help           print this

Examples:
  npm run bench -- --modes native,hotwave --servers 50 --waves 5 --rounds 1
  npm run bench -- --json --modes native,stepper,full-stepper,by-hand,by-hand-10,hotwave
  npm run bench -- --modes patch-loop,targeted
  npm run bench -- --modes ${IN_MEMORY} --servers 10000 --waves 100
  npm run bench -- --modes ${IN_MEMORY} --rounds 20
  npm run bench -- --modes ${SINKS}
  npm run bench -- --modes ${CLICKS} --rounds 7
`;

/**
 * The wishes in the arguments.
 * @throws UsageError in one sentence
 */
export function wishesOf(args: readonly string[]): Wishes {
  const { modes: list, help: isHelp, json, record, report, ...size } = parsed(args);
  const chosen = list?.split(',') ?? names;
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no mode ${unknown}; there are ${names.join(', ')}`);
  return {
    help: isHelp,
    modes: modes.filter(({ name }) => chosen.includes(name)),
    fleet: sizeOf(size, { servers: 200, waves: 10, rounds: 2 }),
    inMemory: chosen.includes(IN_MEMORY) ? sizeOf(size, { servers: 10_000, waves: 10, rounds: 1 }) : undefined,
    sinks: chosen.includes(SINKS) ? sizeOf(size, { servers: 200, waves: 10, rounds: 5 }) : undefined,
    clicks: chosen.includes(CLICKS) ? sizeOf(size, { servers: 200, waves: 1, rounds: 5 }) : undefined,
    json,
    record,
    report,
  };
}

type SizeTexts = { readonly [Name in keyof Size]?: string | undefined };

function sizeOf(texts: SizeTexts, standard: Size): Size {
  const count = (name: keyof Size, most: number): number => {
    const text = texts[name];
    if (text === undefined) return standard[name];
    const value = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : Infinity;
    if (value > most) throw new UsageError(`--${name} is ${text}, and must be a whole number from 1 to ${most}`);
    return value;
  };
  const size = { servers: count('servers', 20_000), waves: count('waves', 1_000), rounds: count('rounds', 1_000) };
  if (size.waves > size.servers)
    throw new UsageError(`${size.servers} servers cannot be in ${size.waves} waves; give fewer --waves`);
  return size;
}

function parsed(args: readonly string[]): ReturnType<typeof parse> {
  try {
    return parse(args);
  } catch (error) {
    throw new UsageError(`${(error as Error).message.replace(/\. .*/s, '')}; see npm run bench -- --help`);
  }
}

// The inferred type is what parseArgs makes of the options.
function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const size = { servers: text, waves: text, rounds: text };
  const options = { ...size, modes: text, report: text, help: flag, json: flag, record: flag };
  return parseArgs({ args: [...args], options }).values;
}
