import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { endAbandonedLabs } from './lab/lab.ts';
import { isAbandoned, knownLabs } from './lab/lab-state.ts';
import { serverPrograms } from './lab/programs.ts';
import { environmentVersions } from './lab/versions.ts';
import { runLayer } from './run-layer.ts';
import type { LayerResult } from './run-layer.ts';

// npm test [layer...] [--except=LAYER]: the layers one after the other, and one last line with the sum.

/** From the fastest to the most real; a failure in an early one explains those in the later ones. */
const layers = ['unit', 'workflow', 'model', 'package', 'fleet', 'truth'] as const;
type Layer = (typeof layers)[number];

const args = process.argv.slice(2);
const unwanted = args.flatMap((arg) => (arg.startsWith('--except=') ? [arg.slice('--except='.length)] : []));
const asked = args.filter((arg) => !arg.startsWith('--except='));
const unknown = [...asked, ...unwanted].find((name) => !(layers as readonly string[]).includes(name));
if (unknown !== undefined) {
  process.stderr.write(`hotwave: there is no test layer ${unknown}; there are ${layers.join(', ')}\n`);
  process.exitCode = 64;
} else {
  const wanted = layers.filter((layer) => (asked.length === 0 || asked.includes(layer)) && !unwanted.includes(layer));
  const chosen = wanted.filter(hasTests);
  if (chosen.length > 0) await main(chosen);
  else {
    process.stderr.write('hotwave: no test layer is left to run\n');
    process.exitCode = 64;
  }
}

async function main(chosen: readonly Layer[]): Promise<void> {
  if (chosen.some((layer) => layer === 'fleet' || layer === 'truth')) {
    const versions = environmentVersions();
    await serverPrograms({ versions, kubelet: chosen.includes('truth'), log: say });
  }
  const before = new Set(knownLabs().map(({ record }) => record.name));
  const results: LayerResult[] = [];
  for (const layer of chosen) {
    say(`layer ${layer}`);
    results.push(await runLayer(layer, { output: 'shown', tryAgain: layer !== 'unit' }));
  }
  report(results);
  const leftovers = await labsLeftBehind(before);
  const sum = (pick: (result: LayerResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0);
  const failed = sum((result) => result.failed) + leftovers;
  const skipped = sum((result) => result.skipped);
  process.stdout.write(
    `${sum((result) => result.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`,
  );
  process.exitCode = failed > 0 || (process.env['CI'] === 'true' && skipped > 0) ? 1 : 0;
}

/** Once more at the end: whoever reads a long log, or only the end of it, is told which tests to look at. */
function report(results: readonly LayerResult[]): void {
  for (const { layer, unsteady } of results)
    for (const test of unsteady) say(`FAILED, THEN PASSED ALONE: ${layer} ${test}`);
  for (const { layer, failures } of results) for (const failure of failures) say(`FAILED: ${layer} ${failure}`);
  for (const { layer, passed, failed, skipped, seconds, unsteady } of results) {
    const counts = `${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds.toFixed(0)} s`;
    const accidents = unsteady.length > 0 ? `, ${unsteady.length} of them only at the second attempt` : '';
    say(`${layer.padEnd(8)} ${counts}${accidents}`);
  }
}

/** Labs that the layers started and did not end; they belong to the layers' processes, which are gone by now. */
async function labsLeftBehind(before: ReadonlySet<string>): Promise<number> {
  const left = knownLabs().filter((lab) => isAbandoned(lab) && !before.has(lab.record.name));
  for (const { record } of left) say(`FAILED: lab ${record.name} was left running`);
  await endAbandonedLabs(say);
  return left.length;
}

function hasTests(layer: Layer): boolean {
  return layer === 'unit' || existsSync(join('test', layer));
}

function say(line: string): void {
  process.stderr.write(`test: ${line}\n`);
}
