import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import type { Api } from './api.ts';

/** The files that hotwave ships for clusters, by file name. */
type ShippedFile = 'rbac.yaml' | 'admission-policy.yaml';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const admission = '/apis/admissionregistration.k8s.io/v1';

const collections: Readonly<Record<string, (namespace: string) => string>> = {
  ClusterRole: () => `${rbac}/clusterroles`,
  ClusterRoleBinding: () => `${rbac}/clusterrolebindings`,
  Role: (namespace) => `${rbac}/namespaces/${namespace}/roles`,
  RoleBinding: (namespace) => `${rbac}/namespaces/${namespace}/rolebindings`,
  ServiceAccount: (namespace) => `/api/v1/namespaces/${namespace}/serviceaccounts`,
  Namespace: () => '/api/v1/namespaces',
  ValidatingAdmissionPolicy: () => `${admission}/validatingadmissionpolicies`,
  ValidatingAdmissionPolicyBinding: () => `${admission}/validatingadmissionpolicybindings`,
};

/** A manifest of deploy/, as far as the lab and its tests read it. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  /** Of roles. */
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

/**
 * Lets `observer` read everything, and creates what deploy/rbac.yaml holds, hotwave's service account among it: that one
 * has those rights and no others.
 * @throws Error when deploy/rbac.yaml holds a kind that has no place in it
 */
export async function applyPermissions(api: Api): Promise<void> {
  await createAll(api, observerPermissions());
  await applyShipped(api, 'rbac.yaml');
}

/** Creates what a file of deploy/ holds. @throws Error when it holds a kind that the lab does not know */
export async function applyShipped(api: Api, file: ShippedFile): Promise<void> {
  await createAll(api, shippedManifests(file));
}

/** The contents of a file of deploy/. */
export function shippedManifests(file: ShippedFile): Manifest[] {
  const path = fileURLToPath(new URL(`../../deploy/${file}`, import.meta.url));
  return parseAllDocuments(readFileSync(path, 'utf8'))
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** In order: a namespace comes before what is in it. */
async function createAll(api: Api, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    const collection = collections[manifest.kind];
    if (!collection) throw new Error(`deploy/: the lab does not know how to create a ${manifest.kind}`);
    await api.create(collection(manifest.metadata.namespace ?? 'default'), manifest);
  }
}

/** A token of the service account that deploy/rbac.yaml makes, good for thirty days: longer than any lab. */
export async function hotwaveToken(api: Api): Promise<string> {
  const { status } = await api.create<{ readonly status: { readonly token: string } }>(
    '/api/v1/namespaces/hotwave-system/serviceaccounts/hotwave/token',
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 30 * 86_400 },
    },
  );
  return status.token;
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
