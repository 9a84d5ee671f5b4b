import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { knownLabs, labDirectory } from '../lab/lab-state.ts';
import { processesWithEnvironment } from '../lab/process-identity.ts';

const main = fileURLToPath(new URL('../demo/main.ts', import.meta.url));

test('the demo carries its three releases through on real containers and leaves nothing behind', async () => {
  const demo = execa(process.execPath, ['--disable-warning=ExperimentalWarning', main, '--json', '--lab', 'truth'], {
    reject: false,
    stdin: 'ignore',
  });
  const lab = `demo-${demo.pid!}`;
  const { exitCode, stdout, stderr } = await demo;
  expect(exitCode, stderr).toBe(0);
  const common = { strategy: 'rolling', servers: 6, waves: 3, seconds: expect.any(Number) as number, lab: 'truth' };
  const untouched = { restartsOfMainContainers: 0, recreatedPods: 0 };
  expect(stdout.split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
    { release: 'scripts-2-0', outcome: 'done', ...common, ...untouched },
    { release: 'scripts-2-1', outcome: 'rolled-back', ...common, ...untouched },
    { release: 'scripts-3-0', outcome: 'done', ...common, ...untouched },
  ]);
  expect(knownLabs().map(({ record }) => record.name)).not.toContain(lab);
  expect(processesWithEnvironment('HOTWAVE_LAB', labDirectory(lab))).toEqual([]);
}, 300_000);
