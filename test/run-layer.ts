import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';

/** What came of the tests of one layer. */
export interface LayerResult {
  readonly layer: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** The failed tests, each with where it is and how it failed, in the order of their files. */
  readonly failures: readonly string[];
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

/** What is read of vitest's own report. */
interface Report {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** A layer that left no report, ran no test, or whose file could not be loaded, has failed. */
async function readReport(file: string): Promise<Pick<LayerResult, 'passed' | 'failed' | 'skipped' | 'failures'>> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return { passed: 0, failed: 1, skipped: 0, failures: ['the layer left no report'] };
  const report = JSON.parse(text) as Report;
  const { numPassedTests: passed, numPendingTests: skipped, success } = report;
  const failures = failuresOf(report);
  return { passed, skipped, failed: Math.max(failures.length, success && passed > 0 ? 0 : 1), failures };
}

function failuresOf(report: Report): readonly string[] {
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const tests = assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => `${file} > ${test.fullName}\n${beginning(test.failureMessages.join('\n'))}`);
    return status === 'failed' && tests.length === 0 ? [`${file}\n${beginning(message)}`] : tests;
  });
}

/** Enough to know what went wrong, and where, when the rest of a log is gone. */
function beginning(message: string): string {
  return stripVTControlCharacters(message)
    .split('\n')
    .filter((line) => !line.includes('node_modules'))
    .slice(0, 12)
    .map((line) => `    ${line}`)
    .join('\n');
}
