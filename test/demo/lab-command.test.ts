import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../lab/main.ts', import.meta.url));

async function lab(...args: readonly string[]): Promise<Record<'exitCode' | 'stdout' | 'stderr', unknown>> {
  const command = ['--disable-warning=ExperimentalWarning', main, ...args];
  const { exitCode, stdout, stderr } = await execa(process.execPath, command, { reject: false });
  return { exitCode, stdout, stderr };
}

const usage = 'use: npm run lab -- up [fleet|truth] [--name NAME] | down [--name NAME] | status';

test.each([
  [['down', 'mine'], `"mine" means nothing to down; a lab is named with --name mine; ${usage}`],
  [['status', 'mine'], `"mine" means nothing to status; ${usage}`],
  [['up', 'moon'], 'there is no lab "moon"; there are fleet and truth'],
  [['up', 'fleet', 'truth'], `too many words; ${usage}`],
  [['halt'], `there is no lab command "halt"; ${usage}`],
  [['down', '--force'], `Unknown option '--force'; ${usage}`],
])('lab %j is refused in one sentence, and nothing is started or ended', async (args, sentence) => {
  expect(await lab(...args)).toEqual({ exitCode: 64, stdout: '', stderr: `hotwave: ${sentence}` });
});

test('lab --help shows the commands, examples and exit codes in 80 columns', async () => {
  const { exitCode, stdout, stderr } = await lab('--help');
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/up \[fleet\|truth\][\s\S]+--name NAME[\s\S]+Examples:[\s\S]+Exit codes:/);
  expect(
    Math.max(
      ...String(stdout)
        .split('\n')
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(80);
});
