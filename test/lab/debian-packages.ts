import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from './cache.ts';

/** The programs of the truth lab on the machine (containerd, runc, CNI) and puts into its images (the others). */
const ofTheTruthLab = [
  ...['containerd', 'runc', 'containernetworking-plugins'],
  ...['nginx', 'busybox-static', 'inotify-tools', 'bash', 'rsync'],
];

/**
 * Fetches Debian (or Ubuntu) packages with everything they depend on and unpacks them under the cache folder: those of
 * the truth lab, about 46 MB, when none are named. Nothing is installed and apt's own state is left as it was: lists, archives and locks
 * are private to the cache folder, only the package sources and keys of the machine are used.
 *
 * @returns the folder of the unpacked packages: `usr/bin/containerd`, `usr/lib/cni`, `usr/sbin/nginx`, ...
 * @throws Error with apt's last lines when a package cannot be resolved or fetched.
 */
export async function provideDebianPackages(
  progress: (line: string) => void,
  packages: readonly string[] = ofTheTruthLab,
): Promise<string> {
  const identity = JSON.stringify([packages, process.arch, await readFile('/etc/os-release', 'utf8')]);
  const folder = join(cacheFolder('debian'), createHash('sha256').update(identity).digest('hex').slice(0, 16));
  const root = join(folder, 'root');
  if (existsSync(root)) return root;

  const started = Date.now();
  progress(`fetching Debian packages (not installed): ${packages.join(' ')}`);
  const work = `${folder}.${process.pid}`;
  try {
    const apt = await privateApt(work);
    await apt('update');
    await apt('--yes', '--no-install-recommends', '--download-only', 'install', ...packages);
    await unpack(join(work, 'cache', 'archives'), join(work, 'root'));
    await mkdir(folder, { recursive: true });
    // Two labs may fetch at once: the first to rename wins, its packages are as good as ours.
    await rename(join(work, 'root'), root).catch(() => undefined);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  if (!existsSync(root)) throw new Error(`the Debian packages were unpacked but could not be moved to ${root}`);
  progress(`Debian packages unpacked in ${Math.round((Date.now() - started) / 1000)} s`);
  return root;
}

/** An apt-get whose state lives in `folder`; to it nothing is installed, so it resolves the whole closure. */
async function privateApt(folder: string): Promise<(...args: string[]) => Promise<void>> {
  const state = join(folder, 'state');
  const cache = join(folder, 'cache');
  await mkdir(join(state, 'lists', 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives', 'partial'), { recursive: true });
  await writeFile(join(state, 'status'), '');
  const configuration = join(folder, 'apt.conf');
  await writeFile(
    configuration,
    [
      `Dir::State "${state}";`,
      `Dir::State::status "${join(state, 'status')}";`,
      `Dir::Cache "${cache}";`,
      // The folder is not readable for apt's own user; and no hook of the machine has anything to do here.
      'APT::Sandbox::User "root";',
      'Acquire::Languages "none";',
      'Acquire::Retries "3";',
      'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
      '#clear APT::Update::Pre-Invoke;',
      '#clear APT::Update::Post-Invoke;',
      '#clear APT::Update::Post-Invoke-Success;',
      '#clear DPkg::Pre-Install-Pkgs;',
      '#clear DPkg::Pre-Invoke;',
      '#clear DPkg::Post-Invoke;',
      '',
    ].join('\n'),
  );
  return async (...args) => {
    const run = await execa('apt-get', ['-c', configuration, '--quiet', ...args], { all: true, reject: false });
    if (run.failed) throw new Error(`apt-get ${args.join(' ')} failed:\n${run.all.split('\n').slice(-8).join('\n')}`);
  };
}

async function unpack(archives: string, root: string): Promise<void> {
  await mkdir(root);
  const files = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  for (const file of files) await execa('dpkg', ['-x', join(archives, file), root]);
}
