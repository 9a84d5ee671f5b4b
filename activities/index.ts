import { bakeWave, checkServers } from './check-servers.ts';
import { awaitReady } from './await-ready.ts';
import { changePriorities } from './change-priorities.ts';
import { inspectCluster } from './inspect-cluster.ts';
import type { Cluster, Metrics } from './ports.ts';
import { planReleaseActivity } from './preflight.ts';
import { reloadServers } from './reload-servers.ts';
import { reportingTrouble } from './runtime.ts';
import { rollbackSnapshot, tally, verifyFleet } from './verify-fleet.ts';
import { changeHold, openWave, restoreSet, rollBackSet, stageTemplate } from './write-set.ts';

/** What activities need from the outside. */
export interface ActivityDependencies {
  readonly cluster: Cluster;
  /** Where health checks by Prometheus are asked. Default: nowhere. */
  readonly metrics?: Metrics | undefined;
}

/** The activities of a worker: each takes one value, returns one, and may be repeated at any time. */
// The inferred type is the point: workflows take it, and writing it out would be a second list to keep.
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types
export function createActivities({ cluster, metrics }: ActivityDependencies) {
  return {
    planRelease: reportingTrouble(planReleaseActivity(cluster, metrics)),
    inspectCluster: reportingTrouble(inspectCluster(cluster)),
    changePriorities: reportingTrouble(changePriorities(cluster)),
    stageTemplate: reportingTrouble(stageTemplate(cluster)),
    openWave: reportingTrouble(openWave(cluster)),
    changeHold: reportingTrouble(changeHold(cluster)),
    awaitReady: reportingTrouble(awaitReady(cluster)),
    checkServers: reportingTrouble(checkServers(cluster, metrics)),
    reloadServers: reportingTrouble(reloadServers(cluster)),
    bakeWave: reportingTrouble(bakeWave(cluster, metrics)),
    verifyFleet: reportingTrouble(verifyFleet(cluster)),
    rollbackSnapshot: reportingTrouble(rollbackSnapshot(cluster)),
    rollBackSet: reportingTrouble(rollBackSet(cluster)),
    restoreSet: reportingTrouble(restoreSet(cluster)),
    tally: reportingTrouble(tally(cluster)),
  };
}

/** The activities as workflows call them. */
export type Activities = ReturnType<typeof createActivities>;
