import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { cacheFolder } from '../cache.ts';
import { writeArchive } from './archive.ts';
import type { Image } from './archive.ts';
import { contentFolder, fillBusybox, fillInotify, fillNginx, fillShellTools, install } from './base-layers.ts';
import { fillSidecar, sidecarVersions } from './hot-files.ts';
import { buildLayer } from './layer.ts';
import type { Layer } from './layer.ts';

/** The sandbox image of the truth lab's containerd. */
export const pauseImage = 'lab.local/pause:1';

/** The engine of the 2048 servers; with `-inotify` the one that reloads itself when hot files arrive. */
export function engineImage(flavour: 'v1.0' | 'v1.0-inotify' = 'v1.0'): string {
  return `lab.local/2048:${flavour}`;
}

/** The sidecar of the 2048 servers, for example `v2.0`; a tag that does not exist gives a pull error. */
export function sidecarImage(tag: string): string {
  return `lab.local/2048-sidecar:${tag}`;
}

/** An engine without hot files: it answers `/version` with the version of its image. */
export function minecraftImage(tag: '1.12.2' | '1.13.0'): string {
  return `lab.local/minecraft-demo:${tag}`;
}

/**
 * An image under the name that the article on hot updates with OpenKruiseGame gives it. The lab cannot pull those: it has
 * images of its own under their names, with what the article's manifests expect in them.
 */
export function articleImage(nameAndTag: string): string {
  return `swr.cn-north-4.myhuaweicloud.com/cpaas/${nameAndTag}`;
}

/**
 * Builds all images of the truth lab as one archive in the cache, named by the hash of everything that goes in.
 *
 * @param packages the folder of the unpacked Debian packages.
 * @returns the archive, a file for `ctr images import`.
 */
export async function provideImages(packages: string, progress: (line: string) => void): Promise<string> {
  const archive = join(cacheFolder('images'), `${await hashOfInputs(packages)}.tar`);
  if (existsSync(archive)) return archive;
  const started = Date.now();
  progress('building the container images of the truth lab');
  const work = `${archive}.${process.pid}`;
  try {
    await mkdir(work);
    await writeArchive(await buildImages(packages, work), work, join(work, 'images.tar'));
    await rename(join(work, 'images.tar'), archive);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  progress(`container images built in ${Math.round((Date.now() - started) / 1000)} s`);
  return archive;
}

async function buildImages(packages: string, work: string): Promise<Image[]> {
  const busybox = await buildLayer(work, 'busybox', (root) => fillBusybox(root, packages));
  const nginx = await buildLayer(work, 'nginx', (root) => fillNginx(root, packages));
  const inotify = await buildLayer(work, 'inotify', (root) => fillInotify(root, packages));
  const images: Image[] = [
    { reference: pauseImage, layers: [busybox], entrypoint: ['/bin/sleep', 'inf'] },
    { reference: engineImage(), layers: [busybox, nginx], entrypoint: ['/bin/start-2048'] },
    {
      reference: engineImage('v1.0-inotify'),
      layers: [busybox, nginx, inotify],
      entrypoint: ['/bin/start-2048-inotify'],
    },
  ];
  const shellTools = await buildLayer(work, 'shell-tools', (root) => fillShellTools(root, packages));
  for (const version of sidecarVersions) {
    const hotFiles = await buildLayer(work, `sidecar-${version.tag}`, (root) => fillSidecar(root, version));
    images.push({
      reference: sidecarImage(version.tag),
      layers: [busybox, hotFiles],
      entrypoint: version.entrypoint ?? ['/bin/hot-sync'],
      environment: version.environment ?? [],
    });
  }
  for (const version of sidecarVersions.filter(({ tag, files }) => tag === files)) {
    // Its manifest says what it runs: an rsync that leaves out what has the same size and time.
    const time = DAY * Number(version.tag.slice(1));
    const hotFiles = await buildLayer(work, `article-${version.tag}`, (root) => fillSidecar(root, version), time);
    images.push({
      reference: articleImage(`2048-sidecar:${version.tag}`),
      layers: [busybox, hotFiles, shellTools],
      entrypoint: [],
    });
  }
  for (const tag of ['1.12.2', '1.13.0'] as const) {
    images.push({
      reference: minecraftImage(tag),
      layers: [busybox, await minecraftLayer(work, tag)],
      entrypoint: ['/bin/serve-minecraft'],
    });
  }
  return [...images, ...images.flatMap(underTheArticlesName), ...images.flatMap(underTheExamplesName)];
}

/** `examples/` run on the lab as they are: it has their images. */
function underTheExamplesName(image: Image): Image[] {
  const reference = image.reference.replace(/^lab[.]local\//, 'registry.example/');
  return reference === image.reference ? [] : [{ ...image, reference }];
}

/** Its engines are the lab's own, but for the one that reloads itself: there at every change of a file. */
function underTheArticlesName(image: Image): Image[] {
  const [, name] = /^lab\.local\/((?:2048|minecraft-demo):.*)$/.exec(image.reference) ?? [];
  if (name === undefined) return [];
  const entrypoint = name.endsWith('-inotify') ? ['/bin/start-2048-inotify-any'] : image.entrypoint;
  return [{ ...image, reference: articleImage(name), entrypoint }];
}

const DAY = 24 * 60 * 60;

function minecraftLayer(work: string, tag: string): Promise<Layer> {
  return buildLayer(work, `minecraft-${tag}`, async (root) => {
    await install(join(contentFolder, 'minecraft-demo/serve.sh'), join(root, 'bin/serve-minecraft'));
    await mkdir(join(root, 'srv'));
    await writeFile(join(root, 'srv/version'), tag);
    await writeFile(join(root, 'srv/healthz'), 'ok');
  });
}

/** The packages are named by the hash of their list; the rest are the files of this folder, code and content. */
async function hashOfInputs(packages: string): Promise<string> {
  const hash = createHash('sha256').update(packages);
  const entries = await readdir(import.meta.dirname, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) hash.update(relative(import.meta.dirname, file)).update(await readFile(file));
  return hash.digest('hex').slice(0, 16);
}
