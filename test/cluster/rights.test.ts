import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

interface Binding {
  readonly kind: string;
  readonly subjects?: readonly { readonly kind: string; readonly name: string }[];
}

const bindings = async (): Promise<readonly Binding[]> =>
  parseAllDocuments(await readFile(new URL('../../deploy/rbac.yaml', import.meta.url), 'utf8'))
    .map((document) => document.toJS() as Binding)
    .filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding');

test('rights are given to the account of the worker, and to no User or Group', async () => {
  const subjects = (await bindings()).flatMap(({ subjects: all = [] }) => all);
  expect(subjects.length).toBeGreaterThan(0);
  expect(new Set(subjects.map(({ kind, name }) => `${kind} ${name}`))).toEqual(new Set(['ServiceAccount hotwave']));
});

test('every right is bound in a namespace, and none in the whole cluster', async () => {
  expect(new Set((await bindings()).map(({ kind }) => kind))).toEqual(new Set(['RoleBinding']));
});
