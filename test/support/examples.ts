import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { applyManifests } from '../lab/apply-manifests.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';
import { podsOf } from '../lab/game-server-sets.ts';
import { releaseFrom } from './release-file.ts';

async function readExample(path: string): Promise<string> {
  return await readFile(fileURLToPath(new URL(`../../examples/${path}`, import.meta.url)), 'utf8');
}

/** A release file of `examples/`. */
export async function exampleRelease(path: string): Promise<ReleaseFile> {
  return releaseFrom(await readExample(path));
}

/** Creates a GameServerSet of `examples/` as it is, on a lab that schedules, and resolves when its servers are Ready. */
export async function createExample(lab: Lab, path: string): Promise<readonly Pod[]> {
  const text = await readExample(path);
  await applyManifests(lab.api, text);
  return podsOf(lab.api, (parse(text) as { metadata: { name: string } }).metadata.name);
}

/** The version that each server of a set answers, by ordinal. */
export function versionsOf(pods: readonly Pod[]): Promise<string[]> {
  return Promise.all(
    pods.map(async (pod) => (await (await fetch(`http://${pod.status!.podIP!}/version`)).text()).trim()),
  );
}
