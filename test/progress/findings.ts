import type { Release } from '../../release/progress/table.ts';
import type { SimulatedCluster, SimulatedServer } from './simulated-cluster.ts';

// Situations in which a rule is known to be broken: stories leave out exactly these, so that they stay green until the heart
// has a rule for each. Whoever mends one takes its function away and sees that the stories hold.

/** A release where it stands, and what its servers really are. */
export interface Situation {
  readonly release: Release;
  readonly cluster: SimulatedCluster;
  /** Pods that were there when the release was planned. */
  readonly planned: ReadonlySet<string>;
}

/** 4: newServersOnly. New servers that are gone since count as proving, older ones as having stayed. */
export function hasLostServers({ release, cluster }: Situation): boolean {
  const live = new Set([...cluster.servers.values()].map(({ uid }) => uid));
  const proved = release.progress.newServers?.proved ?? [];
  return [...proved, ...release.plan.bystanders].some(({ uid }) => !live.has(uid));
}

/** 6: newServersOnly, rolled back. New servers that have not proved the version stay on it, and are not named. */
export function isSettledAndUnnamed({ release }: Situation, { uid }: SimulatedServer): boolean {
  return release.progress.newServers?.settled.includes(uid) === true;
}

/**
 * 7: an edit that is taken back, while a server came with another image: Kruise moves another one in its place before hotwave
 * has said anything. The release sees it and stops; it cannot keep it from happening.
 */
export function isReopened({ release, cluster, planned }: Situation): boolean {
  const hasCome = [...cluster.servers.values()].some(({ uid }) => !planned.has(uid));
  return release.progress.foreign.hasMoved === true && hasCome;
}

/** 8: with nobody to move the version to go back to is the new one, and an engine is told twice to load it. */
export function isBackToTheSame({ release }: Pick<Situation, 'release'>): boolean {
  return release.plan.version === release.plan.previousVersion;
}

/** 9: newServersOnly. An older server that runs the new image, since before the plan or by an edit, stops it for ever. */
export function hasOlderOnTheNew({ release, cluster, planned }: Situation): boolean {
  const { strategy, baseline } = release.plan;
  const isSuch = ({ uid, image }: SimulatedServer): boolean => planned.has(uid) && image === baseline.newImage;
  return strategy === 'newServersOnly' && [...cluster.servers.values()].some(isSuch);
}

/**
 * 16: newServersOnly. Failed servers that a person wants tried again once the time of the watch is over are forgotten, and
 * nobody looks at them again.
 */
export function isRetriedTooLate({ release }: Situation): boolean {
  const { endedAt = 0, decisions } = release.state;
  const isOver = endedAt >= (release.progress.newServers?.until ?? Infinity);
  return isOver && decisions.some(({ verb, accepted }) => verb === 'retry' && accepted);
}

/** Known situations in which no resume, retry or skip helps. */
export function isKnownDeadEnd(situation: Situation): boolean {
  return hasOlderOnTheNew(situation);
}
