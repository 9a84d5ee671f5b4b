import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

async function demo(...args: readonly string[]): Promise<Record<'exitCode' | 'stdout' | 'stderr', unknown>> {
  const command = ['--disable-warning=ExperimentalWarning', main, ...args];
  const { exitCode, stdout, stderr } = await execa(process.execPath, command, { reject: false });
  return { exitCode, stdout, stderr };
}

test('an unknown flag is answered with one sentence and exit code 64, and nothing is started', async () => {
  expect(await demo('--fast')).toEqual({
    exitCode: 64,
    stdout: '',
    stderr: "hotwave: Unknown option '--fast'; see npm run demo -- --help",
  });
});

test('--help shows flags, examples and exit codes', async () => {
  const { exitCode, stdout } = await demo('--help');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/--interactive[\s\S]+Examples:[\s\S]+Exit codes:/);
});
