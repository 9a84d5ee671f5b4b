/** One JSON Patch operation (RFC 6902) that hotwave uses. */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/** A fact that must hold when the patch is applied, checked by the API server in the same write. */
export interface Precondition {
  readonly path: string;
  readonly value: unknown;
}

/**
 * A write that is safe to repeat: the API server refuses it unless every precondition holds, and when it was
 * applied before (the reply was lost), the wanted values are there, which counts as success.
 */
export interface GuardedPatch {
  readonly preconditions: readonly Precondition[];
  readonly changes: readonly PatchOperation[];
}

/** The object that a patch is for. */
export interface PatchTarget {
  readonly kind: 'GameServerSet' | 'GameServer';
  readonly namespace: string;
  readonly name: string;
}

/** The result of a guarded patch. Infrastructure trouble is an exception, a refused precondition is not. */
export type PatchOutcome =
  | { readonly kind: 'applied' }
  | { readonly kind: 'alreadyApplied' }
  | {
      readonly kind: 'preconditionFailed';
      readonly path: string;
      readonly expected: unknown;
      readonly actual: unknown;
      readonly manager?: string;
    }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'denied'; readonly message: string };

/** The JSON Patch body of a guarded patch: its preconditions as `test` operations, then the changes. */
export function jsonPatchBody(patch: GuardedPatch): object[] {
  return [...patch.preconditions.map(({ path, value }) => ({ op: 'test', path, value })), ...patch.changes];
}

/** The value that a JSON pointer (RFC 6901) names, or undefined. */
export function valueAt(document: unknown, pointer: string): unknown {
  let current: unknown = document;
  for (const token of pointer.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined;
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!Object.prototype.propertyIsEnumerable.call(current, key)) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}

/** A key as a part of a JSON pointer. */
function pointerToken(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Deep equality of JSON values; the order of keys does not matter, and null is what the API server calls absent. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right || (left ?? null) === (right ?? null)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const leftKeys = Object.keys(left);
  const rightKeys = Object.keys(right);
  return (
    leftKeys.length === rightKeys.length &&
    leftKeys.every((key) => sameJson((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key]))
  );
}

/** The first place where two JSON values differ, as a JSON pointer; `pointer` is where both are. */
export function firstDifference(expected: unknown, actual: unknown, pointer: string): string {
  if (typeof expected !== 'object' || typeof actual !== 'object' || expected === null || actual === null)
    return pointer;
  const [before, now] = [expected as Record<string, unknown>, actual as Record<string, unknown>];
  const key = Object.keys({ ...now, ...before }).find((name) => !sameJson(before[name], now[name]));
  return key === undefined ? pointer : firstDifference(before[key], now[key], `${pointer}/${pointerToken(key)}`);
}

/**
 * Explains a refused patch from the object as it is now. The API server answers every failed `test` with the same
 * 422 and no details, so the reason has to be found out afterwards.
 */
export function explainRefusal(document: unknown, patch: GuardedPatch): PatchOutcome | undefined {
  const last = new Map(patch.changes.map((change) => [change.path, change]));
  const wanted = [...last.values()].every((change) =>
    sameJson(valueAt(document, change.path), change.op === 'remove' ? null : change.value),
  );
  if (wanted && last.size > 0) return { kind: 'alreadyApplied' };
  for (const { path, value } of patch.preconditions) {
    const actual = valueAt(document, path);
    if (!sameJson(actual, value)) return { kind: 'preconditionFailed', path, expected: value, actual };
  }
  return undefined;
}

/** The JSON pointer of an annotation. */
export function annotationPath(key: string): string {
  return `/metadata/annotations/${pointerToken(key)}`;
}

/** Adding a key below a missing map fails, so the map comes with it; the caller guards that it is still missing. */
export function annotationChange(hasAnnotations: boolean, key: string, value: string): PatchOperation {
  return hasAnnotations
    ? { op: 'add', path: annotationPath(key), value }
    : { op: 'add', path: '/metadata/annotations', value: { [key]: value } };
}
