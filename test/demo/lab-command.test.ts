import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../lab/main.ts', import.meta.url));

async function lab(...args: readonly string[]): Promise<Record<'exitCode' | 'stdout' | 'stderr', unknown>> {
  const command = ['--disable-warning=ExperimentalWarning', main, ...args];
  const { exitCode, stdout, stderr } = await execa(process.execPath, command, { reject: false });
  return { exitCode, stdout, stderr };
}

const usage = 'use: npm run lab -- up [fleet|truth] [--name NAME] [--versions VERSIONS] | down [--name NAME] | status';

test.each([
  [['down', 'mine'], `"mine" means nothing to down; a lab is named with --name mine; ${usage}`],
  [['status', 'mine'], `"mine" means nothing to status; ${usage}`],
  [['up', 'moon'], 'there is no lab "moon"; there are fleet and truth'],
  [['up', 'fleet', 'truth'], `too many words; ${usage}`],
  [['halt'], `there is no lab command "halt"; ${usage}`],
  [
    ['up', '--versions', 'latest'],
    'versions are newest, or some of kubernetes=VERSION,kruise=VERSION,kruise-game=VERSION, not "latest"',
  ],
  [
    ['up', 'truth', '--versions=kubernetes=1.38.0'],
    'there is no Kubernetes "1.38.0" for the lab; there are 1.30.14 and 1.37.2',
  ],
  [['down', '--versions', 'newest'], `--versions means nothing to down; ${usage}`],
  [['status', '--versions=newest'], `--versions means nothing to status; ${usage}`],
  [['down', '--force'], `Unknown option '--force'; ${usage}`],
])('lab %j is refused in one sentence, and nothing is started or ended', async (args, sentence) => {
  expect(await lab(...args)).toEqual({ exitCode: 64, stdout: '', stderr: `hotwave: ${sentence}` });
});

test('lab --help shows the commands, examples and exit codes in 80 columns', async () => {
  const { exitCode, stdout, stderr } = await lab('--help');
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /up \[fleet\|truth\][\s\S]+--name NAME[\s\S]+--versions VERSIONS[\s\S]+Examples:[\s\S]+Exit codes:/,
  );
  expect(
    Math.max(
      ...String(stdout)
        .split('\n')
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(80);
});
