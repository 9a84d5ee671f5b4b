import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { endAbandonedLabs } from './lab/lab.ts';
import { knownLabs } from './lab/lab-state.ts';
import { serverPrograms } from './lab/programs.ts';

// npm test [layer...]: the layers one after the other, each in a process of its own, and one last line with the sum.

/** From the fastest to the most real; a failure in an early one explains those in the later ones. */
const layers = ['unit', 'workflow', 'fleet', 'truth'] as const;
type Layer = (typeof layers)[number];

interface LayerResult {
  readonly layer: Layer;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
}

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(layers as readonly string[]).includes(name));
if (unknown !== undefined) {
  process.stderr.write(`hotwave: there is no test layer ${unknown}; there are ${layers.join(', ')}\n`);
  process.exitCode = 64;
} else {
  await main(layers.filter((layer) => asked.length === 0 || asked.includes(layer)).filter(hasTests));
}

async function main(chosen: readonly Layer[]): Promise<void> {
  if (chosen.some((layer) => layer === 'fleet' || layer === 'truth')) {
    await serverPrograms({ kubelet: chosen.includes('truth'), log: say });
  }
  const results: LayerResult[] = [];
  for (const layer of chosen) results.push(await run(layer));
  for (const { layer, passed, failed, skipped, seconds } of results) {
    say(`${layer.padEnd(8)} ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds.toFixed(0)} s`);
  }
  const leftovers = await labsLeftBehind();
  const sum = (pick: (result: LayerResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0);
  const failed = sum((result) => result.failed) + leftovers;
  const skipped = sum((result) => result.skipped);
  process.stdout.write(
    `${sum((result) => result.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
  );
  process.exitCode = failed > 0 || (process.env['CI'] === 'true' && skipped > 0) ? 1 : 0;
}

async function run(layer: Layer): Promise<LayerResult> {
  say(`layer ${layer}`);
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'hotwave-test-'));
  const file = join(folder, 'result.json');
  await execa(
    'vitest',
    ['run', '--project', layer, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    {
      preferLocal: true,
      reject: false,
      stdin: 'ignore',
      stdout: process.stderr,
      stderr: process.stderr,
    },
  );
  const report = await readReport(file);
  await rm(folder, { recursive: true });
  return { layer, ...report, seconds: (performance.now() - started) / 1000 };
}

/** A layer that left no report, ran no test, or whose file could not be loaded, has failed. */
async function readReport(file: string): Promise<Pick<LayerResult, 'passed' | 'failed' | 'skipped'>> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(text) as Record<'numPassedTests' | 'numFailedTests' | 'numPendingTests', number> & {
    readonly success: boolean;
  };
  const { numPassedTests: passed, numPendingTests: skipped, success } = report;
  const failed = report.numFailedTests;
  return { passed, skipped, failed: failed === 0 && (!success || passed === 0) ? 1 : failed };
}

async function labsLeftBehind(): Promise<number> {
  await endAbandonedLabs(say);
  const left = knownLabs().filter(({ record }) => record.owner?.pid === process.pid);
  for (const { record } of left) say(`FAILED: lab ${record.name} was left behind`);
  return left.length;
}

function hasTests(layer: Layer): boolean {
  return layer === 'unit' || existsSync(join('test', layer));
}

function say(line: string): void {
  process.stderr.write(`test: ${line}\n`);
}
