import type { SetRef } from '../fleet/fleet.ts';
import type { Plan, PlannedServer } from '../plan/plan.ts';
import type { RollbackTarget } from '../plan/rollback-target.ts';
import { compactRanges, isInRanges } from '../fleet/ranges.ts';
import type { ServerFailure } from '../checks/server.ts';
import type { GateSpec } from '../spec/spec.ts';

/** Where a release is. The last five are final. */
export type Phase =
  | 'planning'
  | 'updating'
  | 'baking'
  | 'watching'
  | 'waiting-approval'
  | 'frozen'
  | 'pausing'
  | 'paused'
  | 'halted'
  | 'rolling-back'
  | 'done'
  | 'rolled-back'
  | 'failed'
  | 'cancelled'
  | 'refused';

/** How a release may end. */
export const OUTCOMES = ['done', 'rolled-back', 'failed', 'cancelled', 'refused'] as const satisfies readonly Phase[];
/** How a release ended. */
export type Outcome = (typeof OUTCOMES)[number];

const FINAL: ReadonlySet<Phase> = new Set<Phase>(OUTCOMES);

/** True when nothing more will happen. */
export function isFinal(phase: Phase): phase is Outcome {
  return FINAL.has(phase);
}

/** The decisions that a release can be told. */
export const VERBS = [
  'approve',
  'reject',
  'pause',
  'resume',
  'retry',
  'skip',
  'rollback',
  'cancel',
  'supersede',
  'override-freeze',
  'halt',
  'unhalt',
] as const;
/** The decisions that a release can be told. */
export type Verb = (typeof VERBS)[number];

/** How much of a release a rollback is about: all of it, the wave at work, or the servers that failed. */
export const ROLLBACK_SCOPES = ['release', 'wave', 'failed'] as const;
/** How much of a release a rollback is about. */
export type RollbackScope = (typeof ROLLBACK_SCOPES)[number];

/** In which order servers go back: at once, or the last wave first. */
export const ROLLBACK_ORDERS = ['all', 'reverse'] as const;
/** In which order servers go back. */
export type RollbackOrder = (typeof ROLLBACK_ORDERS)[number];

/** A person's decision. The same `id` twice is one decision. */
export interface Decision {
  readonly id: string;
  readonly verb: Verb;
  /** Name of the release that it is meant for: a late click must not steer the next one. */
  readonly release: string;
  /** The first characters of the hash of the plan that the person has seen: a vote for another plan does not count. */
  readonly plan?: string | undefined;
  /** approve, reject: the wave whose gate it is meant for. skip: the wave that is excluded. */
  readonly wave?: number | undefined;
  /** cancel, supersede: what becomes of the servers. */
  readonly then?: 'hold' | 'rollback' | undefined;
  /** skip: the name of the server that is excluded. */
  readonly server?: string | undefined;
  /** rollback: how much of it. Default the whole release. */
  readonly scope?: RollbackScope | undefined;
  /** rollback: in which order. Default all at once. */
  readonly order?: RollbackOrder | undefined;
  /** resume after a foreign edit: whose values stay. */
  readonly wins?: 'release' | 'edit' | undefined;
  /** supersede: the release that takes over. */
  readonly by?: string | undefined;
  /** halt: when the halt ends by itself, milliseconds since the epoch. */
  readonly until?: number | undefined;
  /** halt: the namespace whose releases are halted; absent when it is the whole cluster's. */
  readonly namespace?: string | undefined;
  readonly actor: string;
  /** Where it came from: cli, ui, a chat gateway. */
  readonly channel: string;
  readonly reason?: string | undefined;
  /** Of a signed decision: the run of the release that it is for. */
  readonly run?: string | undefined;
  /** Of a signed decision: when it was signed, milliseconds since the epoch. */
  readonly signedAt?: number | undefined;
  /** The SSH signature over {@link canonicalDecision}. */
  readonly signature?: string | undefined;
}

/** A decision and what came of it, kept for the record. */
export interface DecisionRecord extends Omit<Decision, 'signature'> {
  /** The name that was sent, where the policy knows the person by another one. */
  readonly as?: string | undefined;
  /** The key that vouches for the name, such as `ann's key`; absent when it is only claimed. */
  readonly vouchedBy?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly accepted: boolean;
  readonly answer: string;
}

/** The release's wait, so that every wait has an owner, a start and an end. */
export interface Wait {
  readonly for: string;
  /** The owner of the wait: a person, Kruise, the engine, a timer. */
  readonly owner: string;
  readonly since: number;
  /** Deadline, milliseconds since the epoch. */
  readonly until: number;
}

/** People of whom a number must approve at a gate. */
export interface GateGroup {
  readonly name: string;
  readonly members: readonly string[];
  readonly needed: number;
}

/** A gate that is open for decisions. */
export interface OpenGate {
  readonly wave: number;
  readonly spec: GateSpec;
  /** Only these people may vote; absent when anybody may. */
  readonly groups?: readonly GateGroup[] | undefined;
  readonly openedAt: number;
  readonly approvedBy: readonly string[];
  /** How often people were reminded. */
  readonly reminders?: number | undefined;
  readonly rejected?: { readonly actor: string; readonly reason: string };
}

/** Where a wave may be. */
export const WAVE_STATES = ['pending', 'running', 'done', 'failed', 'skipped', 'rolled-back'] as const;

/** A wave's progress in numbers. */
export interface WaveProgress {
  readonly number: number;
  readonly name: string;
  readonly size: number;
  /** The ordinals of its servers as compact ranges; absent where they show only with time. */
  readonly servers?: string;
  readonly status: (typeof WAVE_STATES)[number];
  readonly ready: number;
  readonly proven: number;
  readonly failed: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** The requests of people that the runbook has not done yet. */
export interface Requests {
  readonly pause?: { readonly actor: string; readonly reason: string };
  readonly rollback?: {
    readonly actor: string;
    readonly reason: string;
    readonly scope?: RollbackScope | undefined;
    readonly order?: RollbackOrder | undefined;
  };
  readonly cancel?: { readonly actor: string; readonly then: 'hold' | 'rollback'; readonly reason: string };
  readonly retry?: { readonly actor: string };
}

/** A server that a person has excluded. */
export interface SkippedServer {
  readonly server: string;
  readonly actor: string;
  readonly reason: string;
}

/** A number of servers, and the first of them by name. */
export interface NamedServers {
  readonly count: number;
  readonly servers: readonly string[];
}

/** Somebody halted the releases of the release's namespace or cluster. */
export interface Halt {
  /** The namespace whose releases are halted; absent when it is the whole cluster's. */
  readonly namespace?: string | undefined;
  readonly actor: string;
  readonly reason: string;
  readonly since: number;
  /** When the halt ends by itself, milliseconds since the epoch. */
  readonly until: number;
}

/** A freeze window that the release waits for, or that a second person has overridden. */
export interface Freeze {
  readonly window: string;
  /** When the window ends, milliseconds since the epoch. */
  readonly until: number;
  readonly overridden?: { readonly actor: string; readonly reason: string } | undefined;
}

/** Somebody else changed what the release holds; a person has to say whose values stay. */
export interface ForeignEdit {
  /** One line: the field, what it was and is, who changed it. */
  readonly what: string;
  readonly seenAt: number;
  /** It will come again, whatever is written over it: why, and what to do about it. */
  readonly comesAgain?: string | undefined;
  /** The set is not closed: under the strategy that was written servers may move. */
  readonly letsMove?: true | undefined;
  /** Only priorities were changed: a plain resume lets Kruise's order count. */
  readonly ofOrder?: true | undefined;
  /** Of something that releases do not write: only people can put it back. */
  readonly ofOthers?: true | undefined;
  /** The wishes of a person; `order`: Kruise's order counts, with the priorities as they are. */
  readonly wins?: 'release' | 'edit' | 'order' | undefined;
}

/** The whole state of a release: what the query returns and everything that people are shown is made from. */
export interface ReleaseState {
  readonly v: 1;
  readonly release: string;
  readonly cluster: string;
  readonly set: SetRef;
  readonly strategy: string;
  readonly requester: string;
  /** The key that vouches for the requester's name; absent when it is only claimed. */
  readonly requesterVouchedBy?: string | undefined;
  readonly image: string;
  readonly version: string;
  readonly previousVersion: string;
  /** The rollback target, and why to that; absent before the plan stands. */
  readonly rollbackTo?: RollbackTarget | undefined;
  readonly planHash: string;
  readonly phase: Phase;
  /** The work within the phase, one line. */
  readonly step: string;
  /** The wave at work, from 1; 0 before the first. */
  readonly wave: number;
  readonly waves: readonly WaveProgress[];
  readonly wait?: Wait | undefined;
  readonly gate?: OpenGate | undefined;
  readonly pausedBecause?: string | undefined;
  readonly halt?: Halt | undefined;
  readonly freeze?: Freeze | undefined;
  readonly foreignEdit?: ForeignEdit | undefined;
  readonly requests: Requests;
  /** Servers and waves that people have excluded. */
  readonly skipped?: readonly SkippedServer[] | undefined;
  readonly skippedWaves?: readonly number[] | undefined;
  /** Servers whose reload waits until their players are gone. */
  readonly deferred?: NamedServers | undefined;
  /** Servers that a partial rollback has reverted: they keep the old image by an override. */
  readonly returned?: NamedServers | undefined;
  /** The whole release is on its way back, also while that stands still: what people decide is then about the rollback. */
  readonly goesBack?: true | undefined;
  /** When the servers must be of one version again, milliseconds since the epoch; absent while they are of one version, or may be of two for any time. */
  readonly mixedUntil?: number | undefined;
  /** Failed servers that a rollback leaves as they are, for whoever wants to know why. */
  readonly keptForDebugging?: readonly string[] | undefined;
  /** The release that took over. */
  readonly supersededBy?: string | undefined;
  /** The latest 50 failed servers; once a rollback is over those that still fail. */
  readonly failures: readonly ServerFailure[];
  /** Once a rollback is over: what had failed before, of servers that are back. Absent when nothing had. */
  readonly failedBefore?: readonly ServerFailure[] | undefined;
  readonly warnings: readonly string[];
  readonly decisions: readonly DecisionRecord[];
  /** Why it ended as it did; empty while it runs. */
  readonly reason: string;
  /** Messages that could not be read: they steer nothing. */
  readonly unreadable?: { readonly count: number; readonly last: string; readonly at: number } | undefined;
  /** It was refused because the cluster did not answer: the same release may well be accepted later. */
  readonly unreachable?: boolean | undefined;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
}

/** The input of a release. */
export interface ReleaseIdentity {
  readonly release: string;
  readonly cluster: string;
  readonly set: SetRef;
  readonly strategy: string;
  readonly requester: string;
  readonly image: string;
  readonly version: string;
}

/** The state of a release that has not been planned yet. */
export function initialState(identity: ReleaseIdentity, now: number): ReleaseState {
  return {
    v: 1,
    ...identity,
    previousVersion: '',
    planHash: '',
    phase: 'planning',
    step: 'checks the cluster and plans the waves',
    wave: 0,
    waves: [],
    requests: {},
    failures: [],
    warnings: [],
    decisions: [],
    reason: '',
    startedAt: now,
  };
}

/** Takes over a plan. */
export function withPlan(state: ReleaseState, plan: Plan): ReleaseState {
  return {
    ...state,
    version: plan.version,
    previousVersion: plan.previousVersion,
    ...(plan.rollbackTo ? { rollbackTo: plan.rollbackTo } : {}),
    planHash: plan.hash,
    warnings: plan.warnings,
    waves: progressOf(plan),
  };
}

/** The one wave of a release of new servers; who is in it shows only with time. */
export const NEW_SERVERS_WAVE = 1;

function progressOf({ strategy, waves }: Plan): WaveProgress[] {
  const groups =
    strategy === 'newServersOnly' ? [{ number: NEW_SERVERS_WAVE, name: 'new servers', servers: [] }] : waves;
  return groups.map(({ number, name, servers }) => ({
    number,
    name,
    ...membersOf(servers),
    status: 'pending',
    ready: 0,
    proven: 0,
    failed: 0,
  }));
}

/** The servers of a wave, as people see it. */
export function membersOf(servers: readonly Pick<PlannedServer, 'ordinal'>[]): Pick<WaveProgress, 'size' | 'servers'> {
  const size = servers.length;
  return size === 0 ? { size } : { size, servers: compactRanges(servers.map(({ ordinal }) => ordinal)) };
}

/** The wave that a server of this release is in; undefined when it is in none. */
export function waveOfServer(state: ReleaseState, server: string): number | undefined {
  const prefix = `${state.set.name}-`;
  const ordinal = server.startsWith(prefix) ? server.slice(prefix.length) : '';
  if (!/^\d+$/.test(ordinal)) return undefined;
  return state.waves.find(({ servers }) => servers !== undefined && isInRanges(servers, Number(ordinal)))?.number;
}

/** Changes the progress of one wave. */
export function withWave(state: ReleaseState, number: number, change: Partial<WaveProgress>): ReleaseState {
  return { ...state, waves: state.waves.map((wave) => (wave.number === number ? { ...wave, ...change } : wave)) };
}

const KEPT_WARNINGS = 20;

/** Adds what was only observed to the warnings, each once. */
export function withObservations(state: ReleaseState, observed: readonly string[]): ReleaseState {
  return { ...state, warnings: [...new Set([...state.warnings, ...observed])].slice(-KEPT_WARNINGS) };
}

const MOST_NAMED = 200;

/** These servers as the state shows them; undefined when there are none. */
export function namedServers(names: Iterable<string>): NamedServers | undefined {
  const all = [...names];
  return all.length === 0 ? undefined : { count: all.length, servers: all.slice(0, MOST_NAMED) };
}

/** The newest wave that has begun and was not brought back; undefined before the first. */
export function begunWave({ waves }: ReleaseState): number | undefined {
  return waves.findLast(({ status }) => status === 'running' || status === 'failed' || status === 'done')?.number;
}

const KEPT_FAILURES = 50;

/** Adds failed servers; the newest reason of a server wins. */
export function withFailures(state: ReleaseState, failures: readonly ServerFailure[]): ReleaseState {
  const renewed = new Set(failures.map(({ server }) => server));
  const kept = state.failures.filter(({ server }) => !renewed.has(server));
  return { ...state, failures: [...kept, ...failures].slice(-KEPT_FAILURES) };
}

/** Takes back that these servers have failed. */
export function withoutFailures(state: ReleaseState, servers: ReadonlySet<string>): ReleaseState {
  return { ...state, failures: state.failures.filter(({ server }) => !servers.has(server)) };
}
