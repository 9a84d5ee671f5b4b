import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Api } from './api.ts';

/** The permissions that hotwave ships; the lab gives them, and nothing else, to its user `hotwave`. */
const shippedPermissions = fileURLToPath(new URL('../../deploy/rbac.yaml', import.meta.url));

const rbac = '/apis/rbac.authorization.k8s.io/v1';

const collections: Readonly<Record<string, (namespace: string) => string>> = {
  ClusterRole: () => `${rbac}/clusterroles`,
  ClusterRoleBinding: () => `${rbac}/clusterrolebindings`,
  Role: (namespace) => `${rbac}/namespaces/${namespace}/roles`,
  RoleBinding: (namespace) => `${rbac}/namespaces/${namespace}/rolebindings`,
  ServiceAccount: (namespace) => `/api/v1/namespaces/${namespace}/serviceaccounts`,
  Namespace: () => '/api/v1/namespaces',
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly subjects?: readonly object[];
}

/**
 * Lets `observer` read everything and `hotwave` do what deploy/rbac.yaml grants to it.
 * @throws Error when deploy/rbac.yaml holds a kind that has no place in it
 */
export async function applyPermissions(api: Api): Promise<void> {
  const shipped = existsSync(shippedPermissions) ? manifestsIn(readFileSync(shippedPermissions, 'utf8')) : [];
  // In order: a namespace comes before what is in it.
  for (const manifest of [...observerPermissions(), ...shipped, ...shipped.flatMap(forTheUserOfTheLab)]) {
    const collection = collections[manifest.kind];
    if (!collection) throw new Error(`deploy/rbac.yaml: the lab does not know how to create a ${manifest.kind}`);
    await api.create(collection(manifest.metadata.namespace ?? 'default'), manifest);
  }
}

function manifestsIn(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** The lab knows users by certificates, and no service accounts: its user has what the shipped account has. */
function forTheUserOfTheLab(manifest: Manifest): Manifest[] {
  if (manifest.kind !== 'RoleBinding') return [];
  const metadata = { ...manifest.metadata, name: `${manifest.metadata.name}-lab` };
  return [
    { ...manifest, metadata, subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'hotwave' }] },
  ];
}

function observerPermissions(): Manifest[] {
  const metadata = { name: 'hotwave-lab-observer' };
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata,
    rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }],
  };
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'observer' }],
  };
  return [role, binding];
}
