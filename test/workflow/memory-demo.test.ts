import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../demo/main.ts', import.meta.url));
/** 50 s on two cores that do something else as well. */
const DEMO_MS = 5 * 60_000;

test(
  'the demo in memory plays its three releases to their ends, needs nothing built, and says that it is simulated',
  {
    timeout: DEMO_MS,
  },
  async () => {
    const command = ['--disable-warning=ExperimentalWarning', program, '--lab', 'memory', '--json'];
    const { exitCode, stdout, stderr } = await execa(process.execPath, command, { reject: false });
    expect(stderr).toContain('This is simulated: a cluster in memory.');
    expect(stderr).not.toContain('WRONG');
    const lines = stdout.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const same = { lab: 'memory', servers: 6, waves: 3, restartsOfMainContainers: 0, recreatedPods: 0 };
    expect(lines).toMatchObject([
      { ...same, release: 'scripts-2-0', outcome: 'done' },
      { ...same, release: 'scripts-2-1', outcome: 'rolled-back' },
      { ...same, release: 'scripts-3-0', outcome: 'done' },
    ]);
    expect(exitCode).toBe(0);
  },
);
