import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hotwave-npm-run-'));
  writeFileSync(join(folder, 'mine.yaml'), 'kind: Release\n');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The alias of README.md, typed in a folder. */
function typedIn(cwd: string, ...argv: string[]): { readonly code: number | null; readonly err: string } {
  const npm = ['--prefix', ROOT, 'run', '--silent', 'hotwave', '--', ...argv];
  const { status, stderr } = spawnSync('npm', npm, { cwd, encoding: 'utf8', timeout: 60_000 });
  return { code: status, err: stderr };
}

test('hotwave of a checkout, typed in any folder, finds the files of that folder', () => {
  const { code, err } = typedIn(folder, 'plan', 'mine.yaml');
  expect(err).toContain('mine.yaml is no valid release file');
  expect(code).toBe(64);
}, 60_000);

test('hotwave of a checkout, typed in any folder, looks for no file in its own', () => {
  expect(typedIn(folder, 'plan', 'package.json')).toEqual({
    code: 64,
    err: 'hotwave: package.json: there is no such file\n',
  });
}, 60_000);
