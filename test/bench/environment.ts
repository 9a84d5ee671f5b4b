import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentVersions } from '../lab/versions.ts';

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

/** The measured programs: hotwave itself and all it ran on, as the checkout pins them. */
export function versions(): Readonly<Record<string, string>> {
  const { kubernetes, kruise, 'kruise-game': kruiseGame } = environmentVersions();
  const go = readFileSync(join(root, 'test/lab/programs/go.mod'), 'utf8');
  return {
    hotwave: manifest('package.json').version,
    node: process.version,
    'Temporal SDK': manifest('node_modules/@temporalio/worker/package.json').version,
    Kubernetes: `v${kubernetes}`,
    OpenKruise: `v${kruise}`,
    OpenKruiseGame: `v${kruiseGame}`,
    KWOK: /^\s*sigs[.]k8s[.]io\/kwok (v\S+)/m.exec(go)?.[1] ?? 'unknown',
  };
}

function manifest(file: string): { readonly version: string } {
  return JSON.parse(readFileSync(join(root, file), 'utf8')) as { version: string };
}
