import { parseAllDocuments } from 'yaml';
import type { Api } from './api.ts';
import { waitForServers } from './game-server-sets.ts';

/** The fields of every manifest. */
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: { readonly replicas?: number };
}

/** One line for a person about a manifest that was applied. */
export type Applied = string;

/**
 * Creates the manifests of a YAML text in their order, or merges them into the objects that are there; of a GameServerSet,
 * waits until its servers are Ready. Nobody becomes an owner who applies: hotwave would warn about that one.
 * @returns a line for each
 * @throws Error in one sentence: no manifest, a kind that the cluster does not know, a refusal, or servers that are not
 *   Ready after a minute
 */
export async function applyManifests(api: Api, text: string): Promise<readonly Applied[]> {
  const manifests = parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw new Error(error.message.split('\n')[0]);
    return document.contents === null ? [] : [manifestOf(document.toJS())];
  });
  if (manifests.length === 0) throw new Error('there is no manifest in it');
  const applied: Applied[] = [];
  for (const manifest of manifests) applied.push(await applyOne(api, manifest));
  return applied;
}

function manifestOf(content: unknown): Manifest {
  const { apiVersion, kind, metadata } = (content ?? {}) as Partial<Manifest>;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof metadata?.name !== 'string') {
    throw new Error('that is no manifest: it needs apiVersion, kind and metadata.name');
  }
  return content as Manifest;
}

async function applyOne(api: Api, manifest: Manifest): Promise<Applied> {
  const { kind, spec } = manifest;
  const { name, namespace = 'default' } = manifest.metadata;
  const collection = await collectionOf(api, manifest);
  const isThere = (await api.find(`${collection}/${name}`)) !== undefined;
  await (isThere ? api.patch(`${collection}/${name}`, manifest) : api.create(collection, manifest));
  if (kind !== 'GameServerSet') return `${kind} ${name} is applied`;
  const count = spec?.replicas ?? 0;
  await waitForServers(api, { name, namespace, count, deadlineMs: 60_000 });
  return `GameServerSet ${name} is applied, and its ${count} servers are Ready`;
}

/** The API path of the objects of this kind, where this one belongs. */
async function collectionOf(api: Api, { apiVersion, kind, metadata }: Manifest): Promise<string> {
  const version = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const known = await api.find<{ resources: { name: string; kind: string; namespaced: boolean }[] }>(version);
  const resource = known?.resources.find((it) => it.kind === kind && !it.name.includes('/'));
  if (resource) {
    const place = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${version}${place}/${resource.name}`;
  }
  const wish = kind === 'Release' ? ': a release is started with hotwave start' : '';
  throw new Error(`the lab knows no ${apiVersion} ${kind}${wish}`);
}
