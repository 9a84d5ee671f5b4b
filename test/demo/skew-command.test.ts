import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { parseVersions, usualVersions } from '../lab/versions.ts';
import { tableOf } from '../skew/table.ts';

const main = fileURLToPath(new URL('../skew/main.ts', import.meta.url));

const usage =
  'use: npm run test:skew -- [VERSIONS...] [--part=demo|article|mismatches|un-wedge|old-worker|lost-writes]; VERSIONS: newest, or some of kubernetes=VERSION,kruise=VERSION,kruise-game=VERSION';

test.each([
  [['--part=everything'], `there is no part "everything"; ${usage}`],
  [
    ['1.37.2'],
    `versions are newest, or some of kubernetes=VERSION,kruise=VERSION,kruise-game=VERSION, not "1.37.2"; ${usage}`,
  ],
  [['newest', 'kruise=2'], `there is no OpenKruise "2" for the lab; there are 1.8.0 and 1.8.3; ${usage}`],
  [['--fast'], `Unknown option '--fast'; ${usage}`],
])('test:skew %j is refused in one sentence, and nothing is run', async (args, sentence) => {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, ...args],
    { reject: false },
  );
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 64, stdout: '', stderr: `hotwave: ${sentence}` });
});

test('test:skew --help says what it does, and runs nothing', async () => {
  const { exitCode, stdout } = await execa(process.execPath, ['--disable-warning=ExperimentalWarning', main, '--help']);
  expect(exitCode).toBe(0);
  expect(stdout.split('\n')[0]).toBe('npm run test:skew -- [VERSIONS...] [--part=PART]...');
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test('the table has a row for each choice of versions, with seconds, failures, and what did not run', () => {
  const ran = { passed: 3, failed: 0, seconds: 61.4, failures: [] };
  const table = tableOf(
    [
      { versions: usualVersions, outcomes: new Map([['demo', ran]]) },
      {
        versions: parseVersions('newest'),
        outcomes: new Map([
          ['demo', { ...ran, passed: 1, failed: 2, failures: ['a', 'b'] }],
          ['lost-writes', { ...ran, passed: 1, seconds: 9.6, note: 'opsState 0 of 200' }],
        ]),
      },
    ],
    [{ name: 'demo' }, { name: 'lost-writes' }],
  );
  expect(table).toBe(`| Kubernetes | OpenKruise | OpenKruiseGame | demo | lost-writes | all |
| --- | --- | --- | --- | --- | --- |
| 1.30.14 | 1.8.0 | 1.0.0 | 3 passed, 61 s | not run | 61 s |
| 1.37.2 | 1.8.3 | 1.1.0 | 2 of 3 FAILED, 61 s | 1 passed, 10 s | 71 s |

- lost-writes, Kubernetes 1.37.2, OpenKruiseGame 1.1.0: opsState 0 of 200
`);
});
