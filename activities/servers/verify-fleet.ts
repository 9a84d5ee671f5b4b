import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import { isSamePod } from '../../release/fleet/identity.ts';
import { fingerprint, restartsOf } from '../../release/fleet/run.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { judgeOutsider } from '../../release/checks/server.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import { cancellation } from '../runtime.ts';
import type { Sets } from '../ports/set.ts';
import type { Servers } from '../ports/servers.ts';
import { unpackServers } from '../../release/fleet/server-rows.ts';
import type { ServerRows } from '../../release/fleet/server-rows.ts';

/** Look at the whole fleet: nobody outside the waves so far has moved, no main container restarted. */
export interface VerifyFleetInput {
  readonly set: SetRef;
  readonly container: string;
  readonly moved: ServerRows;
  readonly outsiders: ServerRows;
}

/** Count what players would have felt. */
export interface TallyInput {
  readonly set: SetRef;
  readonly container: string;
  readonly servers: ServerRows;
}

/** Restarts of main containers and recreated pods since the plan. */
export interface Tally {
  readonly restartsOfMainContainers: number;
  readonly recreatedPods: number;
}

/** Looks at every server of the set once: those outside the waves so far are what they were, nobody's main container restarted. */
export function verifyFleet(cluster: Sets & Servers): (input: VerifyFleetInput) => Promise<StepReport> {
  return async ({ set, container, ...input }) => {
    const [moved, outsiders] = [unpackServers(set, input.moved), unpackServers(set, input.outsiders)];
    const { servers } = await cluster.listServers(set, {}, cancellation());
    const live = new Map(servers.map((server) => [server.name, server]));
    const failures = [
      ...outsiders.flatMap((planned) => failureOf(planned, live.get(planned.name), container)),
      ...moved.flatMap((planned) => disturbed(planned, live.get(planned.name), container)),
    ];
    return stepReport(moved.length + outsiders.length - failures.length, failures);
  };
}

function failureOf(planned: PlannedServer, server: ServerView | undefined, sidecar: string): ServerFailure[] {
  const judgement = judgeOutsider(server, planned, sidecar);
  return judgement.kind === 'failed'
    ? [{ server: planned.name, class: judgement.class, reason: judgement.reason }]
    : [];
}

/** A server that has moved may differ from the plan in its sidecar, and in nothing else. */
function disturbed(planned: PlannedServer, server: ServerView | undefined, container: string): ServerFailure[] {
  const { [container]: _sidecar, ...mainContainers } = planned.containers;
  return failureOf({ ...planned, containers: mainContainers }, server, container);
}

/** Counts what players would have felt since the plan. */
export function tally(cluster: Sets & Servers): (input: TallyInput) => Promise<Tally> {
  return async ({ set, container, servers: rows }) => {
    const planned = unpackServers(set, rows);
    const { servers } = await cluster.listServers(set, {}, cancellation());
    const live = new Map(servers.map((server) => [server.name, server]));
    const counts = planned.map((wanted) => {
      const server = live.get(wanted.name);
      // A server that is not there any more was taken away, and nobody has come in its place.
      if (!server) return { restarts: 0, recreated: 0 };
      if (!isSamePod(server, wanted)) return { restarts: 0, recreated: 1 };
      return { restarts: mainRestarts(server, wanted, container), recreated: 0 };
    });
    return {
      restartsOfMainContainers: counts.reduce((sum, { restarts }) => sum + restarts, 0),
      recreatedPods: counts.reduce((sum, { recreated }) => sum + recreated, 0),
    };
  };
}

function mainRestarts(server: ServerView, planned: PlannedServer, container: string): number {
  return Object.entries(planned.containers)
    .filter(([name]) => name !== container)
    .reduce((sum, [name, before]) => sum + restartsOf(fingerprint(server, name)) - restartsOf(before), 0);
}
