import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';

/** One layer of an image as a tar file. */
export interface Layer {
  /** The tar, uncompressed. */
  readonly file: string;
  /** `sha256:...` of the tar; equal content gives an equal digest, whenever and wherever it was built. */
  readonly digest: string;
}

/**
 * Packs a folder as an image layer: sorted names, no times, everything owned by root, so that equal content is an
 * equal layer and images share it.
 *
 * @param name names the tar beside the folder.
 * @param fill writes the content into the given empty folder.
 * @param time of every file, in seconds since 1970. For layers whose files somebody compares by their time.
 */
export async function buildLayer(
  workFolder: string,
  name: string,
  fill: (root: string) => Promise<void>,
  time = 0,
): Promise<Layer> {
  const root = join(workFolder, name);
  await mkdir(root);
  await fill(root);
  // The folder itself becomes "/" of the container; it must not inherit a strict umask.
  await chmod(root, 0o755);
  const file = `${root}.tar`;
  const reproducible = [
    '--sort=name',
    `--mtime=@${time}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=ustar',
  ];
  await execa('tar', [...reproducible, '--create', '--file', file, '--directory', root, '.']);
  return { file, digest: `sha256:${await sha256(file)}` };
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
