import { bakeWave, checkServers } from './probes/check-servers.ts';
import { admitServers } from './servers/admit-servers.ts';
import { awaitReady } from './servers/await-ready.ts';
import { checkCalendar } from './preflight/check-calendar.ts';
import { changePriorities } from './game-servers/change-priorities.ts';
import { followNewServers } from './servers/follow-new-servers.ts';
import { holdLine, letLineGo } from './halt/halt-releases.ts';
import { inspectCluster } from './preflight/inspect-cluster.ts';
import { inspectServers } from './monitor/inspect-servers.ts';
import { findNewcomers, whereabouts } from './servers/membership.ts';
import { overrideServers } from './game-servers/override-servers.ts';
import { planRollbackActivity } from './preflight/plan-rollback.ts';
import { planReleaseActivity } from './preflight/preflight.ts';
import { readLedgerHead, readLedgerPage } from './audit/read-audit.ts';
import { recordStuck } from './set/record-stuck.ts';
import { reloadServers } from './probes/reload-servers.ts';
import { reportingTrouble } from './runtime.ts';
import { settleOverrides } from './game-servers/settle-overrides.ts';
import { lookAtFleet } from './servers/look-at-fleet.ts';
import { rollbackSnapshot, tally, verifyFleet } from './servers/verify-fleet.ts';
import { watchGuard } from './monitor/watch-servers.ts';
import { watchSet } from './set/watch-set.ts';
import {
  changeHold,
  openWave,
  reassertSet,
  recordRelease,
  restoreSet,
  rollBackNewServers,
  rollBackSet,
  stageForNewServers,
  stageTemplate,
  verifyTemplate,
} from './set/write-set.ts';
import type { Calendar } from './ports/calendar.ts';
import type { Cluster } from './ports/cluster.ts';
import type { Metrics } from './ports/metrics.ts';
import { NO_RELEASES } from './ports/releases.ts';
import type { Releases } from './ports/releases.ts';

/** What activities need from the outside. */
export interface ActivityDependencies {
  readonly cluster: Cluster;
  /** Where health checks by Prometheus are asked. Default: nowhere. */
  readonly metrics?: Metrics | undefined;
  /** The other releases of the same Temporal. Default: there are none. */
  readonly releases?: Releases | undefined;
  /** The freeze windows of the cluster. Default: only those of each release. */
  readonly calendar?: Calendar | undefined;
  /** True once the worker takes no more work: watches then end at once. Default: never. */
  readonly isStopping?: () => boolean;
}

/** The activities of a worker: each takes one value, returns one, and may be repeated at any time. */
// The inferred type is the point: workflows take it, and writing it out would be a second list to keep.
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types
export function createActivities({
  cluster,
  metrics,
  calendar,
  releases = NO_RELEASES,
  isStopping = () => false,
}: ActivityDependencies) {
  return {
    planRelease: reportingTrouble(planReleaseActivity({ cluster, metrics, calendar, releases })),
    checkCalendar: reportingTrouble(checkCalendar(calendar)),
    inspectCluster: reportingTrouble(inspectCluster(cluster, calendar)),
    changePriorities: reportingTrouble(changePriorities(cluster)),
    stageTemplate: reportingTrouble(stageTemplate(cluster, releases)),
    whereabouts: reportingTrouble(whereabouts(cluster)),
    findNewcomers: reportingTrouble(findNewcomers(cluster)),
    watchSet: reportingTrouble(watchSet(cluster, isStopping)),
    reassertSet: reportingTrouble(reassertSet(cluster)),
    openWave: reportingTrouble(openWave(cluster)),
    changeHold: reportingTrouble(changeHold(cluster, releases)),
    awaitReady: reportingTrouble(awaitReady(cluster)),
    admitServers: reportingTrouble(admitServers(cluster)),
    overrideServers: reportingTrouble(overrideServers(cluster)),
    settleOverrides: reportingTrouble(settleOverrides(cluster)),
    stageForNewServers: reportingTrouble(stageForNewServers(cluster, releases)),
    verifyTemplate: reportingTrouble(verifyTemplate(cluster)),
    rollBackNewServers: reportingTrouble(rollBackNewServers(cluster)),
    recordRelease: reportingTrouble(recordRelease(cluster, releases)),
    followNewServers: reportingTrouble(followNewServers(cluster)),
    checkServers: reportingTrouble(checkServers(cluster, metrics)),
    reloadServers: reportingTrouble(reloadServers(cluster)),
    bakeWave: reportingTrouble(bakeWave(cluster, metrics)),
    lookAtFleet: reportingTrouble(lookAtFleet(cluster)),
    verifyFleet: reportingTrouble(verifyFleet(cluster)),
    rollbackSnapshot: reportingTrouble(rollbackSnapshot(cluster)),
    rollBackSet: reportingTrouble(rollBackSet(cluster)),
    restoreSet: reportingTrouble(restoreSet(cluster)),
    planRollback: reportingTrouble(planRollbackActivity(cluster, releases)),
    recordStuck: reportingTrouble(recordStuck(cluster, releases)),
    tally: reportingTrouble(tally(cluster)),
    readLedgerHead: reportingTrouble(readLedgerHead(cluster)),
    readLedgerPage: reportingTrouble(readLedgerPage(cluster)),
    watchGuard: reportingTrouble(watchGuard(cluster, isStopping)),
    inspectServers: reportingTrouble(inspectServers(cluster)),
    holdLine: reportingTrouble(holdLine(releases, isStopping)),
    letLineGo: reportingTrouble(letLineGo(releases)),
  };
}

/** The activities as workflows call them. */
export type Activities = ReturnType<typeof createActivities>;
