import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { contentFolder, install } from './base-layers.ts';

/** The files that one version of the 2048 sidecar image delivers, and how. */
export interface SidecarVersion {
  /** The image tag; also the exact text of the VERSION file and of `/version` once the engine has loaded it. */
  readonly tag: string;
  /** The folder of hot files that this version has besides those of every version. */
  readonly files: 'v1.0' | 'v2.0' | 'v3.0';
  /** More hot files, by name. */
  readonly extra?: Readonly<Record<string, string>>;
  /** Switches of hot-sync, `NAME=value`. */
  readonly environment?: readonly string[];
  /** Instead of syncing. */
  readonly entrypoint?: readonly string[];
  /** How it fails, in words for `npm run lab -- --help`; absent when it is good. */
  readonly fails?: string;
}

/** The good versions, and one bad version for each way in which a hot update fails on real servers. */
export const sidecarVersions: readonly SidecarVersion[] = [
  { tag: 'v1.0', files: 'v1.0' },
  { tag: 'v2.0', files: 'v2.0' },
  { tag: 'v3.0', files: 'v3.0' },
  {
    tag: 'v2.1-crash',
    files: 'v2.0',
    entrypoint: ['/bin/sh', '-c', 'echo "hot-sync: no such scene" >&2; exit 1'],
    fails: 'the sidecar ends before it has synced: CrashLoopBackOff',
  },
  {
    tag: 'v2.1-badconfig',
    files: 'v2.0',
    extra: { 'arena.conf': 'set $arena_size twelve' },
    fails: 'nginx -s reload fails, nothing is loaded',
  },
  {
    tag: 'v2.1-neverready',
    files: 'v2.0',
    environment: ['HOT_SYNC_HIDES_READINESS=yes'],
    fails: 'the files arrive, the sidecar is never Ready',
  },
  {
    tag: 'v2.1-unhealthy',
    files: 'v2.0',
    extra: { 'health.conf': 'set $hot_health "out of memory";\n' },
    fails: 'once loaded, /healthz answers 503',
  },
  {
    tag: 'v2.1-stale',
    files: 'v2.0',
    environment: ['HOT_SYNC_FORGETS=version.conf'],
    fails: 'the reload succeeds, nothing is loaded',
  },
];

/** Fills the layer of one sidecar version: hot files in /app/js, their checksums, and the command that syncs them. */
export async function fillSidecar(root: string, version: SidecarVersion): Promise<void> {
  const content = join(contentFolder, '2048-sidecar');
  const hot = join(root, 'app/js');
  await mkdir(hot, { recursive: true });
  await mkdir(join(root, 'app/scripts'));
  await cp(join(content, 'every-version'), hot, { recursive: true });
  await cp(join(content, version.files), hot, { recursive: true });
  await writeFile(join(hot, 'VERSION'), version.tag);
  await writeFile(join(hot, 'version.conf'), `set $hot_version "${version.tag}";\n`);
  for (const [name, text] of Object.entries(version.extra ?? {})) await writeFile(join(hot, name), text);
  await writeFile(join(root, 'app/SHA256SUMS'), await checksumsOf(hot));
  await install(join(content, 'hot-sync.sh'), join(root, 'bin/hot-sync'));
}

/** The lines that `sha256sum`, run in the folder, would print about its files. */
async function checksumsOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const lines = files.sort().map(async (file) => {
    const hash = createHash('sha256').update(await readFile(file));
    return `${hash.digest('hex')}  ${relative(folder, file)}\n`;
  });
  return (await Promise.all(lines)).join('');
}
