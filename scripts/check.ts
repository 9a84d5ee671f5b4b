import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { runLayer } from '../test/run-layer.ts';

// `npm run check`: everything that needs no cluster, each part with its time; every part runs even when one fails. The
// last line counts the parts and, one by one, the unit tests.

interface Part {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const folders = [
  'release',
  'workflows',
  'activities',
  'codec',
  'cluster',
  'worker',
  'client',
  'bin',
  'scripts',
  'test',
];
const present = folders.filter((folder) => existsSync(folder));

/** The parts that run one after the other, beside the other lane: two cores are then busy until the end. */
const lanes: readonly (readonly Part[])[] = [
  [{ name: 'lint', command: ['eslint', '--max-warnings=0', ...present] }],
  [
    { name: 'types', command: ['tsc', '-p', '.'] },
    { name: 'dead code', command: ['knip', '--treat-config-hints-as-errors'] },
    { name: 'import rule', command: ['depcruise', '--output-type=err', ...present] },
    { name: 'format', command: ['prettier', '--check', '--log-level=warn', '.'] },
    { name: 'release file schema', command: ['node', 'scripts/release-schema.ts', '--check'] },
    { name: 'wire schemas', command: ['node', 'scripts/wire-schemas.ts', '--check'] },
    { name: 'reference', command: ['node', 'scripts/reference.ts', '--check'] },
    { name: 'words', command: ['node', 'scripts/words.ts'] },
    { name: 'table of verbs', command: ['node', 'scripts/verb-table.ts', '--check'] },
  ],
];

let passed = 0;
let failed = 0;
await Promise.all(lanes.map(drive));
await runUnitTests();
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;

async function drive(lane: readonly Part[]): Promise<void> {
  for (const part of lane) await run(part);
}

async function run({ name, command: [program, ...args] }: Part): Promise<void> {
  const started = performance.now();
  const result = await execa(program, args, { preferLocal: true, all: true, reject: false });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (result.exitCode === 0) passed += 1;
  else failed += 1;
  process.stdout.write(`${result.exitCode === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`);
  if (result.exitCode !== 0) process.stdout.write(`${result.all}\n`);
}

/** Alone, because their deadlines are short; what they say is shown only when one fails. */
async function runUnitTests(): Promise<void> {
  const result = await runLayer('unit', { output: 'kept', tryAgain: false });
  passed += result.passed;
  // A test that continuous integration cannot run says nothing, and must not pass.
  failed += result.failed + (process.env['CI'] === 'true' ? result.skipped : 0);
  const counts = `${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`;
  process.stdout.write(
    `${result.failed === 0 ? 'ok    ' : 'FAILED'} unit tests: ${counts} (${result.seconds.toFixed(1)} s)\n`,
  );
  if (result.failed > 0) process.stdout.write(`${result.said}\n`);
}
