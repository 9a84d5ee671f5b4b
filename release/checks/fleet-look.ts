import type { PlannedServer } from '../plan/plan.ts';

/** A server that is not as it was expected to be, as it is now. */
export interface SeenServer {
  readonly server: PlannedServer;
  /** The image that the pod asks for. */
  readonly image: string;
  readonly basis: string;
  readonly deleting: boolean;
}

/** What a look at the whole fleet found: only what is not as expected. */
export interface FleetLook {
  readonly missing: readonly string[];
  readonly changed: readonly SeenServer[];
  /** How many more have changed than are shown. */
  readonly more: number;
}
