import type { ServerView } from './fleet.ts';
import type { Plan, PlannedServer } from '../plan/plan.ts';
import { plannedServer } from '../plan/plan.ts';
import { shortUid } from './identity.ts';
import { NO_RUN } from './run.ts';
import { compactRanges, isInRanges } from './ranges.ts';

/** Which servers of a set a release has planned with: whoever is not one of them came while it ran. */
export interface PlannedOnes {
  /** Their ordinals as compact ranges, without those that are gone since. */
  readonly ordinals: string;
  /** See `Plan.youngestPod`. */
  readonly youngestPod?: number | undefined;
}

/** The servers that a plan is about, however they are listed in it. */
export function plannedServers({ waves, alreadyUpdated, adopted, bystanders }: Plan): readonly PlannedServer[] {
  return [...waves.flatMap(({ servers }) => servers), ...alreadyUpdated, ...adopted, ...bystanders];
}

/** How many servers of the set had no pod when it was planned. */
export function missingAtPlan(plan: Plan): number {
  return Math.max(0, plan.baseline.replicas - plannedServers(plan).length);
}

/** The planned servers that are still there, small enough to be told to every step. */
export function plannedOnes(plan: Plan, gone: Pick<ReadonlySet<string>, 'has'>): PlannedOnes {
  const staying = plannedServers(plan).filter(({ name }) => !gone.has(name));
  const { youngestPod } = plan;
  return { ordinals: compactRanges(staying.map(({ ordinal }) => ordinal)), ...(youngestPod ? { youngestPod } : {}) };
}

/**
 * Came while the release ran: by a scale-up, or in the place of a pod that is gone. Times of pods are whole seconds, so one
 * that was recreated in the very second of the plan's youngest is not told from it.
 */
export function isNewcomer(
  { ordinal, createdAt }: Pick<ServerView, 'ordinal' | 'createdAt'>,
  { ordinals, youngestPod }: PlannedOnes,
): boolean {
  return !isInRanges(ordinals, ordinal) || (youngestPod !== undefined && createdAt > youngestPod);
}

/** A server that is neither planned nor a newcomer that is dealt with came since. */
export interface KnownOnes {
  readonly planned: PlannedOnes;
  /** Short uids of newcomers that are dealt with. */
  readonly settled: readonly string[];
}

type Came = Pick<ServerView, 'uid' | 'ordinal' | 'createdAt'> & Partial<Pick<ServerView, 'deleting'>>;

/** Tells the servers that came while a release ran and were not dealt with yet. */
export function isUnsettled({ planned, settled }: KnownOnes): (server: Came) => boolean {
  const known = new Set(settled);
  return (server) => server.deleting !== true && !known.has(shortUid(server.uid)) && isNewcomer(server, planned);
}

/** The changes of others to the set while a release ran, for its last sentence. */
export interface LiveChanges {
  readonly proved: readonly string[];
  readonly notProved: readonly string[];
  readonly gone: readonly string[];
}

const NAMED = 5;

/** `; 2 that came meanwhile prove it too: duel-10, duel-11`, or nothing when nothing came or went. */
export function liveChangesText({ proved, notProved, gone }: LiveChanges): string {
  const part = (names: readonly string[], one: string, many: string): string => {
    if (names.length === 0) return '';
    const sorted = names.toSorted((left, right) => left.localeCompare(right, 'en', { numeric: true }));
    const more = names.length > NAMED ? ', ...' : '';
    return `; ${names.length} ${names.length === 1 ? one : many}: ${sorted.slice(0, NAMED).join(', ')}${more}`;
  };
  return [
    part(proved, 'that came meanwhile proves it too', 'that came meanwhile prove it too'),
    part(notProved, 'that came meanwhile is not proved', 'that came meanwhile are not proved'),
    part(gone, 'is not there any more', 'are not there any more'),
  ].join('');
}

/** A newcomer on its way back: its sidecar has to become another one than it is now. */
export function goingBack(server: ServerView, container: string, containers: readonly string[]): PlannedServer {
  const planned = plannedServer(server, containers);
  return { ...planned, containers: { ...planned.containers, [container]: NO_RUN } };
}
