import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';

/** The result of the tests of one layer. */
export interface LayerResult {
  readonly layer: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** The failed tests, each with where it is and how it failed, in the order of their files. */
  readonly failures: readonly string[];
  /** Tests that failed beside others and passed alone: they count as passed, and somebody has to look at them. */
  readonly unsteady: readonly string[];
  /** The output of the tests; empty when it was shown. */
  readonly said: string;
}

/** More failures than these are no accident of a busy machine: nothing is tried again. */
const MOST_TRIED_AGAIN = 6;

/** Which tests of a layer are run, and how. */
export interface LayerOptions {
  /** Their output is shown on standard error, or kept. */
  readonly output: 'shown' | 'kept';
  /** Runs the few that failed once more, each file alone (docs/decisions/0025). */
  readonly tryAgain: boolean;
  /** Files of the layer; all when left out. */
  readonly files?: readonly string[];
  /** Variables that the tests are given. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs the tests of one layer in a process of their own. Never throws for a failed test. */
export async function runLayer(layer: string, options: LayerOptions): Promise<LayerResult> {
  const { tryAgain, files = [] } = options;
  const started = performance.now();
  const { report, said } = await runTests(['--project', layer, ...files], options);
  const failed = failuresOf(report);
  const unsteady: Failure[] = [];
  if (tryAgain && failed.length <= MOST_TRIED_AGAIN)
    for (const failure of failed) if (await passesAlone(layer, failure, options)) unsteady.push(failure);
  const failures = failed.filter((failure) => !unsteady.includes(failure));
  return {
    layer,
    passed: report.numPassedTests + unsteady.length,
    failed: failures.length,
    skipped: report.numPendingTests,
    seconds: (performance.now() - started) / 1000,
    failures: failures.map(({ text }) => text),
    unsteady: unsteady.map(({ text }) => text),
    said,
  };
}

async function passesAlone(layer: string, { file, test }: Failure, options: LayerOptions): Promise<boolean> {
  if (file === '') return false;
  const only = test === undefined ? [] : ['--testNamePattern', `^${escapeRegExp(test)}$`];
  const { report } = await runTests(['--project', layer, file, ...only], options);
  return report.success && report.numPassedTests > 0;
}

async function runTests(
  args: readonly string[],
  { output, environment = {} }: Pick<LayerOptions, 'output' | 'environment'>,
): Promise<{ readonly report: Report; readonly said: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'hotwave-test-'));
  const file = join(folder, 'result.json');
  const stream = output === 'shown' ? process.stderr : 'pipe';
  const { all, shortMessage } = await execa(
    'vitest',
    ['run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    { preferLocal: true, reject: false, stdin: 'ignore', stdout: stream, stderr: stream, all: true, env: environment },
  );
  const text = await readFile(file, 'utf8').catch(() => undefined);
  await rm(folder, { recursive: true });
  const report = text === undefined ? NO_REPORT : (JSON.parse(text) as Report);
  return { report, said: output === 'shown' ? '' : `${all ?? ''}\n${shortMessage ?? ''}` };
}

/** The fields of vitest's own report that are read. */
interface Report {
  readonly numPassedTests: number;
  readonly numPendingTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Of a process that ended before it could say anything. */
const NO_REPORT: Report = { numPassedTests: 0, numPendingTests: 0, success: false, testResults: [] };

/** A test that failed, or a file that could not be loaded. */
interface Failure {
  /** From the project's folder; empty when no file is to blame. */
  readonly file: string;
  /** Its whole name; undefined when the whole file failed. */
  readonly test: string | undefined;
  /** Where it is and how it failed. */
  readonly text: string;
}

/** A layer that left no report, ran no test, or whose file could not be loaded, has failed. */
function failuresOf({ testResults, success, numPassedTests }: Report): readonly Failure[] {
  const failures = testResults.filter(({ status }) => status === 'failed').flatMap(failuresOfFile);
  if (failures.length > 0 || (success && numPassedTests > 0)) return failures;
  return [{ file: '', test: undefined, text: 'the layer ran no test, left no report, or failed outside of its tests' }];
}

function failuresOfFile({ name, message, assertionResults }: Report['testResults'][number]): readonly Failure[] {
  const file = relative(process.cwd(), name);
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return [{ file, test: undefined, text: `${file}\n${beginning(message)}` }];
  return failed.map(({ ancestorTitles, title, failureMessages }) => {
    // As vitest joins them where it looks for a pattern.
    const test = [...ancestorTitles, title].filter((name) => name !== '').join(' > ');
    return { file, test, text: `${file} > ${test}\n${beginning(failureMessages.join('\n'))}` };
  });
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
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
