import { globSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';

/** The folder with the text files that go into images. */
export const contentFolder = join(import.meta.dirname, 'content');

/** Fills the layer under every image: busybox with all its commands, a `bash` that is its shell, users and folders. */
export async function fillBusybox(root: string, packages: string): Promise<void> {
  const binaries = join(root, 'bin');
  for (const folder of ['bin', 'etc', 'run', 'root', 'tmp', 'var/www/html']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await chmod(join(root, 'tmp'), 0o1777);
  const [busybox] = globSync('{bin,usr/bin}/busybox', { cwd: packages });
  if (busybox === undefined) throw new Error(`no busybox among the packages in ${packages}`);
  const source = join(packages, busybox);
  await install(source, join(binaries, 'busybox'));
  const commands = (await execa(source, ['--list'])).stdout.split('\n').filter((name) => name !== 'busybox');
  for (const command of commands) await symlink('busybox', join(binaries, command));
  await writeFile(join(binaries, 'bash'), '#!/bin/sh\nexec /bin/sh "$@"\n');
  await chmod(join(binaries, 'bash'), 0o755);
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
}

/** Fills the layer of the 2048 engine: nginx with its libraries, its configuration, the page and the start command. */
export async function fillNginx(root: string, packages: string): Promise<void> {
  await installWithLibraries(root, packages, 'usr/sbin/nginx');
  for (const folder of ['var/lib/nginx', 'var/log/nginx', 'etc/nginx']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  // nginx opens its compiled-in error log before it reads the configuration.
  await symlink('/dev/stderr', join(root, 'var/log/nginx/error.log'));
  await cp(join(contentFolder, '2048/nginx.conf'), join(root, 'etc/nginx/nginx.conf'));
  await mkdir(join(root, 'var/www/html/js'), { recursive: true });
  await cp(join(contentFolder, '2048/index.html'), join(root, 'var/www/html/index.html'));
  await install(join(contentFolder, '2048/start.sh'), join(root, 'bin/start-2048'));
}

/** Fills the layer that makes the 2048 engine reload itself. */
export async function fillInotify(root: string, packages: string): Promise<void> {
  await installWithLibraries(root, packages, 'usr/bin/inotifywait');
  await install(join(contentFolder, '2048/start-inotify.sh'), join(root, 'bin/start-2048-inotify'));
  await install(join(contentFolder, '2048/start-inotify-any.sh'), join(root, 'bin/start-2048-inotify-any'));
}

/** Fills the layer of a sidecar that is told by its arguments what to do: a real `bash`, and rsync. */
export async function fillShellTools(root: string, packages: string): Promise<void> {
  const [bash] = globSync('{bin,usr/bin}/bash', { cwd: packages });
  if (bash === undefined) throw new Error(`no bash among the packages in ${packages}`);
  await installWithLibraries(root, packages, bash);
  await installWithLibraries(root, packages, 'usr/bin/rsync');
}

/** Copies a file and makes it a command. */
export async function install(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await copyFile(source, target);
  await chmod(target, 0o755);
}

/**
 * Installs a program of the unpacked packages with exactly the libraries it needs. The libraries are looked up among
 * the packages and never on the machine, whose C library may be another one.
 */
async function installWithLibraries(root: string, packages: string, program: string): Promise<void> {
  await install(join(packages, program), join(root, program));
  const folders = globSync('{lib,usr/lib}/*-linux-gnu', { cwd: packages });
  const [loader] = globSync('{lib,usr/lib}/*-linux-gnu/ld-linux*.so.*', { cwd: packages });
  if (loader === undefined) throw new Error(`no dynamic loader among the packages in ${packages}`);
  const search = folders.map((folder) => join(packages, folder)).join(':');
  const list = await execa(join(packages, loader), ['--library-path', search, '--list', join(packages, program)]);
  for (const [, name, file] of list.stdout.matchAll(/^\s*(\S+) => (\S+)/gm)) {
    if (name === undefined || file === undefined) continue;
    // The loader is named by its absolute path, the others by a bare name that is found in /lib.
    await install(file, name.startsWith('/') ? join(root, name) : join(root, 'lib', basename(name)));
  }
}
