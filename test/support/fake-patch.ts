import type { GuardedPatch, PatchOutcome } from '../../release/patches/patches.ts';
import { explainRefusal, jsonPatchBody } from '../../release/patches/patches.ts';
import type { RawGameServer, RawSet } from './fake-set-model.ts';
import { applyJsonPatch, DoesNotApply } from './json-patch.ts';
import type { Operation } from './json-patch.ts';

/** The result of a patch of a simulated object: the object to keep, or why it stays as it is. */
export type Patched<Raw> =
  { readonly kind: 'applied'; readonly object: Raw } | { readonly kind: 'refused'; readonly outcome: PatchOutcome };

/**
 * Applies a guarded patch by the rules of the API server, and explains a refusal by the rules of hotwave.
 *
 * @param denied the admission and schema of the cluster: a sentence when they do not take the result
 */
export function patchObject<Raw extends RawSet | RawGameServer>(
  object: Raw,
  patch: GuardedPatch,
  denied: (result: Raw) => string | undefined,
): Patched<Raw> {
  let result: Raw;
  try {
    result = applyJsonPatch(object, jsonPatchBody(patch) as Operation[]);
  } catch (error) {
    if (!(error instanceof DoesNotApply)) throw error;
    const message = 'the patch names a field that the object does not have';
    return { kind: 'refused', outcome: explainRefusal(object, patch) ?? { kind: 'denied', message } };
  }
  const message = denied(result);
  return message === undefined
    ? { kind: 'applied', object: result }
    : { kind: 'refused', outcome: { kind: 'denied', message } };
}

const SET_FIELDS = new Set([
  'replicas',
  'reserveGameServerIds',
  'updateStrategy',
  'gameServerTemplate',
  'serviceName',
  'serviceQualities',
  'network',
  'lifecycle',
]);

/** The little of the GameServerSet's schema that tests run into (OpenKruiseGame v1.0.0, strict field validation). */
export function schemaOfSet({ spec }: RawSet): string | undefined {
  const unknown = Object.keys(spec).find((field) => !SET_FIELDS.has(field));
  if (unknown !== undefined) return `strict decoding error: unknown field "spec.${unknown}"`;
  const { replicas, updateStrategy } = spec;
  if (!Number.isInteger(replicas) || replicas < 0) return 'spec.replicas: Invalid value: must be of type integer';
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  if (Number.isInteger(partition)) return undefined;
  return 'spec.updateStrategy.rollingUpdate.partition: Invalid value: must be of type integer';
}
