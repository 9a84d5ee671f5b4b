import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { checkoutId } from '../lab/checkout.ts';
import { writeLabRecord } from '../lab/lab-state.ts';
import { identityOf } from '../lab/process-identity.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

type Ended = Record<'exitCode' | 'stdout' | 'stderr', unknown>;

async function demo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const command = ['--disable-warning=ExperimentalWarning', main, ...args];
  const { exitCode, stdout, stderr } = await execa(process.execPath, command, { reject: false, env });
  return { exitCode, stdout, stderr };
}

test('an unknown flag is answered with one sentence and exit code 64, and nothing is started', async () => {
  expect(await demo(['--fast'])).toEqual({
    exitCode: 64,
    stdout: '',
    stderr: "hotwave: Unknown option '--fast'; see npm run demo -- --help",
  });
});

test('--help shows flags, examples and exit codes', async () => {
  const { exitCode, stdout } = await demo(['--help']);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/--interactive[\s\S]+Examples:[\s\S]+Exit codes:/);
});

test('a second demo that is to be kept says in one sentence that the first one runs, and starts nothing', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'hotwave-cache-'));
  onTestFinished(() => rmSync(cache, { recursive: true }));
  // The lab belongs to a process that lives: to this one.
  writeLabRecord(join(cache, 'labs', checkoutId(), 'demo'), {
    kind: 'truth',
    name: 'demo',
    owner: identityOf(process.pid)!,
  });
  expect(await demo(['--keep'], { HOTWAVE_CACHE: cache })).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'hotwave: a lab named demo is running; end it with: npm run lab -- down --name demo',
  });
});
