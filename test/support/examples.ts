import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import type { Pod } from '../lab/kubernetes-objects.ts';
import type { Lab } from '../lab/lab.ts';
import { setPath, waitForServers } from '../lab/game-server-sets.ts';
import { releaseFrom } from './release-file.ts';

/** The images of the examples, as the truth lab has them. */
async function readExample(path: string): Promise<string> {
  const file = fileURLToPath(new URL(`../../examples/${path}`, import.meta.url));
  return (await readFile(file, 'utf8')).replaceAll('registry.example/', 'lab.local/');
}

/** A release file of `examples/`. */
export async function exampleRelease(path: string): Promise<ReleaseFile> {
  return releaseFrom(await readExample(path));
}

interface Example {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas: number;
    readonly gameServerTemplate: { readonly spec: { readonly containers: readonly object[] } };
  };
}

/** Creates a GameServerSet of `examples/` and resolves when its servers are Ready. */
export async function createExample(lab: Lab, path: string): Promise<readonly Pod[]> {
  const set = parse(await readExample(path)) as Example;
  const { name } = set.metadata;
  const { spec: pod, ...template } = set.spec.gameServerTemplate;
  // The fields that only the lab needs: it has one node, no scheduler, and no registry to pull from.
  const containers = pod.containers.map((container) => ({ ...container, imagePullPolicy: 'IfNotPresent' }));
  const inLab = { ...pod, containers, nodeName: lab.nodeName, automountServiceAccountToken: false };
  const object = { ...set, spec: { ...set.spec, gameServerTemplate: { ...template, spec: inLab } } };
  await lab.api.create(setPath('').replace(/\/$/, ''), object);
  return waitForServers(lab.api, { name, count: set.spec.replicas, deadlineMs: 60_000 });
}

/** The version that each server of a set answers, by ordinal. */
export function versionsOf(pods: readonly Pod[]): Promise<string[]> {
  return Promise.all(
    pods.map(async (pod) => (await (await fetch(`http://${pod.status!.podIP!}/version`)).text()).trim()),
  );
}
