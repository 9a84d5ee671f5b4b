/**
 * The names and payloads by which others speak to a release: the CLI, chat-ops bots, the Temporal UI. Plain values and
 * schemas without any SDK, so that a bot in any language can be written against this file.
 */
import type { News } from '../release/notices/news.ts';
import type { Notice } from '../release/notices/notice.ts';
import type { CarriedMail } from '../release/notices/mail.ts';
import type { MonitorCounts, MonitorState } from '../release/monitor/monitor.ts';
import type { MonitorMemory } from '../release/monitor/monitor-watch.ts';
import type { SetDescription } from '../release/draft/set-description.ts';
import type { AuditAnswer } from '../release/audit/audit-verdict.ts';
import type { HaltOfScope, HaltScope } from '../release/decisions/halt.ts';
import type { PreflightLine, PreflightResult } from '../release/plan/preflight.ts';
import type { LastRelease } from '../release/record/record.ts';
import type { BackWish } from '../release/plan/way-back.ts';
import type { ReleaseFile } from '../release/spec/spec.ts';
import type { DecisionMessage, ExceptionMessage, FarewellMessage, Vouch } from '../release/decisions/message.ts';
import type { Outcome, ReleaseState } from '../release/progress/state.ts';
import type { CarriedRelease } from '../release/progress/carried.ts';
import type { DecisionAnswer } from '../release/decisions/decision.ts';
import type { SetRef } from '../release/fleet/fleet.ts';

export { LONGEST_HALT } from '../release/decisions/halt.ts';
export { decisionSchema } from '../release/decisions/message.ts';
export type { DecisionMessage } from '../release/decisions/message.ts';

/** Workflow types. */
export const WORKFLOWS = {
  hotUpdate: 'hotUpdate',
  planOnly: 'planOnly',
  inspectCluster: 'inspectCluster',
  describeSet: 'describeSet',
  readAudit: 'readAudit',
  guard: 'guard',
  halt: 'halt',
  rollBackFromCluster: 'rollBackFromCluster',
  courier: 'courier',
} as const;

/** The activities that answer questions, by the type of the workflow that answers where Temporal runs no activity alone. */
export const QUESTIONS = {
  planOnly: 'answerPlan',
  inspectCluster: 'answerInspection',
  readAudit: 'answerAudit',
  describeSet: 'answerDescription',
} as const;

/**
 * The update and the signal that carry a decision, the query for what the release says to a decision (it is not taken by
 * asking), the query for the whole state, and the signal by which an activity says that its call fails.
 */
export const MESSAGES = {
  decide: 'decide',
  decideSignal: 'decideBySignal',
  answer: 'answer',
  state: 'state',
  callTrouble: 'callTrouble',
} as const;

/** The update and the signal that end a monitor, and the signal by which a release hands its set over to a running monitor. */
export const GUARD_MESSAGES = { stop: 'stopMonitor', stopSignal: 'stopMonitorBySignal', takeOver: 'takeOver' } as const;

/** The updates and the signals by which halted releases go on, or one set while the others stand still. */
export const HALT_MESSAGES = {
  unhalt: 'unhalt',
  unhaltSignal: 'unhaltBySignal',
  unhaltSet: 'unhaltSet',
  unhaltSetSignal: 'unhaltSetBySignal',
} as const;

/** The signal that hands notices to a courier, and the query for what it has not delivered yet. */
export const COURIER_MESSAGES = { tell: 'tell', undelivered: 'undelivered' } as const;

/** Search attributes that every release carries. */
export const SEARCH_ATTRIBUTES = {
  HotwaveSet: 'KEYWORD',
  HotwaveCluster: 'KEYWORD',
  HotwaveRelease: 'KEYWORD',
  HotwaveVersion: 'KEYWORD',
  HotwavePhase: 'KEYWORD',
  HotwaveRequester: 'KEYWORD',
  HotwaveWave: 'INT',
} as const;

/** The input of a release workflow. */
export interface ReleaseInput {
  readonly v: 1;
  readonly file: ReleaseFile;
  readonly cluster: string;
  readonly requester: string;
  /** Starts it in a freeze window, where it waits for the end or for a second person's override. */
  readonly duringFreeze?: { readonly reason: string } | undefined;
  /** The key that vouches for the requester. */
  readonly vouch?: Vouch | undefined;
  /** Time between two looks of the monitor that follows, in milliseconds. Default: by the size of the set. */
  readonly monitorInterval?: number | undefined;
  /** The person who says, and why, that the release that holds the set elsewhere is dead. */
  readonly takeover?: { readonly actor: string; readonly reason: string } | undefined;
  /** From the run before. */
  readonly carried?: Carried | undefined;
  /** A new run begins at every step; for tests of what one run hands to the next. */
  readonly continueEachStep?: boolean | undefined;
}

/** The state that one run of a release hands to the next. */
export interface Carried {
  readonly release: CarriedRelease;
  /** The answer to each decision: the same one must not count again. */
  readonly answers: readonly (readonly [string, DecisionAnswer])[];
  /** The runs of the release so far: what was signed for another one does not count. */
  readonly runs?: readonly string[] | undefined;
  /** Decisions that the policy has not been asked about yet. */
  readonly waiting?: readonly DecisionMessage[] | undefined;
  /** The news that people are still to be told. */
  readonly outbox?: CarriedOutbox | undefined;
}

/** The state of the news that one run hands to the next. */
export interface CarriedOutbox {
  /** The number of the last notice. */
  readonly sequence: number;
  /** Handed over, as far as is known not yet taken. */
  readonly underWay: readonly Notice[];
  readonly waiting: readonly News[];
}

/** The input of a courier. */
export interface CourierInput {
  readonly v: 1;
  readonly cluster: string;
  readonly set: SetRef;
  /** Times of the next try in milliseconds: the first, and the longest. Default 1 s and 5 min. */
  readonly backOff?: { readonly first: number; readonly most: number } | undefined;
  /** A new run begins after so many events; default when Temporal suggests it. */
  readonly mostEvents?: number | undefined;
  /** From the run before. */
  readonly carried?: CarriedMail | undefined;
}

export type { Undelivered, UndeliveredSink } from '../release/notices/undelivered.ts';

/** The input of a monitor. */
export interface MonitorInput {
  readonly v: 1;
  readonly cluster: string;
  readonly requester: string;
  readonly set: SetRef;
  /** The version that every server is to prove, and how to ask; as it stands on the set. */
  readonly last: LastRelease;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Time between two looks, in milliseconds. */
  readonly interval: number;
  /** A new run begins once the history is longer; default 2,000 events. */
  readonly mostEvents?: number | undefined;
  /** Somebody is told what people must know. */
  readonly sinks?: true | undefined;
  /** The release was under a policy, which says who may end the monitor behind it. */
  readonly underPolicy?: true | undefined;
  /** The news that people are still to be told. */
  readonly outbox?: CarriedOutbox | undefined;
  /** From the run before: a monitor goes on in a new run before its history is too long. */
  readonly carried?: CarriedMonitor | undefined;
}

/** The state that one run of a monitor hands to the next. */
export interface CarriedMonitor {
  readonly state: MonitorState;
  readonly memory?: MonitorMemory | undefined;
  readonly sweptAt: number;
}

/** A wish to end a monitor, before defaults. */
export type StopMonitorMessage = FarewellMessage;

/** The result of a monitor. */
export interface MonitorResult {
  readonly release: string;
  readonly reason: string;
  /** Servers that did not prove their version when it ended. */
  readonly problems: number;
  readonly counts: MonitorCounts;
}

/** The input of a halt. The same facts are its memo, so that nobody needs a worker to read them. */
export interface HaltInput extends HaltOfScope {
  readonly v: 1;
  /** The key that vouches for the person who halts. */
  readonly vouch?: Vouch | undefined;
}

/** A wish to let halted releases go on, before defaults. */
export type UnhaltMessage = FarewellMessage;

/** A wish to let one set go on while the others stand still, before defaults. */
export type UnhaltSetMessage = ExceptionMessage;

/** The result of a halt. */
export interface HaltResult {
  readonly reason: string;
  /** Sentences about releases that could not be told that the releases go on. */
  readonly left: readonly string[];
}

/** The input of a rollback by what is written on the set, while no release runs. */
export interface FromClusterInput {
  readonly v: 1;
  readonly cluster: string;
  readonly set: SetRef;
  readonly requester: string;
  readonly reason: string;
  /** How to ask the servers, when the set does not say it. */
  readonly file?: ReleaseFile | undefined;
  /** From the run before. */
  readonly carried?: Carried | undefined;
  /** A new run begins at every step; for tests of what one run hands to the next. */
  readonly continueEachStep?: boolean | undefined;
  /** To another version than the one before. Default: what servers ran before the last release. */
  readonly to?: BackWish | undefined;
  /** The requester says, with the reason, that the release that holds the set by another Temporal is dead. */
  readonly holderIsDead?: boolean | undefined;
  /** The key that vouches for the requester. */
  readonly vouch?: Vouch | undefined;
}

/** The result of a release workflow. */
export interface ReleaseResult {
  readonly release: string;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly strategy: string;
  readonly servers: number;
  readonly waves: number;
  readonly seconds: number;
  readonly restartsOfMainContainers: number;
  readonly recreatedPods: number;
}

export type { PreflightLine, PreflightResult as PlanResult };

/** The input of `plan`. */
export interface PlanInput {
  readonly v: 1;
  readonly file: ReleaseFile;
  readonly cluster: string;
}

/** The question of `versions` and `verify`. */
export interface AuditInput {
  readonly v: 1;
  readonly cluster: string;
  readonly set: SetRef;
  /** Measure with this instead of what the set says about its last release. */
  readonly file?: ReleaseFile | undefined;
  /** Every server is to prove this version. */
  readonly version?: string | undefined;
}

/** The audit, or why there is none. */
export type AuditResult = AuditAnswer;

/** The questions of `doctor` to a worker about its cluster. */
export interface InspectInput {
  readonly v: 1;
  readonly namespace: string;
}

/** The worker's own view of its cluster. */
export interface InspectResult {
  readonly lines: readonly PreflightLine[];
}

/** The question of `init`. */
export interface DescribeInput {
  readonly v: 1;
  readonly namespace: string;
  /** Default: only which sets there are. */
  readonly name?: string | undefined;
}

/** A set as it can be seen, or the names of the sets of the namespace, or why there is neither. */
export type DescribeResult =
  | { readonly kind: 'described'; readonly description: SetDescription }
  | { readonly kind: 'sets'; readonly names: readonly string[] }
  | { readonly kind: 'absent' | 'refused' | 'unreachable'; readonly reason: string };

/** The answer of the state query. */
export type StateAnswer = ReleaseState;
/** The answer of the decide update. */
export type DecideAnswer = DecisionAnswer;

/** Most decisions that the answer query and the signal take at once, as a list. */
export const MOST_AT_ONCE = 100;

/**
 * The answer of the answer query, for a list of decisions a list of them: what was said to the decision with that id, else what would be said to it now.
 */
export interface ExpectedAnswer extends DecisionAnswer {
  /** The decision has been taken. */
  readonly given: boolean;
}

/** The workflow id of the release on a set, which is also its lock: at most one runs. */
export function releaseWorkflowId(cluster: string, set: SetRef): string {
  return `hotwave/${cluster}/${set.namespace}/${set.name}`;
}

/** The workflow id of the monitor of a set: at most one runs. */
export function monitorWorkflowId(cluster: string, set: SetRef): string {
  return `hotwave-guard/${cluster}/${set.namespace}/${set.name}`;
}

/** The workflow id of a halt: while it runs, the releases of its scope are halted. */
export function haltWorkflowId({ cluster, namespace }: HaltScope): string {
  return `hotwave-halt/${cluster}${namespace === undefined ? '' : `/${namespace}`}`;
}

/** The workflow id of the courier of a set. */
export function courierWorkflowId(cluster: string, set: SetRef): string {
  return `hotwave-notify/${cluster}/${set.namespace}/${set.name}`;
}

/** The workflow id of the courier of the set whose release has this workflow id. */
export function courierOf(releaseId: string): string {
  return releaseId.replace(/^hotwave\//, 'hotwave-notify/');
}

/** The start of the workflow ids of the couriers of a cluster. */
export function couriersPrefix(cluster: string): string {
  return `hotwave-notify/${cluster}/`;
}

/** The start of the workflow ids of the monitors of a cluster. */
export function monitorsPrefix(cluster: string): string {
  return `hotwave-guard/${cluster}/`;
}

/** The start of the workflow ids of all releases of a scope. */
export function releasesPrefix({ cluster, namespace }: HaltScope): string {
  return `hotwave/${cluster}/${namespace === undefined ? '' : `${namespace}/`}`;
}

/** The task queue that the workers of a cluster poll. */
export function taskQueueOf(cluster: string): string {
  return `hotwave-${cluster}`;
}

/** The task queue of the long-lived watches beside a queue of {@link taskQueueOf}: the same process polls both. */
export function watchQueueOf(taskQueue: string): string {
  return `${taskQueue}-watches`;
}
