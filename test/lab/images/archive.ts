import { createHash } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Layer } from './layer.ts';

/** An image to be put into an archive. */
export interface Image {
  /** Full reference, for example `lab.local/2048:v1.0`. */
  readonly reference: string;
  /** From the bottom to the top. */
  readonly layers: readonly Layer[];
  readonly entrypoint: readonly string[];
  /** `NAME=value`, besides PATH. */
  readonly environment?: readonly string[];
}

const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Writes one docker-archive with all images, each layer once: the form that `ctr images import` takes, so no registry
 * is needed.
 */
export async function writeArchive(images: readonly Image[], workFolder: string, file: string): Promise<void> {
  const content = join(workFolder, 'archive');
  await mkdir(content);
  const manifest = [];
  for (const image of images) {
    const configuration = JSON.stringify({
      architecture: architectures[process.arch] ?? process.arch,
      os: 'linux',
      // Part of the configuration so that two tags with equal content still are two images with two ids: whether a
      // container runs the new image is told by its image id.
      author: image.reference,
      config: {
        Entrypoint: image.entrypoint,
        Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', ...(image.environment ?? [])],
      },
      rootfs: { type: 'layers', diff_ids: image.layers.map((layer) => layer.digest) },
    });
    const name = `${createHash('sha256').update(configuration).digest('hex')}.json`;
    await writeFile(join(content, name), configuration);
    for (const layer of image.layers) await copyFile(layer.file, join(content, layerName(layer)));
    manifest.push({ Config: name, RepoTags: [image.reference], Layers: image.layers.map(layerName) });
  }
  await writeFile(join(content, 'manifest.json'), JSON.stringify(manifest));
  await execa('tar', ['--create', '--file', file, '--directory', content, '.']);
}

function layerName(layer: Layer): string {
  return `${layer.digest.replace('sha256:', '')}.tar`;
}
