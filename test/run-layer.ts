import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';

/** What came of the tests of one layer. */
export interface LayerResult {
  readonly layer: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** What the tests said; empty when it was shown. */
  readonly said: string;
}

/**
 * Runs the tests of one layer in a process of their own; what they say is shown on standard error, or kept for whoever
 * wants to know. Never throws for a failed test.
 */
export async function runLayer(layer: string, output: 'shown' | 'kept'): Promise<LayerResult> {
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'hotwave-test-'));
  const file = join(folder, 'result.json');
  const stream = output === 'shown' ? process.stderr : 'pipe';
  const { all, shortMessage } = await execa(
    'vitest',
    ['run', '--project', layer, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    { preferLocal: true, reject: false, stdin: 'ignore', stdout: stream, stderr: stream, all: true },
  );
  const report = await readReport(file);
  await rm(folder, { recursive: true });
  const seconds = (performance.now() - started) / 1000;
  return { layer, ...report, seconds, said: output === 'shown' ? '' : `${all ?? ''}\n${shortMessage ?? ''}` };
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
