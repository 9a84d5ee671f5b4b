import type { GameServerSetView, SetRef } from '../../release/fleet/fleet.ts';
import type { Access, ClusterAccess } from '../ports/access.ts';
import type { Cluster } from '../ports/cluster.ts';
import { isForbidden } from '../ports/failure.ts';
import { cancellation } from '../runtime.ts';
import { missingAccessSentence } from './needed-access.ts';

// A namespace that is mistyped looks like one without rights, and like one without the set.

/**
 * Reads a set that a person has named.
 * @returns the set, or why there is none to read
 * @throws ClusterFailure as any read, unless that is forbidden
 */
export async function readNamedSet(cluster: Cluster, ref: SetRef): Promise<GameServerSetView | string> {
  try {
    return (await cluster.readSet(ref, cancellation())) ?? (await absentSet(cluster, ref));
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return withoutRights(cluster, ref.namespace, error.message);
  }
}

/** There is no such set: which of its two names is wrong, where that can be known. */
export async function absentSet(cluster: ClusterAccess, { namespace, name }: SetRef): Promise<string> {
  const exists = await cluster.hasNamespace(namespace, cancellation());
  if (exists === false) return noNamespace(cluster, namespace);
  const sentence = `there is no GameServerSet ${name} in namespace ${namespace} of ${cluster.describe()}`;
  return exists === true ? sentence : `${sentence}, or no such namespace: check both names`;
}

/** The worker lacks rights in a namespace: it may have none there because there is no such namespace. */
export async function lacksRights(
  cluster: ClusterAccess,
  namespace: string,
  { wanted, missing }: { readonly wanted: readonly Access[]; readonly missing: readonly Access[] },
): Promise<string> {
  const sentence = missingAccessSentence(missing, namespace);
  return missing.length < wanted.length ? sentence : withoutRights(cluster, namespace, sentence);
}

async function withoutRights(cluster: ClusterAccess, namespace: string, sentence: string): Promise<string> {
  const exists = await cluster.hasNamespace(namespace, cancellation());
  if (exists === undefined)
    return `${sentence}; or correct the name: the worker may not look whether there is a namespace ${namespace}`;
  return exists ? sentence : noNamespace(cluster, namespace);
}

function noNamespace(cluster: ClusterAccess, namespace: string): string {
  return `namespace ${namespace} does not exist on cluster ${cluster.describe()}: correct the name`;
}
