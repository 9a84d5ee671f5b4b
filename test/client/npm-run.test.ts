import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hotwave-npm-run-'));
  writeFileSync(join(folder, 'mine.yaml'), 'kind: Release\n');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const NPM = ['npm', '--prefix', ROOT, 'run', '--silent', 'hotwave', '--'];
const LAUNCHER = [join(ROOT, 'bin', 'hotwave')];

/** A way to run the checkout's hotwave, typed in a folder. */
function typedIn(cwd: string, [command = '', ...before]: readonly string[], ...argv: string[]): Typed {
  const { status, stdout, stderr } = spawnSync(command, [...before, ...argv], {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, out: stdout, err: stderr };
}

interface Typed {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe.each([
  ['npm run hotwave', NPM],
  ['bin/hotwave', LAUNCHER],
])('%s, typed in any folder', (_, command) => {
  test('finds the files of that folder', () => {
    const { code, err } = typedIn(folder, command, 'plan', 'mine.yaml');
    expect(err).toContain('mine.yaml is no valid release file');
    expect(code).toBe(64);
  }, 60_000);

  test('looks for no file in its own', () => {
    expect(typedIn(folder, command, 'plan', 'package.json')).toEqual({
      code: 64,
      out: '',
      err: 'hotwave: package.json: there is no such file\n',
    });
  }, 60_000);
});

test('bin/hotwave is found through links, and is a plugin of kubectl under that name', () => {
  symlinkSync(LAUNCHER[0]!, join(folder, 'link'));
  symlinkSync('link', join(folder, 'kubectl-hotwave'));
  expect(typedIn(folder, [join(folder, 'link')], '--help').out).toMatch(/^Usage: hotwave /);
  expect(typedIn(folder, [join(folder, 'kubectl-hotwave')], '--help').out).toMatch(/^Usage: kubectl hotwave /);
}, 60_000);
