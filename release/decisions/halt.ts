import type { SetRef } from '../fleet/fleet.ts';
import { clusterFlag, commandLine } from '../narrate/shell.ts';
import type { Phase, ReleaseState } from '../progress/state.ts';

/** The releases that a halt is about: those of one namespace of a cluster, or of the whole cluster. */
export interface HaltScope {
  readonly cluster: string;
  readonly namespace?: string | undefined;
}

/** The halt: by whom, why, since when and until when. Times are milliseconds since the epoch. */
export interface HaltOfScope extends HaltScope {
  readonly actor: string;
  readonly reason: string;
  readonly since: number;
  readonly until: number;
}

/** A release of a halt as the halt last saw it. */
export interface HeldRelease {
  readonly workflowId: string;
  /** Empty while it has not answered once. */
  readonly release: string;
  /** `not-reached`: it runs, and does not answer or takes no decision. */
  readonly phase: Phase | 'not-reached';
}

/** A set whose releases go on while all others stand still. */
export interface HaltException {
  readonly set: SetRef;
  readonly actor: string;
  readonly reason: string;
  /** Since when, milliseconds since the epoch. */
  readonly at: number;
}

/** More sets than this are no exception any more. */
export const MOST_EXCEPTIONS = 100;

/** A halt with the sets that it does not hold. */
export interface StandingHalt extends HaltOfScope {
  /** Absent when it holds them all, or does not answer. */
  readonly exceptions?: readonly HaltException[] | undefined;
}

/** The whole state of a halt. */
export interface HaltState extends StandingHalt {
  readonly v: 1;
  /** `ending`: somebody let the releases go on, and the releases are being told. */
  readonly phase: 'halted' | 'ending' | 'ended';
  /** The running releases of the halt; undefined until they have been looked at once. */
  readonly releases?: readonly HeldRelease[] | undefined;
  /** Why the releases cannot be told now; absent when they can. */
  readonly trouble?: string | undefined;
  /** Messages that could not be read: somebody tried something. */
  readonly unreadable?: number | undefined;
  readonly endedBy?: { readonly actor: string; readonly reason: string; readonly at: number } | undefined;
}

/** Longest time that a halt can last, in milliseconds: nothing waits for ever. */
export const LONGEST_HALT = 7 * 86_400_000;
/** Clocks differ; nobody's by as much as a day. */
const CLOCKS_DIFFER = 86_400_000;

/** True for an end that no halt may have, seen from `now`: whoever halts for ever has mistaken something. */
export function isBeyondHalts(until: number, now: number): boolean {
  return until > now + LONGEST_HALT + CLOCKS_DIFFER;
}

/** `arena in cluster eu`, or `cluster eu`. */
export function scopeName({ cluster, namespace }: HaltScope): string {
  return namespace === undefined ? `cluster ${cluster}` : `namespace ${namespace} in cluster ${cluster}`;
}

/** The command that lets halted releases go on. */
export function unhaltCommand({ cluster, namespace }: HaltScope): string {
  return commandLine('unhalt', ...(namespace === undefined ? [] : ['--namespace', namespace]), ...clusterFlag(cluster));
}

/**
 * By whom, why, since when, until when and what to type: one sentence for every place where a halt refuses something.
 */
export function haltSentence(halt: HaltOfScope): string {
  return `${halt.actor} has halted the releases of ${scopeName(halt)}: ${halt.reason} (since ${pointInTime(halt.since)}, until ${pointInTime(halt.until)}); ${unhaltCommand(halt)} lets it go on`;
}

/** `2026-01-02 12:00:00 UTC`: people of all time zones read the same page. */
export function pointInTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return 'the end of time';
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** True when a halt of this scope holds the releases of that namespace. */
function covers(scope: HaltScope, { cluster, namespace }: HaltScope): boolean {
  return scope.cluster === cluster && (scope.namespace === undefined || scope.namespace === namespace);
}

/** True when a halt holds the releases of this very set: it is about its namespace, and the set is no exception. */
export function holdsSet(
  halt: StandingHalt,
  { cluster, set }: { readonly cluster: string; readonly set: SetRef },
): boolean {
  return covers(halt, { cluster, namespace: set.namespace }) && !exceptionOf(halt, `${set.namespace}/${set.name}`);
}

/**
 * The person who lets a set, named as `namespace/name`, go on in spite of the halt; undefined when the halt holds it.
 */
export function exceptionOf(
  { exceptions = [] }: Pick<StandingHalt, 'exceptions'>,
  set: string,
): HaltException | undefined {
  return exceptions.find((exception) => nameOf(exception.set) === set);
}

const nameOf = ({ namespace, name }: SetRef): string => `${namespace}/${name}`;

/** The answer to a wish to let one set go on: the exceptions that then hold, or why it is refused. */
export function withException(
  halt: StandingHalt,
  wanted: HaltException,
): { readonly exceptions: readonly HaltException[] } | { readonly refusal: string } {
  const { exceptions = [], cluster } = halt;
  const { set } = wanted;
  if (!covers(halt, { cluster, namespace: set.namespace }))
    return { refusal: `${nameOf(set)} is not of ${scopeName(halt)}` };
  if (exceptionOf(halt, nameOf(set))) return { exceptions };
  if (exceptions.length >= MOST_EXCEPTIONS)
    return { refusal: `${MOST_EXCEPTIONS} sets go on already: end the halt instead, ${unhaltCommand(halt)}` };
  return { exceptions: [...exceptions, wanted] };
}

/** `goes on in spite of it: arena/duel (bob: it brings the fix)`: a sentence for each exception. */
export function exceptionTexts({ exceptions = [] }: Pick<StandingHalt, 'exceptions'>): string[] {
  return exceptions.map(({ set, actor, reason }) => `goes on in spite of it: ${nameOf(set)} (${actor}: ${reason})`);
}

/** The command that lets one set go on and nothing else. */
export function unhaltOnlyCommand({ cluster, set }: { readonly cluster: string; readonly set: SetRef }): string {
  return commandLine('unhalt', '--only', nameOf(set), ...clusterFlag(cluster));
}

/** True for a release that no halt stops any more: it rolls back, which half-way is worse, or a person has ended it. */
export function endsFirst({
  phase,
  requests,
  goesBack,
}: Pick<ReleaseState, 'phase' | 'requests' | 'goesBack'>): boolean {
  const { rollback, cancel } = requests;
  const isWhole = rollback !== undefined && (rollback.scope ?? 'release') === 'release';
  // A rollback from the set begins with its plan.
  const isBack = phase === 'rolling-back' || (phase === 'planning' && goesBack === true);
  return isBack || cancel !== undefined || isWhole;
}

/** `hotwave/eu/arena/duel` -> `arena/duel`. */
export function setOfRelease(workflowId: string): string {
  return workflowId.split('/').slice(2).join('/');
}

/** `hotwave-halt/eu/arena` -> namespace arena of cluster eu. */
export function scopeOfHalt(workflowId: string): HaltScope {
  const [, cluster = '', namespace] = workflowId.split('/');
  return namespace === undefined ? { cluster } : { cluster, namespace };
}

/** Which releases stand still, and which do not yet, in words. */
export function releasesText({ releases: all, exceptions }: Pick<HaltState, 'releases' | 'exceptions'>): string {
  const releases = all?.filter(({ workflowId }) => !exceptionOf({ exceptions }, setOfRelease(workflowId)));
  if (releases === undefined) return 'its releases have not been looked at yet';
  if (releases.length === 0)
    return all?.length === 0 ? 'no release is running on it' : 'no other release is running on it';
  const named = ({ release, workflowId }: HeldRelease): string =>
    release === '' ? setOfRelease(workflowId) : `${release} (${setOfRelease(workflowId)})`;
  const group = (what: string, some: readonly HeldRelease[]): string[] =>
    some.length === 0 ? [] : [`${what}: ${some.slice(0, SHOWN).map(named).join(', ')}${moreThan(some.length)}`];
  const ends = releases.filter(({ phase }) => phase === 'rolling-back');
  const stand = releases.filter(({ phase }) => phase === 'halted');
  const lost = releases.filter(({ phase }) => phase === 'not-reached');
  return [
    ...group('stand still', stand),
    ...group(
      'about to stand still',
      releases.filter((release) => !ends.includes(release) && !stand.includes(release) && !lost.includes(release)),
    ),
    ...group('roll back and end that first', ends),
    ...group('not reached, so nobody knows whether they stand still', lost),
  ].join('; ');
}

const SHOWN = 20;

function moreThan(count: number): string {
  return count > SHOWN ? ` and ${count - SHOWN} more` : '';
}
