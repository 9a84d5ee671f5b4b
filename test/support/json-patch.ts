import type { PatchOperation } from '../../release/patches/patches.ts';
import { sameJson, valueAt } from '../../release/patches/patches.ts';

/** A JSON Patch operation, `test` included. */
export type Operation = PatchOperation | { readonly op: 'test'; readonly path: string; readonly value?: unknown };

/** Thrown when an operation cannot be applied; the API server answers 422 and does not say which one. */
export class DoesNotApply extends Error {
  override readonly name = 'DoesNotApply';
}

function parentOf(document: unknown, path: string): [Record<string, unknown> | unknown[], string] {
  const cut = path.lastIndexOf('/');
  const parent = valueAt(document, path.slice(0, cut));
  if (typeof parent !== 'object' || parent === null) throw new DoesNotApply(`${path} has no parent`);
  const key = path
    .slice(cut + 1)
    .replaceAll('~1', '/')
    .replaceAll('~0', '~');
  return [parent as Record<string, unknown> | unknown[], key];
}

function write(document: unknown, operation: PatchOperation): void {
  const [parent, key] = parentOf(document, operation.path);
  if (Array.isArray(parent)) {
    if (!(key in parent)) throw new DoesNotApply(`${operation.path} is not there`);
    if (operation.op === 'replace') parent[Number(key)] = structuredClone(operation.value);
    else throw new DoesNotApply(`${operation.op} in a list is not needed here`);
    return;
  }
  if (operation.op === 'remove') {
    if (!(key in parent)) throw new DoesNotApply(`${operation.path} is not there`);
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a JSON object is a map
    delete parent[key];
    return;
  }
  parent[key] = structuredClone(operation.value);
}

/**
 * Applies a JSON Patch to a copy as kube-apiserver 1.30 does (evanphx/json-patch, seen on a real server): `test`
 * against null passes where nothing is, `replace` adds a missing key, `remove` of a missing key fails, and nothing is
 * made below a missing parent.
 *
 * @throws DoesNotApply; nothing is changed then.
 */
export function applyJsonPatch<Document>(document: Document, operations: readonly Operation[]): Document {
  const copy = structuredClone(document);
  for (const operation of operations) {
    if (operation.op !== 'test') write(copy, operation);
    else if (!sameJson(valueAt(copy, operation.path), operation.value)) {
      throw new DoesNotApply(`${operation.path} is not as expected`);
    }
  }
  return copy;
}
