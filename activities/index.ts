import { bakeWave, checkServers } from './probes/check-servers.ts';
import { admitServers } from './servers/admit-servers.ts';
import { deliverNotice, readSinks } from './notices/deliver-notice.ts';
import { tellCourier } from './notices/tell-courier.ts';
import { awaitReady } from './servers/await-ready.ts';
import { checkCalendar } from './preflight/check-calendar.ts';
import { changePriorities } from './game-servers/change-priorities.ts';
import { followNewServers } from './servers/follow-new-servers.ts';
import { haltReleases, letReleasesGo } from './halt/halt-releases.ts';
import { describeSetActivity } from './preflight/describe-set.ts';
import { inspectCluster } from './preflight/inspect-cluster.ts';
import { inspectServers } from './monitor/inspect-servers.ts';
import { findNewcomers, whereabouts } from './servers/membership.ts';
import { overrideServers } from './game-servers/override-servers.ts';
import { planRollbackActivity } from './preflight/plan-rollback.ts';
import { planReleaseActivity } from './preflight/preflight.ts';
import { answerAudit } from './audit/answer-audit.ts';
import { readAuditHead, readAuditPage } from './audit/read-audit.ts';
import { lookingAgain } from './set/guarded-write.ts';
import { openWave } from './set/open-wave.ts';
import { recordStuck } from './set/record-stuck.ts';
import { reloadServers } from './probes/reload-servers.ts';
import { leased, underLease } from './lease.ts';
import type { Heartbeats } from './ports/heartbeats.ts';
import { reportingTrouble } from './runtime.ts';
import { tellingTrouble } from './telling-trouble.ts';
import { settleOverrides } from './game-servers/settle-overrides.ts';
import { lookAtFleet } from './servers/look-at-fleet.ts';
import { rollbackSnapshot } from './servers/rollback-snapshot.ts';
import { tally, verifyFleet } from './servers/verify-fleet.ts';
import { watchMonitor } from './monitor/watch-servers.ts';
import { rollBackSet } from './set/roll-back-set.ts';
import { watchSet } from './set/watch-set.ts';
import {
  changeControls,
  reassertSet,
  recordRelease,
  restoreSet,
  rollBackNewServers,
  stageForNewServers,
  stageTemplate,
  verifyTemplate,
} from './set/write-set.ts';
import { weighBeginnings } from './policy/weigh-beginning.ts';
import { weighDecisions } from './policy/weigh-decisions.ts';
import type { Calendar } from './ports/calendar.ts';
import type { Cluster } from './ports/cluster.ts';
import type { Metrics } from './ports/metrics.ts';
import type { Couriers } from './ports/couriers.ts';
import type { NoticeSender } from './ports/notice-sender.ts';
import type { PolicySource } from './ports/policy.ts';
import { NO_RELEASES } from './ports/releases.ts';
import type { Releases } from './ports/releases.ts';
import { NO_TROUBLES } from './ports/troubles.ts';
import type { Troubles } from './ports/troubles.ts';

/** The ports that activities need from the outside. */
export interface ActivityDependencies {
  readonly cluster: Cluster;
  /** Where an attempt asks whether it is still the one that works. */
  readonly heartbeats: Heartbeats;
  /** Where health checks by Prometheus are asked. Default: nowhere. */
  readonly metrics?: Metrics | undefined;
  /** The other releases of the same Temporal. Default: there are none. */
  readonly releases?: Releases | undefined;
  /** The freeze windows of the cluster. Default: only those of each release. */
  readonly calendar?: Calendar | undefined;
  /** The people who may decide in the cluster, and who is told what people must know. Default: anybody, and nobody. */
  readonly policy?: PolicySource | undefined;
  /** The couriers of the same Temporal. Default: there are none. */
  readonly couriers?: Couriers | undefined;
  /** The sender to HTTP sinks. Default: nothing does. */
  readonly sender?: NoticeSender | undefined;
  /** Where an activity says that its call fails and is made again. Default: nowhere. */
  readonly troubles?: Troubles | undefined;
  /** True once the worker takes no more work: watches then end at once. Default: never. */
  readonly isStopping?: () => boolean;
}

/** The activities of a worker: each takes one value, returns one, and may be repeated at any time. */
// The inferred type is the point: workflows take it, and writing it out would be a second list to keep.
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types
export function createActivities({
  cluster: whole,
  heartbeats,
  metrics,
  calendar,
  policy,
  couriers,
  sender,
  releases = NO_RELEASES,
  troubles = NO_TROUBLES,
  isStopping = () => false,
}: ActivityDependencies) {
  const cluster = underLease(whole);
  const activity = <Input, Output>(run: (input: Input) => Promise<Output>): ((input: Input) => Promise<Output>) =>
    leased(heartbeats, reportingTrouble(tellingTrouble(troubles, run)));
  return {
    planRelease: activity(planReleaseActivity({ cluster, metrics, calendar, releases }, policy)),
    checkCalendar: activity(checkCalendar(calendar)),
    inspectCluster: activity(inspectCluster(cluster, calendar, policy)),
    describeSet: activity(describeSetActivity(cluster)),
    weighBeginnings: activity(weighBeginnings(policy)),
    weighDecisions: activity(weighDecisions(policy, releases)),
    changePriorities: activity(changePriorities(cluster)),
    stageTemplate: activity(lookingAgain(stageTemplate(cluster, releases))),
    whereabouts: activity(whereabouts(cluster)),
    findNewcomers: activity(findNewcomers(cluster)),
    watchSet: activity(watchSet(cluster, isStopping)),
    reassertSet: activity(lookingAgain(reassertSet(cluster))),
    openWave: activity(lookingAgain(openWave(cluster))),
    changeControls: activity(lookingAgain(changeControls(cluster, releases))),
    awaitReady: activity(awaitReady(cluster)),
    admitServers: activity(admitServers(cluster)),
    overrideServers: activity(overrideServers(cluster)),
    settleOverrides: activity(settleOverrides(cluster)),
    stageForNewServers: activity(lookingAgain(stageForNewServers(cluster, releases))),
    verifyTemplate: activity(verifyTemplate(cluster)),
    rollBackNewServers: activity(rollBackNewServers(cluster)),
    recordRelease: activity(recordRelease(cluster, releases)),
    followNewServers: activity(followNewServers(cluster)),
    checkServers: activity(checkServers(cluster, metrics)),
    reloadServers: activity(reloadServers(cluster)),
    bakeWave: activity(bakeWave(cluster, metrics)),
    lookAtFleet: activity(lookAtFleet(cluster)),
    verifyFleet: activity(verifyFleet(cluster)),
    rollbackSnapshot: activity(rollbackSnapshot(cluster)),
    rollBackSet: activity(lookingAgain(rollBackSet(cluster))),
    restoreSet: activity(lookingAgain(restoreSet(cluster))),
    planRollback: activity(planRollbackActivity(cluster, releases, policy)),
    recordStuck: activity(recordStuck(cluster, releases)),
    tally: activity(tally(cluster)),
    answerAudit: activity(answerAudit(cluster)),
    readAuditHead: activity(readAuditHead(cluster)),
    readAuditPage: activity(readAuditPage(cluster)),
    watchMonitor: activity(watchMonitor(cluster, isStopping)),
    inspectServers: activity(inspectServers(cluster)),
    haltReleases: activity(haltReleases(releases, isStopping, { policy })),
    letReleasesGo: activity(letReleasesGo(releases)),
    tellCourier: activity(tellCourier(couriers)),
    readSinks: activity(readSinks(policy)),
    deliverNotice: activity(deliverNotice(policy, sender, cluster)),
  };
}

/** The activities as workflows call them. */
export type Activities = ReturnType<typeof createActivities>;
