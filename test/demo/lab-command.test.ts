import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { containerFailures, engineFailures } from '../lab/fleet-failures.ts';
import { sidecarVersions } from '../lab/images/hot-files.ts';

const main = fileURLToPath(new URL('../lab/main.ts', import.meta.url));

async function lab(
  ...words: readonly (string | { readonly env: Readonly<Record<string, string>> })[]
): Promise<Record<'exitCode' | 'stdout' | 'stderr', unknown>> {
  const args = words.filter((word) => typeof word === 'string');
  const { env } = words.find((word) => typeof word !== 'string') ?? { env: {} };
  const command = ['--disable-warning=ExperimentalWarning', main, ...args];
  const { exitCode, stdout, stderr } = await execa(process.execPath, command, { reject: false, env });
  return { exitCode, stdout, stderr };
}

const usage = 'use: npm run lab -- up [fleet|truth] | apply FILE | status | down; --help says more';

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
  [['status', '--bare'], `--bare means nothing to status; ${usage}`],
  [['apply'], `apply wants a file; ${usage}`],
  [['down', '--force'], `Unknown option '--force'; ${usage}`],
])('lab %j is refused in one sentence, and nothing is started or ended', async (args, sentence) => {
  expect(await lab(...args)).toEqual({ exitCode: 64, stdout: '', stderr: `hotwave: ${sentence}` });
});

test.each(['--help', '-h'])('lab %s shows the commands, examples and exit codes in 80 columns', async (flag) => {
  const { exitCode, stdout, stderr } = await lab(flag);
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

test('lab --help names every version that fails on a lab', async () => {
  const { stdout } = await lab('--help');
  const failing = sidecarVersions.filter(({ fails }) => fails !== undefined).map(({ tag }) => tag);
  for (const word of [...Object.keys(containerFailures), ...Object.keys(engineFailures), ...failing])
    expect(stdout).toMatch(new RegExp(`^  ${word}  +\\S`, 'm'));
});

test('a lab belongs to its checkout: another one is told where it is, and does not end it', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'hotwave-cache-'));
  const other = mkdtempSync(join(tmpdir(), 'hotwave-other-'));
  onTestFinished(() => [cache, other].forEach((folder) => rmSync(folder, { recursive: true })));
  const folder = join(cache, 'labs', '0123abcd', 'fleet');
  mkdirSync(folder, { recursive: true });
  const record = join(folder, 'lab.json');
  writeFileSync(record, JSON.stringify({ kind: 'fleet', name: 'fleet', checkout: other, addresses: {} }));
  const here = { env: { HOTWAVE_CACHE: cache } };
  const where = `lab fleet belongs to ${other}`;
  expect(await lab('status', here)).toMatchObject({
    exitCode: 0,
    stderr: `lab: no lab of this checkout is running; ${where}`,
  });
  expect(await lab('down', '--name', 'fleet', here)).toMatchObject({
    exitCode: 0,
    stderr: `lab: this checkout has no lab fleet; ${where}`,
  });
  expect(existsSync(record)).toBe(true);
});

test('a lab whose checkout was deleted is ended by the next one that looks', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'hotwave-cache-'));
  onTestFinished(() => rmSync(cache, { recursive: true }));
  const folder = join(cache, 'labs', '0123abcd', 'fleet');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'lab.json'),
    JSON.stringify({ kind: 'fleet', name: 'fleet', checkout: join(cache, 'gone') }),
  );
  expect(await lab('down', { env: { HOTWAVE_CACHE: cache } })).toMatchObject({
    exitCode: 0,
    stderr: 'lab: ending lab fleet, whose checkout is gone\nlab: no lab of this checkout is running',
  });
  expect(existsSync(folder)).toBe(false);
});
