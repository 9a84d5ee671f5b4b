import { expect, test } from 'vitest';
import { shippedManifests } from '../lab/permissions.ts';
import type { Manifest } from '../lab/permissions.ts';

interface Binding extends Manifest {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
}

test('deploy/rbac.yaml creates every account and role that it binds, and the namespace of an account before it', () => {
  const manifests = shippedManifests('rbac.yaml');
  const created: string[] = [];
  for (const { kind, metadata, ...more } of manifests) {
    if (kind === 'ServiceAccount') expect(created).toContain(`Namespace ${metadata.namespace!}`);
    if (kind === 'RoleBinding') {
      const { roleRef, subjects } = more as Binding;
      expect(created).toContain(`${roleRef.kind} ${roleRef.name}`);
      for (const subject of subjects) expect(created).toContain(`${subject.kind} ${subject.namespace}/${subject.name}`);
    }
    created.push(`${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`);
  }
  expect(manifests.some(({ kind }) => kind === 'RoleBinding')).toBe(true);
});
