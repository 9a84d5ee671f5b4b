import type { PatchTarget, GuardedPatch, PatchOutcome } from '../../release/patches/patches.ts';

/**
 * Guarded writes.
 * Every call is bounded in time and honours `signal`; trouble is thrown as a ClusterFailure.
 */
export interface Patches {
  /** A guarded write. `dryRun` runs admission and validation and changes nothing. */
  patch(
    target: PatchTarget,
    patch: GuardedPatch,
    options?: { readonly dryRun?: boolean; readonly signal?: AbortSignal },
  ): Promise<PatchOutcome>;
}
