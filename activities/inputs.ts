import type { FailedVersion } from '../release/record/failed-versions.ts';
import type { SetRef } from '../release/fleet/fleet.ts';
import type { FreezeWindow } from '../release/spec/freeze-spec.ts';
import type { GuardFinding } from '../release/monitor/monitor.ts';
import type { GuardChange, GuardMemory } from '../release/monitor/monitor-watch.ts';
import type { LedgerFrame } from '../release/audit/audit.ts';
import type { SetFacts, StrayPriority, Writers } from '../release/patches/foreign-edit.ts';
import type { HeldRelease, LineHalt } from '../release/decisions/halt.ts';
import type { HeldValues, Hold, SeenValues, SetBaseline } from '../release/patches/patches.ts';
import type { PlannedOnes } from '../release/fleet/newcomers.ts';
import type { Plan, PlannedServer, PriorityChange } from '../release/plan/plan.ts';
import type { LastRelease, ReleaseRecord } from '../release/record/record.ts';
import type { StepReport } from '../release/checks/verdict.ts';
import type { Direction } from '../release/checks/server.ts';
import type { Admission, Probe, ReleaseFile, ReleaseSpec } from '../release/spec/spec.ts';

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
  /** The cluster by the name that its workers have; its line may be stopped. */
  readonly cluster?: string | undefined;
  /** Who says, and why, that the release that holds the set elsewhere is dead. */
  readonly takeover?: { readonly actor: string; readonly reason: string } | undefined;
  /** A freeze window is no reason to refuse it: the release will wait for a second person. Default false. */
  readonly duringFreeze?: boolean;
}

/** Keep the releases of a line stopped until there is news. */
export interface HoldLineInput {
  readonly halt: LineHalt;
  /** What the ids of this halt's decisions begin with. */
  readonly key: string;
  /** What was seen last; undefined at the first look, which is news in any case. */
  readonly known?: readonly HeldRelease[] | undefined;
  /** Return by then also when nothing has changed; milliseconds since the epoch. */
  readonly until: number;
}

/** The releases of a stopped line as they were last seen. */
export interface LineSighting {
  readonly releases: readonly HeldRelease[];
}

/** Tell the releases of a line that it goes on. */
export interface LetGoInput {
  readonly halt: LineHalt;
  readonly key: string;
  readonly known: readonly HeldRelease[];
  readonly actor: string;
  readonly reason: string;
}

/** Look whether anything may be released now. */
export interface CheckCalendarInput {
  /** Those of the release; the worker adds those of its cluster. */
  readonly windows: readonly FreezeWindow[];
  /** Keys of windows that a second person has overridden. */
  readonly overridden: readonly string[];
}

/** Write the new template with every server frozen on the old one. */
export interface StageTemplateInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly maxUnavailable: number;
  readonly record: ReleaseRecord;
}

/** Let one wave's servers move, and nobody else but servers that came while the release ran. */
export interface OpenWaveInput {
  readonly planned: PlannedOnes;
  /** The servers are newcomers themselves; in any other wave a recreated server is not waited for. */
  readonly areNewcomers?: boolean | undefined;
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
  /** Written with it: the release ends here and leaves the set so. */
  readonly record?: ReleaseRecord | undefined;
  /** The image that somebody else was seen to have written, which stays. Default the release's own. */
  readonly seenImage?: string | undefined;
}

/** Tell when a set is not as it is known to be. */
export interface WatchSetInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly known: SetFacts;
  /** The updatePriorities that servers were given; empty when the release gave none. */
  readonly priorities: readonly number[];
  /** What is known of servers with another one: uid and priority. */
  readonly knownStrays: readonly StrayPriority[];
  /** Also tell when only the number of servers is another one. */
  readonly tellsReplicas: boolean;
  /** Return by then also when nothing has changed; milliseconds since the epoch. */
  readonly until: number;
}

/** What a watch of a set has seen; the same as was known when the time was over. */
export interface SetSighting {
  readonly facts: SetFacts;
  readonly writers: Writers;
  readonly strays: readonly StrayPriority[];
}

/** Write the release's values over an edit that was seen. */
export interface ReassertSetInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly seen: SeenValues;
  readonly held: HeldValues;
  /** How the set is then held, where Kruise's acceptance is to be waited for. */
  readonly hold?: Hold | undefined;
}

/**
 * What came of a write to the set. `drifted` is a fact for a person: somebody else changed what hotwave guards, or, with
 * `hold`, the set was written and is held so, but the controllers did not follow.
 */
export type SetWrite =
  | {
      readonly kind: 'accepted';
      readonly hold: Hold;
      readonly revision: string;
      /** Servers that came while the release ran and move along with a wave. */
      readonly joined?: readonly string[];
    }
  | { readonly kind: 'drifted'; readonly reason: string; readonly hold?: Hold }
  | { readonly kind: 'untouched' };

/** Wait until servers run the target image, ready. */
export interface AwaitReadyInput {
  readonly set: SetRef;
  readonly servers: readonly PlannedServer[];
  readonly container: string;
  readonly image: string;
  readonly revision: string;
  readonly direction: Direction;
  /** Fingerprints of the sidecar before the step where they differ from the plan's. */
  readonly before: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** Return early once more servers than this have failed. */
  readonly failFast: number;
  /** Asked of each server as soon as it is Ready, while the others are waited for. */
  readonly content?: {
    readonly probe: Probe;
    readonly version: string;
    readonly concurrency: ReleaseSpec['concurrency'];
  };
}

/** Give servers their image through their GameServers, so many at once, and wait until they run it. */
export interface OverrideServersInput extends Omit<AwaitReadyInput, 'revision'> {
  /** The image that a GameServer may override already; any third one is somebody else's. */
  readonly from: string;
  /** Another one that an earlier release has left there. */
  readonly leftOn?: string | undefined;
  /** Servers on their way at once. */
  readonly maxUnavailable: number;
  /** How long one server may take, in milliseconds. */
  readonly timeout: number;
  /** Names the writes of this step. */
  readonly token: string;
}

/** Take overrides of one container's image away, or put those back that were there before. */
export interface SettleOverridesInput {
  readonly set: SetRef;
  readonly servers: readonly string[];
  readonly container: string;
  /** What is overridden from now on; absent when nothing is. The pods run this image, or the template's, already. */
  readonly image?: string;
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/** Write the new image so that only servers that are created from now on get it. */
export interface StageForNewServersInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly record: ReleaseRecord;
}

/** Take the new image back from servers that are still to be created. */
export interface RollBackNewServersInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly last: LastRelease;
  /** What is remembered as failed. */
  readonly failed?: FailedVersion | undefined;
}

/** Leave a record on a set of which nothing else changes. */
export interface RecordReleaseInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly note:
    { readonly running: ReleaseRecord } | { readonly last: LastRelease; readonly failed?: FailedVersion | undefined };
}

/** Look whether the template is as the plan found it, or, with `hold`, image and strategy as hotwave wrote them. */
export interface VerifyTemplateInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly hold?: Hold;
}

/** Whether somebody changed the set's template meanwhile: who and what, as a sentence. */
export interface TemplateCheck {
  readonly changed?: string;
}

/** Follow the servers that are created, until something new is known of them. */
export interface FollowNewServersInput {
  readonly set: SetRef;
  readonly container: string;
  readonly image: string;
  readonly version: string;
  readonly proof: Probe;
  /** Servers that were there before, which must stay as they are. */
  readonly bystanders: readonly PlannedServer[];
  /** Uids of new servers of which it is known how they ended. */
  readonly settled: readonly string[];
  /** How long one new server may take to prove its version, in milliseconds since it was first seen. */
  readonly timeout: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** A server that was created during the release. */
export interface NewServer {
  readonly name: string;
  readonly uid: string;
}

/** What became of new servers since the last look. */
export interface NewServersReport extends StepReport {
  readonly proved: readonly NewServer[];
  /** Uids of the new servers that were proved or have failed. */
  readonly settled: readonly string[];
}

/** Ask servers by probes until they answer right. */
export interface CheckServersInput extends ServersInput {
  readonly kind: 'content' | 'version' | 'health';
  readonly probes: readonly Probe[];
  readonly version: string;
  /** Servers that have not been updated: a metric of the batch is shown beside theirs. At most 250. Default none. */
  readonly control?: readonly string[];
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

/** Look which servers have players, and wait until one of them has none any more. */
export interface AdmitServersInput {
  readonly set: SetRef;
  /** Names of the servers that wait for their reload. */
  readonly servers: readonly string[];
  readonly busy: Admission['busy'];
  /** Return by then even if all are busy; milliseconds since the epoch. */
  readonly until: number;
  /** Once one is idle, others are waited for so long, in milliseconds: they then reload together. */
  readonly collect: number;
}

/** Which servers still have players. */
export interface Admitted {
  readonly busy: readonly string[];
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
  /** The set's own record says that the release has written it: that it looks as planned does not mean the opposite. */
  readonly isOnRecord?: boolean | undefined;
  /** The edit that a person has seen and rolls back over. */
  readonly seen?: SeenValues | undefined;
}

/** Work out the way back from what is written on a set. */
export interface PlanRollbackInput {
  readonly set: SetRef;
  /** The cluster by the name that its workers have. */
  readonly clusterName: string;
  /** How to ask the servers, when the set does not say it. */
  readonly file?: ReleaseFile | undefined;
}

/** The way back, or why there is nothing to do, or why it cannot be done. */
export type PlannedRollback =
  | {
      readonly kind: 'found';
      readonly record: ReleaseRecord;
      readonly plan: Plan;
      /** How to ask, and how long to wait; nothing else of it counts. */
      readonly spec: ReleaseSpec;
    }
  | { readonly kind: 'nothing' | 'refused'; readonly reason: string };

/** Leave on a set what a rollback could not bring back. */
export interface RecordStuckInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly record: ReleaseRecord;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Find out what became of servers whose pods are not the planned ones any more. */
export interface WhereaboutsInput {
  readonly set: SetRef;
  readonly servers: readonly PlannedServer[];
  /** Until when a pod may take to come back; milliseconds since the epoch. */
  readonly deadline: number;
}

/** What became of them; who is in neither list is not known to be gone. */
export interface Whereabouts {
  /** The set has all the servers that it is to have, without these. */
  readonly gone: readonly string[];
  /** Another pod has their name. */
  readonly recreated: readonly string[];
}

/** Find the servers that came while a release ran, and wait until they serve. */
export interface FindNewcomersInput {
  readonly set: SetRef;
  readonly planned: PlannedOnes;
  /** Uids of newcomers that are dealt with. */
  readonly settled: readonly string[];
  /** The container whose image the release changes, and that image. */
  readonly container: string;
  readonly image: string;
  /** Until when they may take to serve; milliseconds since the epoch. */
  readonly deadline: number;
}

/** The newcomers that serve, at most 1,000, and those that do not. */
export interface Newcomers {
  readonly servers: readonly PlannedServer[];
  /** Names of those in `servers` that run another image than the release's. */
  readonly old: readonly string[];
  readonly notServing: readonly PlannedServer[];
}

/** How each server stands when a rollback begins. */
export interface RollbackSnapshotInput {
  readonly planned: PlannedOnes;
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly servers: readonly PlannedServer[];
}

/** Fingerprints of the sidecars that have to go in a rollback, and which servers had been touched. */
export interface RollbackSnapshot {
  readonly before: Readonly<Record<string, string>>;
  readonly touched: readonly string[];
  /** Servers that have to go back, too: they came while the release ran. */
  readonly newcomers: readonly PlannedServer[];
  /** Names of servers that the set does not have any more. */
  readonly gone: readonly string[];
}

/** Put the person's own updateStrategy back, and leave on the set what the release came to. */
export interface RestoreSetInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly image: string;
  readonly hold: Hold;
  readonly last: LastRelease;
  /** What is remembered as failed. */
  readonly failed?: FailedVersion | undefined;
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

/** What a ledger is asked for. */
export interface LedgerHeadInput {
  readonly set: SetRef;
  /** Measure with this instead of what the set says. */
  readonly file?: ReleaseFile | undefined;
  /** Every server is to prove this instead. */
  readonly version?: string | undefined;
}

/** What the rows of a ledger have in common and which there will be, or why there is no ledger. */
export type LedgerHead =
  | {
      readonly kind: 'found';
      readonly frame: LedgerFrame;
      readonly names: readonly string[];
      /** Images of GameServers that win over the template, by server. */
      readonly overrides: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'refused'; readonly reason: string };

/** Ask a batch of servers what they run. */
export interface LedgerPageInput {
  readonly frame: LedgerFrame;
  readonly names: readonly string[];
  readonly overrides: Readonly<Record<string, string>>;
}

/** Watch a set after a release until something changes. */
export interface WatchGuardInput {
  readonly set: SetRef;
  readonly last: LastRelease;
  /** What was seen last; absent at the first look. */
  readonly memory?: GuardMemory | undefined;
  /** Time between two looks, in milliseconds. */
  readonly interval: number;
  /** Return by then also when nothing has changed; milliseconds since the epoch. */
  readonly until: number;
  /** When every engine was last asked; 0 before the first time. */
  readonly sweptAt: number;
  /** Servers that are known not to prove their version. */
  readonly known: readonly string[];
}

/** What a watch has seen. */
export interface GuardSighting {
  /** Why there is nothing more to guard. */
  readonly ended?: string;
  readonly changes: readonly GuardChange[];
  readonly memory: GuardMemory;
  readonly servers: number;
  readonly sweptAt: number;
}

/** Look at servers of a guarded set that may have lost their version, and make those reload that may. */
export interface InspectServersInput {
  readonly set: SetRef;
  readonly last: LastRelease;
  readonly servers: readonly { readonly server: string; readonly mayReload: boolean }[];
}

/** What was found, or why there is nothing more to guard. */
export interface Inspection {
  readonly ended?: string;
  readonly findings: readonly GuardFinding[];
}
