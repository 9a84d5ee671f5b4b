import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quoted } from '../playground/files.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const notInAClone = /^(node_modules|dist|playground|[.]git)$/;

/** A command of the README, and the exit code that its comment names; 0 when it names none. */
interface Step {
  readonly command: string;
  readonly exitCode: string;
}

/** The fenced block of README.md that comes after the words "In ten commands". */
function tenCommands(): readonly Step[] {
  const [, after = ''] = readFileSync(join(root, 'README.md'), 'utf8').split('**In ten commands**');
  const block = /```\w*\n([\s\S]*?)```/.exec(after)?.[1] ?? '';
  return block
    .trim()
    .split('\n')
    .map((line) => {
      const [command = '', comment = ''] = line.split(/\s+# /);
      return { command, exitCode: /exit code (\d+)/.exec(comment)?.[1] ?? '0' };
    });
}

let clone: string;

/** A checkout of its own, so that its lab is not that of somebody who works in this one. */
beforeAll(() => {
  clone = realpathSync(mkdtempSync(join(tmpdir(), 'hotwave-clone-')));
  cpSync(root, clone, {
    recursive: true,
    filter: (file) => !notInAClone.test(relative(root, file).split(sep)[0] ?? ''),
  });
  symlinkSync(realpathSync(join(root, 'node_modules')), join(clone, 'node_modules'));
});

afterAll(async () => {
  await execa('npm', ['run', 'lab', '--', 'down', '--name', 'fleet'], { cwd: clone, reject: false });
  rmSync(clone, { recursive: true });
});

test('the ten commands of the README do what it says, and leave nothing', async () => {
  const steps = tenCommands();
  expect(steps).toHaveLength(10);
  const script = steps.map(({ command }) => `${command}\necho "exit code $? of" ${quoted(command)}`).join('\n');
  const { all } = await execa('bash', ['-c', script], {
    cwd: clone,
    all: true,
    reject: false,
    timeout: 280_000,
    env: { HOME: homedir(), TEMPORAL_ADDRESS: '127.0.0.1:1', KUBECONFIG: '/does/not/exist' },
  });
  const ends = all.match(/^exit code \d+ of .*$/gm);
  expect(ends, all).toEqual(steps.map(({ command, exitCode }) => `exit code ${exitCode} of ${command}`));
  for (const proof of [
    /six game servers run v1[.]0/,
    /WAVE +NAME/,
    /waiting-approval/,
    /done: every server proves v2[.]0/,
    /rolled back: duel-5: the reload ended with exit code 1/,
    /GameServerSet gss-fleet is applied, and its 3 servers are Ready/,
    /lab fleet has ended and left nothing/,
  ])
    expect(all).toMatch(proof);
}, 300_000);
