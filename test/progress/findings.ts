import { isSameRun } from '../../release/fleet/run.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { excludedServers } from '../../release/progress/groups.ts';
import { rowOf } from '../../release/progress/table.ts';
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

/**
 * 1: rollback. Nobody asks a newcomer for the old version that came between the look at the servers and the write, or
 * whose image somebody's edit has taken back before: its image is the old one, and its engine has the new version loaded.
 */
export function isOverlookedNewcomer({ release, planned }: Situation, name: string, { uid }: SimulatedServer): boolean {
  return !planned.has(uid) && release.progress.back?.groups?.some((names) => names.includes(name)) !== true;
}

/**
 * 2: adopted servers do not go by who goes on. One that is gone, recreated, restarted or excluded is waited for in the
 * adoption and, on the way back, for its proof of the new version; nobody can accept or skip it.
 */
function lacksAdopted({ release, cluster }: Situation): boolean {
  return release.plan.adopted.some(
    (server) => hasChanged(cluster, server) || rowOf(release, server.name).excluded !== undefined,
  );
}

/** 3: a newcomer that was proved and has lost its proof is asked for ever when it then fails within the tolerance. */
export function isLoopOfNewcomers({ release }: Pick<Situation, 'release'>): boolean {
  const { state, progress } = release;
  return progress.newcomers.proved.some(({ name }) => state.failures.some(({ server }) => server === name));
}

/** 4: newServersOnly. New servers that are gone since count as proving, older ones as having stayed. */
export function hasLostServers({ release, cluster }: Situation): boolean {
  const live = new Set([...cluster.servers.values()].map(({ uid }) => uid));
  const proved = release.progress.newServers?.proved ?? [];
  return [...proved, ...release.plan.bystanders].some(({ uid }) => !live.has(uid));
}

/** 5: a newcomer that was proved and then recreated stays among the proved ones, beside its successor. */
export function isNamedTwice({ release }: Situation, name: string): boolean {
  return release.progress.newcomers.proved.filter((one) => one.name === name).length > 1;
}

/** 6: newServersOnly, rolled back. New servers that have not proved the version stay on it, and are not named. */
export function isSettledAndUnnamed({ release }: Situation, { uid }: SimulatedServer): boolean {
  return release.progress.newServers?.settled.includes(uid) === true;
}

/** 7: the partition that is written over an edit lets others move when servers came with another image meanwhile. */
export function isReopened({ release, cluster, planned }: Situation): boolean {
  return release.progress.foreign.hasMoved === true && hasNewcomers({ cluster, planned });
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

/** 10: a server that runs the new image already and whose container has restarted is never accepted, nor 11: one that an edit has moved. */
function hasUnaccepted({ release, cluster, planned }: Situation): boolean {
  const { plan } = release;
  const isMoved = cluster.log.some((entry) => entry.kind === 'moved' && entry.isForeign && planned.has(entry.uid));
  return isMoved || plan.alreadyUpdated.some((server) => hasChanged(cluster, server));
}

/** 12: targeted. A server that is recreated stops it for ever, also one that was not chosen. */
function hasRecreatedOnes({ release, cluster }: Situation): boolean {
  const { strategy, bystanders, waves, alreadyUpdated } = release.plan;
  const all = [...bystanders, ...alreadyUpdated, ...waves.flatMap(({ servers }) => servers)];
  return strategy === 'targeted' && all.some(({ name, uid }) => cluster.servers.get(name)?.uid !== uid);
}

/**
 * 13: rolling. A server that comes while a wave is open uses up the place of one of the wave in Kruise's quota, and the set
 * is never opened again for that one.
 */
function hasNewcomers({ cluster, planned }: Pick<Situation, 'cluster' | 'planned'>): boolean {
  return [...cluster.servers.values()].some(({ uid }) => !planned.has(uid));
}

/**
 * 14: rolling. A server that is excluded and that the template has not moved (its wave was brought back or it was skipped
 * before the set was opened for it) is a stranger whenever the set is opened after that.
 */
function hasStranger({ release, cluster }: Situation): boolean {
  const { strategy, baseline } = release.plan;
  const isStaying = (name: string): boolean =>
    (cluster.servers.get(name)?.template ?? baseline.newImage) !== baseline.newImage;
  return strategy === 'rolling' && [...excludedServers(release)].some(isStaying);
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
  return [lacksAdopted, hasOlderOnTheNew, hasUnaccepted, hasRecreatedOnes, hasNewcomers, hasStranger].some((is) =>
    is(situation),
  );
}

function hasChanged(cluster: SimulatedCluster, { name, uid, containers }: PlannedServer): boolean {
  const live = cluster.planned(name);
  const isSame = ([container, run]: readonly [string, string]): boolean =>
    isSameRun(run, live?.containers[container] ?? '');
  return live?.uid !== uid || !Object.entries(containers).every(isSame);
}
