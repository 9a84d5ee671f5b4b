import type { GameServerView, Override } from '../fleet/fleet.ts';
import type { GuardedPatch, PatchOperation } from './patches.ts';
import { syncTokenChange } from './patches.ts';

/**
 * The list of a GameServer's `spec.containers` with another image of one container, or without one (undefined). Other
 * entries, and other fields of the same entry, are somebody else's and stay.
 */
export function withOverride(
  overrides: readonly Override[],
  container: string,
  image: string | undefined,
): readonly Override[] {
  const own = overrides.find(({ name }) => name === container);
  const { image: _replaced, ...rest } = own ?? { name: container };
  const changed: Override = image === undefined ? rest : { ...rest, image };
  const keepsNothing =
    image === undefined && Object.entries(rest).every(([key, value]) => key === 'name' || isEmpty(value));
  if (!own) return keepsNothing ? overrides : [...overrides, changed];
  return overrides.flatMap((entry) => (entry === own ? (keepsNothing ? [] : [changed]) : [entry]));
}

/** OpenKruiseGame v1.0.0 writes `resources: {}` into every entry that it sends back. */
function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/**
 * Sets (or with undefined takes away) a GameServer's image of one container, together with a fresh sync token. The
 * whole list is replaced, because the API has no keys for its entries, so the list as it was read is the precondition.
 * Taking the image away does not change the pod (OpenKruiseGame v1.0.0).
 */
export function overridePatch(
  gameServer: GameServerView,
  wanted: { readonly container: string; readonly image: string | undefined },
  token: string,
): GuardedPatch {
  const { uid, hasAnnotations, overrides } = gameServer;
  const list = withOverride(overrides ?? [], wanted.container, wanted.image);
  return {
    preconditions: [
      { path: '/metadata/uid', value: uid },
      ...(hasAnnotations ? [] : [{ path: '/metadata/annotations', value: null }]),
      { path: '/spec/containers', value: overrides ?? null },
    ],
    changes: [syncTokenChange(hasAnnotations, token), ...listChange(overrides, list)],
  };
}

function listChange(before: readonly Override[] | undefined, after: readonly Override[]): PatchOperation[] {
  if (after.length > 0) return [{ op: 'add', path: '/spec/containers', value: after }];
  return before === undefined ? [] : [{ op: 'remove', path: '/spec/containers' }];
}
