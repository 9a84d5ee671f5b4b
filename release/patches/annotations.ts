import type { GameServerSetView } from '../fleet/fleet.ts';
import type { GuardedPatch, PatchOperation, Precondition } from './guarded-patch.ts';
import { annotationPath } from './guarded-patch.ts';

const MAP = '/metadata/annotations';

/** The part of a set that decides how an annotation is written. */
export type Annotated = Pick<GameServerSetView, 'annotations'>;

/**
 * The same write, and an annotation. Adding a key below a missing map fails, so the map comes with it, once for all of
 * them; that it is still missing is guarded.
 */
export function annotated(patch: GuardedPatch, set: Annotated, key: string, value: string): GuardedPatch {
  if (set.annotations !== undefined) return changing(patch, { op: 'add', path: annotationPath(key), value });
  const made = patch.changes.find(({ path }) => path === MAP);
  const map: PatchOperation = { op: 'add', path: MAP, value: { ...(made?.value as object | undefined), [key]: value } };
  return {
    preconditions: made ? patch.preconditions : [...patch.preconditions, { path: MAP, value: null }],
    changes: made ? patch.changes.map((change) => (change === made ? map : change)) : [...patch.changes, map],
  };
}

/** The same write, refused unless an annotation has this text; null: unless there is none. */
export function demandingAnnotation(
  patch: GuardedPatch,
  set: Annotated,
  key: string,
  value: string | null,
): GuardedPatch {
  const guard: Precondition =
    set.annotations === undefined ? { path: MAP, value: null } : { path: annotationPath(key), value };
  // First of all: what another release writes differs in every other field, too, and this one says why.
  return { ...patch, preconditions: [guard, ...patch.preconditions.filter(({ path }) => path !== guard.path)] };
}

function changing(patch: GuardedPatch, ...changes: readonly PatchOperation[]): GuardedPatch {
  return { ...patch, changes: [...patch.changes, ...changes] };
}
