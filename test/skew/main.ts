import { parseArgs } from 'node:util';
import { endAbandonedLabs } from '../lab/lab.ts';
import { serverPrograms } from '../lab/programs.ts';
import { describeVersions, parseVersions, UnknownVersions, usualVersions, versionsSyntax } from '../lab/versions.ts';
import type { LabVersions } from '../lab/versions.ts';
import { parts } from './parts.ts';
import type { Outcome, Part } from './parts.ts';
import { tableOf } from './table.ts';
import type { Row } from './table.ts';

// npm run test:skew [-- VERSIONS...] [--part=NAME]...: the same tests on several versions of what hotwave stands on.
// Not a part of `npm test`: it takes more than half an hour.

/** The default combinations: each of the old and new Kubernetes with the old and the new OpenKruise pair. */
const corners: readonly LabVersions[] = [
  usualVersions,
  parseVersions('kubernetes=1.37.2'),
  parseVersions('kruise=1.8.3,kruise-game=1.1.0'),
  parseVersions('newest'),
];

const help = `npm run test:skew -- [VERSIONS...] [--part=PART]...

Runs the same tests on several versions of what hotwave stands on, and prints a
table. It takes more than half an hour, and builds first what is not there yet:
Kubernetes takes about ten minutes, and Go 1.26.

  VERSIONS     one word for each row: newest, or some of
               kubernetes=1.37.2,kruise=1.8.3,kruise-game=1.1.0.
               Default: four rows, the oldest and the newest of each.
  --part=PART  only this, may be repeated:
               ${parts.map(({ name }) => name).join(', ')}
  --help       this text

Examples:
  npm run test:skew
  npm run test:skew -- newest --part=demo
  npm run test:skew -- kubernetes=1.37.2 kruise=1.8.3,kruise-game=1.1.0

Exit codes:
   0  every part passed
   1  a part failed
  64  wrong usage
`;

const usage = `use: npm run test:skew -- [VERSIONS...] [--part=${parts.map(({ name }) => name).join('|')}]; VERSIONS: ${versionsSyntax}`;

/** The command line asks for something that there is not; EX_USAGE of sysexits.h. */
class UsageError extends Error {}

try {
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) process.stdout.write(help);
  else {
    const { cells, chosen } = parsed(args);
    process.exitCode = await main(cells, chosen);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`hotwave: ${error.message}\n`);
  process.exitCode = 64;
}

function parsed(args: string[]): { readonly cells: readonly LabVersions[]; readonly chosen: readonly Part[] } {
  try {
    const options = { part: { type: 'string', multiple: true } } as const;
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options });
    const wanted = values.part ?? parts.map(({ name }) => name);
    const unknown = wanted.find((name) => !parts.some((part) => part.name === name));
    if (unknown !== undefined) throw new UsageError(`there is no part ${JSON.stringify(unknown)}; ${usage}`);
    return {
      cells: positionals.length === 0 ? corners : positionals.map(parseVersions),
      chosen: parts.filter(({ name }) => wanted.includes(name)),
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof UnknownVersions) throw new UsageError(`${error.message}; ${usage}`);
    throw new UsageError(`${(error as Error).message.replace(/\. .*/s, '')}; ${usage}`);
  }
}

async function main(cells: readonly LabVersions[], chosen: readonly Part[]): Promise<number> {
  // All builds first: seconds that are printed are of runs, not of compilers.
  for (const versions of cells) await serverPrograms({ versions, kubelet: true, log: say });
  const rows: Row[] = [];
  for (const [index, versions] of cells.entries()) {
    const outcomes = new Map<string, Outcome>();
    for (const part of chosen) {
      say(`cell ${index + 1} of ${cells.length}: ${part.name} on ${describeVersions(versions)}`);
      const outcome = await attempt(part, versions);
      outcomes.set(part.name, outcome);
      say(`${part.name}: ${outcome.passed} passed, ${outcome.failed} failed in ${outcome.seconds.toFixed(0)} s`);
    }
    rows.push({ versions, outcomes });
  }
  await endAbandonedLabs(say);
  return report(rows, chosen);
}

/** A part that cannot be carried out has failed; the others go on. */
async function attempt(part: Part, versions: LabVersions): Promise<Outcome> {
  const started = performance.now();
  try {
    return await part.run(versions, say);
  } catch (error) {
    const seconds = (performance.now() - started) / 1000;
    return { passed: 0, failed: 1, seconds, failures: [`${part.name}: ${(error as Error).message}`] };
  }
}

function report(rows: readonly Row[], chosen: readonly Part[]): number {
  const outcomes = rows.flatMap((row) => [...row.outcomes.values()].map((outcome) => ({ row, outcome })));
  for (const { row, outcome } of outcomes) {
    for (const failure of outcome.failures) say(`FAILED on ${describeVersions(row.versions)}: ${failure}`);
  }
  process.stdout.write(tableOf(rows, chosen));
  const sum = (pick: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, { outcome }) => total + pick(outcome), 0);
  const failed = sum((outcome) => outcome.failed);
  process.stdout.write(`${sum((outcome) => outcome.passed)} passed, ${failed} failed\n`);
  return failed > 0 ? 1 : 0;
}

function say(line: string): void {
  process.stderr.write(`skew: ${line}\n`);
}
