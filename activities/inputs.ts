import type { SetRef } from '../release/fleet.ts';
import type { Hold, SetBaseline } from '../release/patches.ts';
import type { PlannedServer, PriorityChange } from '../release/plan.ts';
import type { Probe, ReleaseFile, ReleaseSpec } from '../release/spec.ts';

/** Most servers in one activity: it bounds inputs, results and what a retry repeats. */
export const BATCH_SIZE = 250;

/** A batch of servers of one set and how hard to press them. */
export interface ServersInput {
  readonly set: SetRef;
  readonly servers: readonly PlannedServer[];
  readonly concurrency: ReleaseSpec['concurrency'];
  readonly direction: 'forward' | 'rollback';
}

/** Plan a release against the live set. */
export interface PlanReleaseInput {
  readonly file: ReleaseFile;
}

/** Write the new template with every server frozen on the old one. */
export interface StageTemplateInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly maxUnavailable: number;
}

/** Let one wave's servers move, and nobody else. */
export interface OpenWaveInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly revision: string;
  readonly hold: Hold;
  readonly servers: readonly string[];
}

/** Change how the set is held without letting anybody move: pause and resume. */
export interface ChangeHoldInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly from: Hold;
  readonly to: Hold;
}

/**
 * What came of a write to the set. `drifted` is a fact for a person: somebody else changed what hotwave guards, or, with
 * `hold`, the set was written and is held so, but the controllers did not follow.
 */
export type SetWrite =
  | { readonly kind: 'accepted'; readonly hold: Hold; readonly revision: string }
  | { readonly kind: 'drifted'; readonly reason: string; readonly hold?: Hold }
  | { readonly kind: 'untouched' };

/** Wait until servers run the target image, ready. */
export interface AwaitReadyInput {
  readonly set: SetRef;
  readonly servers: readonly PlannedServer[];
  readonly container: string;
  readonly image: string;
  readonly revision: string;
  readonly direction: 'forward' | 'rollback';
  /** Fingerprints of the sidecar before the step where they differ from the plan's. */
  readonly before: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Return early once more servers than this have failed. */
  readonly failFast: number;
}

/** Ask servers by probes until they answer right. */
export interface CheckServersInput extends ServersInput {
  readonly kind: 'content' | 'version' | 'health';
  readonly probes: readonly Probe[];
  readonly version: string;
}

/** Make engines load the new files. */
export interface ReloadServersInput extends ServersInput {
  /** The release told these engines before, and does not know which have done so. */
  readonly repeated: boolean;
  readonly reload: ReleaseSpec['reload'];
  readonly proof: Probe;
  readonly version: string;
}

/** Sample health until the bake is over. */
export interface BakeWaveInput extends CheckServersInput {
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Look at the whole fleet: nobody outside the waves so far has moved, no main container restarted. */
export interface VerifyFleetInput {
  readonly set: SetRef;
  readonly container: string;
  readonly moved: readonly PlannedServer[];
  readonly outsiders: readonly PlannedServer[];
}

/** Give servers priorities, for the time of the release or back again. */
export interface ChangePrioritiesInput {
  readonly set: SetRef;
  readonly changes: readonly PriorityChange[];
  readonly direction: 'assign' | 'restore';
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/** The old image, everything open, in one write. */
export interface RollBackSetInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
}

/** How each server stands when a rollback begins. */
export interface RollbackSnapshotInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly servers: readonly PlannedServer[];
}

/** Fingerprints of the sidecars that have to go in a rollback, and which servers had been touched. */
export interface RollbackSnapshot {
  readonly before: Readonly<Record<string, string>>;
  readonly touched: readonly string[];
}

/** Put the person's own updateStrategy back. */
export interface RestoreSetInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly image: string;
  readonly hold: Hold;
}

/** Count what players would have felt. */
export interface TallyInput {
  readonly set: SetRef;
  readonly container: string;
  readonly servers: readonly PlannedServer[];
}

/** Restarts of main containers and recreated pods since the plan. */
export interface Tally {
  readonly restartsOfMainContainers: number;
  readonly recreatedPods: number;
}
