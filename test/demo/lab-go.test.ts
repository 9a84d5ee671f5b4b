import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MissingPrerequisite, requireGo } from '../lab/prerequisites.ts';

const sources = (name = ''): string => fileURLToPath(new URL(`../lab/programs/${name}`, import.meta.url));

describe('the Go that builds a lab', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hotwave-go-'));
  });

  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });

  /** A `go` that does this, and nothing else on the PATH but what a shell script needs. */
  function theGo(script: string): void {
    writeFileSync(join(folder, 'go'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, 'go'), 0o755);
    vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  }

  const begin = 'the first start builds the server programs with Go';
  const get = (version: string): string =>
    `install Go ${version} or newer (https://go.dev/dl) and put its bin folder on the PATH`;

  test.each([
    ['', 'go1.24.0'],
    ['', 'go1.26.8'],
    ['kruise-1.8.3', 'go1.24.5'],
    ['kubernetes-1.37.2', 'go1.26.0'],
    ['kubernetes-1.37.2', 'go2.0'],
  ])('of the programs of "%s" may be %s', async (name, version) => {
    theGo(`echo ${version}`);
    await expect(requireGo(sources(name))).resolves.toBeUndefined();
  });

  test.each([
    ['', 'go1.20.14', '1.24'],
    ['kubernetes-1.37.2', 'go1.24.5', '1.26'],
    ['kubernetes-1.37.2', 'go1.20', '1.26'],
  ])('of the programs of "%s" is not %s: it says that it must be %s', async (name, version, wanted) => {
    theGo(`echo ${version}`);
    await expect(requireGo(sources(name))).rejects.toThrow(
      new MissingPrerequisite(`${begin}, and this one is ${version}: ${get(wanted)}`),
    );
  });

  test('is asked in the folder of the programs: a newer one may be fetched for it, or may not', async () => {
    theGo(
      'case "$PWD" in *kubernetes*) echo "go: go.mod requires go >= 1.26.0 (running go 1.24.5; GOTOOLCHAIN=local)" >&2; exit 1;; *) echo go1.24.5;; esac',
    );
    await expect(requireGo(sources('kubernetes-1.37.2'))).rejects.toThrow(
      new MissingPrerequisite(
        `${begin}, and this one says: go: go.mod requires go >= 1.26.0 (running go 1.24.5; GOTOOLCHAIN=local): ${get('1.26')}`,
      ),
    );
    await expect(requireGo(sources())).resolves.toBeUndefined();
  });

  test('that is not there is named', async () => {
    vi.stubEnv('PATH', folder);
    await expect(requireGo(sources())).rejects.toThrow(
      new MissingPrerequisite(`${begin}, which is not on the PATH: ${get('1.24')}`),
    );
  });
});
