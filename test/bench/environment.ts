import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The machine that measures, as far as it matters for the figures. */
export function machine(): { cores: number; processor: string; memoryGiB: number; system: string } {
  const cores = cpus();
  return {
    cores: cores.length,
    processor: cores[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
  };
}

/** What was measured: hotwave itself and all it ran on, as the checkout pins them. */
export function versions(): Readonly<Record<string, string>> {
  const go = readFileSync(join(root, 'test/lab/programs/go.mod'), 'utf8');
  const required = (module: string): string => new RegExp(`^\\s*${module} (v\\S+)`, 'm').exec(go)?.[1] ?? 'unknown';
  return {
    hotwave: manifest('package.json').version,
    node: process.version,
    'Temporal SDK': manifest('node_modules/@temporalio/worker/package.json').version,
    Kubernetes: required('k8s.io/kubernetes'),
    OpenKruise: required('github.com/openkruise/kruise'),
    OpenKruiseGame: required('github.com/openkruise/kruise-game'),
    KWOK: required('sigs.k8s.io/kwok'),
  };
}

function manifest(file: string): { readonly version: string } {
  return JSON.parse(readFileSync(join(root, file), 'utf8')) as { version: string };
}
