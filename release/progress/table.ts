import type { SetControls, SeenValues } from '../patches/patches.ts';
import type { Plan, PlannedServer, Wave } from '../plan/plan.ts';
import type { FailureClass } from '../checks/server.ts';
import type { StrayPriority, SetFacts } from '../patches/foreign-edit.ts';
import type { ReleaseSpec } from '../spec/spec.ts';
import type { Checked } from './steps.ts';
import type { Outcome, ReleaseState, RollbackOrder, RollbackScope } from './state.ts';

/**
 * How far a server is on its way to the version that is desired of it. Each stage holds the ones before. A server that
 * has lost the basis of a stage (its container, its image or its pod has changed) falls back behind it.
 */
export const STAGE = { none: 0, moved: 1, files: 2, told: 3, proved: 4, healthy: 5 } as const;
/** How far a server is. */
export type Stage = (typeof STAGE)[keyof typeof STAGE];

/** Why the release goes on without a server. A skipped server stands in the state, with who said so. */
export type Exclusion = 'failed' | 'busy' | 'reverted' | 'edited';

/** The knowledge of one server. A server without a row is as the plan found it. */
export interface Row {
  readonly stage: Stage;
  /** The basis of a proof: the run of the containers, the image and the pod. Absent while nothing is proved. */
  readonly basis?: string | undefined;
  /** The engine may have loaded the desired version already: it is asked for the proof before it is told. */
  readonly mayHaveLoaded?: true | undefined;
  /**
   * On the way back: the engine was told to load the new version, or has its files, and never proved it, so it may load it
   * yet. `soon`: within the time that its proof may take; `late`: it has had that time, and nobody knows; `never`: it had
   * proved the new version, or refused it.
   */
  readonly mayLoadNew?: 'soon' | 'late' | 'never' | undefined;
  /** The engine may have loaded another version than the old one, so a rollback makes it load the old one again. */
  readonly touched?: true | undefined;
  /** The last step that it took failed, and it has not passed since. */
  readonly failed?: FailureClass | undefined;
  /** It had failed when the release went back. */
  readonly hadFailed?: true | undefined;
  readonly excluded?: Exclusion | undefined;
  /** A person wants it tried again although the release has gone on without it: failing again excludes it again. */
  readonly trying?: true | undefined;
  readonly tries?: number | undefined;
  /** The check that it is tried again at. */
  readonly triedAt?: Checked | undefined;
  /** When it is tried again, milliseconds since the epoch. */
  readonly retryAt?: number | undefined;
  /** Its players are gone, or do not count. */
  readonly admitted?: true | undefined;
  /** Its reload waits until the last wave is over. */
  readonly deferred?: true | undefined;
  /** It is not the pod any more that was planned. */
  readonly away?: 'gone' | 'recreated' | undefined;
  /** A person has accepted that its main container restarted; it is looked at next. */
  readonly accepting?: true | undefined;
  /** The basis that it is compared with instead of the plan, after a person accepted a restart. */
  readonly server?: PlannedServer | undefined;
  /** Rollback: the fingerprint of the sidecar that has to go. */
  readonly outgoing?: string | undefined;
}

/** The row of a server of which nothing is known yet. */
const UNTOUCHED: Row = { stage: STAGE.none };

/** How the release holds its set, and the right to write it. */
export interface SetControl {
  /** Absent while the set is its owner's. */
  readonly hold?: SetControls | undefined;
  /** The revision that Kruise gave the new image; empty while it is not known. */
  readonly revision: string;
  /** The fence: what the number on the set may be now. See `release/patches/fence.ts`. */
  readonly fence: { readonly from: number; readonly to: number };
  /** Since when the controllers have been waited for to take a write over, milliseconds since the epoch. */
  readonly pendingSince?: number | undefined;
  /** The running record is on the set. */
  readonly isRecorded: boolean;
  /** A change of the controls that was refused; it is not tried again until a person was asked. */
  readonly refused?: string | undefined;
}

/** The set as others have made it, as the watch last saw it. */
export interface ForeignView {
  readonly facts?: SetFacts | undefined;
  /** The differences from the release's values; absent while nothing does. */
  readonly seen?: SeenValues | undefined;
  /** The manager that wrote that, as far as it is known. */
  readonly by?: string | undefined;
  /**
   * The manager whose values the release has written over last, which image they had asked for, and how often that
   * came back.
   */
  readonly overwritten?: { readonly by: string; readonly image: string; readonly times: number } | undefined;
  /**
   * A value that somebody else wrote may have moved servers, any of them: it is not known what their engines have
   * loaded.
   */
  readonly hasMoved?: true | undefined;
  readonly strays: readonly StrayPriority[];
  readonly replicas: number;
  readonly replicaNews: number;
}

/** A pause of this release: since when, and until when a person is waited for. */
export interface Pause {
  readonly since: number;
  readonly until: number;
}

/** A rollback, of all or of a part. */
export interface WayBack {
  readonly scope: RollbackScope;
  readonly order: RollbackOrder;
  readonly outcome: Outcome;
  readonly reason: string;
  /** Groups of servers by name, one after the other; absent until they were looked at. */
  readonly groups?: readonly (readonly string[])[] | undefined;
  readonly group: number;
  /** Servers that were looked at: the group that is on its way. */
  readonly isLookedAt: boolean;
  /** The write that begins it is done. */
  readonly isWritten: boolean;
  /** After that write it was looked who else had moved. */
  readonly isSwept: boolean;
  /** New servers only: who runs the version that new servers get no more. */
  readonly staying?: readonly string[] | undefined;
  /** Nothing had been written: there is nothing to bring back. */
  readonly isNothing: boolean;
  /** Servers move by overrides although the template would move them: it holds somebody else's change. */
  readonly byOverrides: boolean;
  /** Why it cannot be done now; a person is told and asked. */
  readonly problem?: string | undefined;
  /** The problem stands on the set, too. */
  readonly isNoted: boolean;
  readonly settled: Settled;
}

/** The finished parts of the end of a rollback. */
export interface Settled {
  readonly overrides?: true | undefined;
  readonly kept?: 'written' | 'ready' | 'told' | 'proved' | undefined;
  readonly overridesStay?: boolean | undefined;
}

/** How a release ends that neither is done nor goes back. */
export interface Leaving {
  readonly to: 'hold' | 'leave';
  readonly outcome: Outcome;
  readonly reason: string;
  /** It was looked whose main containers an edit of the template has restarted. */
  readonly isLookedAt?: true | undefined;
}

/** Servers that came while the release ran. */
export interface Newcomers {
  readonly round: number;
  /** Those at work. */
  readonly servers: readonly PlannedServer[];
  /** Of those at work: they run another image than the release's and are not opened yet. */
  readonly old: readonly string[];
  readonly proved: readonly PlannedServer[];
  readonly notProved: readonly PlannedServer[];
  readonly isOver: boolean;
}

/** Before anybody was looked for. */
export const NO_NEWCOMERS: Newcomers = { round: 0, servers: [], old: [], proved: [], notProved: [], isOver: false };

/** The newcomers as a release of new servers only knows them. */
export interface NewServers {
  readonly until: number;
  readonly proved: readonly { readonly name: string; readonly uid: string }[];
  /** Uids of which it is known how they ended. */
  readonly settled: readonly string[];
  readonly failed: number;
  /** Short uids of servers, older ones and new ones, that are not there any more. */
  readonly gone: readonly string[];
  /** It was looked once more after enough were proved or the time was over. */
  readonly isConfirmed?: true | undefined;
}

/** All that a release knows and has done: a value that travels from one run to the next. */
export interface Progress {
  readonly rows: ReadonlyMap<string, Row>;
  readonly set: SetControl;
  readonly foreign: ForeignView;
  readonly priorities: 'own' | 'given' | 'restored';
  /**
   * Kruise's order is not the plan's any more: a person is asked; `followed` once one has said that it counts, and then
   * for the rest of the release.
   */
  readonly order?: 'changed' | 'followed' | undefined;
  readonly isStaged: boolean;
  /** Every server was looked at once: from then on its own state is what it is compared with. */
  readonly isBaselined: boolean;
  /** Numbers of the waves that were opened. */
  readonly opened: readonly number[];
  /** Numbers of the waves that have baked, and after which the fleet was looked at. */
  readonly baked: readonly number[];
  readonly looked: readonly number[];
  /** Gates that have opened, by the wave behind them. */
  readonly passedGates: readonly number[];
  /** The last wave (0: the first write) for which the calendar was asked and open. */
  readonly calendarPassed: number;
  readonly frozen?: { readonly keys: readonly string[]; readonly until: number; readonly ends: string } | undefined;
  readonly overriddenWindows: readonly string[];
  readonly remindAt?: number | undefined;
  readonly promotion?: 'over' | undefined;
  readonly admission?: { readonly until: number; readonly busy: readonly string[] } | undefined;
  /** A check of a group (a metric) failed and is made again. */
  readonly groupRetry?: Retrying | undefined;
  readonly adoption?: 'opened' | 'ready' | 'cleared' | undefined;
  readonly newcomers: Newcomers;
  readonly newServers?: NewServers | undefined;
  readonly isPutBack: boolean;
  /** When the fleet was last looked at for the final word, and when an engine was last told, milliseconds since the epoch. */
  readonly confirmedAt: number;
  readonly toldAt: number;
  /** The fleet may not be as the rows say: it is looked at before anything else. */
  readonly mustLook: boolean;
  /** The result of the last step, when the release cannot simply go on. */
  readonly stop?: { readonly kind: 'pause' | 'rollback'; readonly reason: string } | undefined;
  /** The set was looked at for foreign edits before a rollback that nobody asked for. */
  readonly isEditChecked: boolean;
  readonly pause?: Pause | undefined;
  readonly back?: WayBack | undefined;
  readonly leaving?: Leaving | undefined;
  /** The failed version in the last write: why it had to go back by itself. */
  readonly failedBecause?: string | undefined;
  /** When what the release came to was first written; a repeated write must find its own values. */
  readonly endedAt?: number | undefined;
  /** A step was waiting for servers that were away: they are asked for first. */
  readonly lost?: readonly string[] | undefined;
  readonly lostReport?: LostReport | undefined;
  readonly isMonitored: boolean;
}

/** Servers wait for another try: which it is, of how many, and when, milliseconds since the epoch. */
export interface Retrying {
  readonly at: number;
  readonly tries: number;
  readonly of: number;
  readonly servers: number;
  /** A check of the whole group failed, so all of them take it again. */
  readonly isGroup: boolean;
}

/** A report that names servers that are not there; what became of them decides how it is judged. */
export interface LostReport {
  readonly event: unknown;
}

/** A release as a value: what is to be done, what people see, and what is known. */
export interface Release {
  readonly plan: Plan;
  readonly spec: ReleaseSpec;
  readonly state: ReleaseState;
  readonly progress: Progress;
  /** A rollback from the set's own record: what the release has done is not known. */
  readonly isOnRecord: boolean;
  /** The name of this release in the record on the set, when it is another than the workflow's own. */
  readonly identity?: { readonly release: string; readonly startedAt: number } | undefined;
  /** Freeze windows count, and why the requester wants to release in one all the same. */
  readonly calendar?: { readonly reason: string | undefined } | undefined;
  /** The policy of the cluster says who may decide. */
  readonly underPolicy?: true | undefined;
  /** Somebody is told what people must know: the policy of the cluster has sinks. */
  readonly sinks?: true | undefined;
}

/** The identity of this server in a plan. */
export interface Place {
  readonly server: PlannedServer;
  readonly kind: 'wave' | 'updated' | 'adopted' | 'bystander';
  readonly wave?: Wave | undefined;
}

const placesOfPlans = new WeakMap<Plan, ReadonlyMap<string, Place>>();

/** Every planned server by name. */
export function placesOf(plan: Plan): ReadonlyMap<string, Place> {
  const known = placesOfPlans.get(plan);
  if (known) return known;
  const places = new Map<string, Place>();
  const add = (kind: Place['kind'], servers: readonly PlannedServer[], wave?: Wave): void => {
    for (const server of servers) places.set(server.name, { server, kind, wave });
  };
  add('bystander', plan.bystanders);
  add('updated', plan.alreadyUpdated);
  add('adopted', plan.adopted);
  for (const wave of plan.waves) add('wave', wave.servers, wave);
  placesOfPlans.set(plan, places);
  return places;
}

/** The knowledge of a server. */
export function rowOf({ progress }: Pick<Release, 'progress'>, name: string): Row {
  return progress.rows.get(name) ?? UNTOUCHED;
}

/** The progress of a release that has only been planned. */
export function initialProgress(plan: Plan): Progress {
  const rows = new Map<string, Row>();
  for (const name of plan.unproved) rows.set(name, { stage: STAGE.moved, touched: true, mayHaveLoaded: true });
  return {
    rows,
    set: { revision: '', fence: { from: 0, to: 0 }, isRecorded: false },
    foreign: { strays: [], replicas: plan.baseline.replicas, replicaNews: 0 },
    priorities: 'own',
    isStaged: false,
    isBaselined: false,
    opened: [],
    baked: [],
    looked: [],
    passedGates: [],
    calendarPassed: -1,
    overriddenWindows: [],
    newcomers: NO_NEWCOMERS,
    isPutBack: false,
    confirmedAt: 0,
    toldAt: 0,
    mustLook: false,
    isEditChecked: false,
    isMonitored: false,
  };
}
