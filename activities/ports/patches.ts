import type { PatchTarget, GuardedPatch, PatchOutcome } from '../../release/patches/patches.ts';
import type { Permit } from './heartbeats.ts';

/**
 * Guarded writes.
 * Every call is bounded in time and honours `signal`; trouble is thrown as a ClusterFailure.
 */
export interface Patches {
  /**
   * A guarded write. `dryRun` runs admission and validation and changes nothing. `permit` is asked right before each
   * sending; it is thrown on when it rejects.
   */
  patch(
    target: PatchTarget,
    patch: GuardedPatch,
    options?: { readonly dryRun?: boolean; readonly signal?: AbortSignal; readonly permit?: Permit },
  ): Promise<PatchOutcome>;
}
