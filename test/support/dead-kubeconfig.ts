import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** Writes a kubeconfig of a cluster that nobody answers for (port 9 of this machine), and returns its path. */
export async function deadKubeconfig(folder: string): Promise<string> {
  const path = join(folder, 'dead.kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'dead', cluster: { server: 'https://127.0.0.1:9' } }],
    users: [{ name: 'nobody', user: { token: 'none' } }],
    contexts: [{ name: 'dead', context: { cluster: 'dead', user: 'nobody' } }],
    'current-context': 'dead',
  };
  await writeFile(path, stringify(config));
  return path;
}
