import type { HaltScope, StandingHalt } from '../../release/decisions/halt.ts';
import type { ReleaseState, Decision } from '../../release/progress/state.ts';
import type { Holder } from '../../release/record/record.ts';

/** A release that runs in Temporal. At most one runs on a set, in one run after the other, all under one workflow id. */
export interface RunningRelease {
  readonly workflowId: string;
}

/** The other releases and halts of the same Temporal namespace, as activities need them. Every call is bounded in time. */
export interface Releases {
  /** The running releases of a halt; who was started within the last seconds may be missing. */
  running(scope: HaltScope): Promise<readonly RunningRelease[]>;
  /** A release's word about itself; `ended`, or `silent` when it runs and does not answer. */
  state(release: RunningRelease): Promise<ReleaseState | 'ended' | 'silent'>;
  /** Sends a decision without waiting for its answer. */
  decide(release: RunningRelease, decision: Decision): Promise<void>;
  /**
   * The halts that hold the releases of a scope, but for their exceptions: its own and its cluster's. Those that are
   * ending do not count.
   */
  haltsOn(scope: HaltScope): Promise<readonly StandingHalt[]>;
  /** The mark that tells this Temporal from others: the id of its namespace; empty when it does not say. */
  identity(): Promise<string>;
  /** Whether the workflow that holds a set runs; undefined when it is another Temporal's. */
  isRunning(holder: Holder): Promise<boolean | undefined>;
}

/** A Temporal without releases, for tools that have none. */
export const NO_RELEASES: Releases = {
  running: () => Promise.resolve([]),
  state: () => Promise.resolve('ended'),
  decide: () => Promise.resolve(),
  haltsOn: () => Promise.resolve([]),
  identity: () => Promise.resolve(''),
  isRunning: () => Promise.resolve(undefined),
};
