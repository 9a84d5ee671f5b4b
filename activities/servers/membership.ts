import type { SetRef } from '../../release/fleet/fleet.ts';
import { containerOf, isServing } from '../../release/fleet/fleet.ts';
import { isSamePod } from '../../release/fleet/identity.ts';
import { isUnsettled } from '../../release/fleet/newcomers.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import { cancellation, heartbeat, pause } from '../runtime.ts';
import type { Sets } from '../ports/set.ts';
import type { Servers } from '../ports/servers.ts';
import type { KnownOnes } from '../../release/fleet/newcomers.ts';
import { packServers, unpackServers } from '../../release/fleet/server-rows.ts';
import type { ServerRows } from '../../release/fleet/server-rows.ts';

/** Find out what became of servers whose pods are not the planned ones any more. */
export interface WhereaboutsInput {
  readonly set: SetRef;
  readonly servers: ServerRows;
  /** Until when a pod may take to come back; milliseconds since the epoch. */
  readonly deadline: number;
}

/** The two lists of missing servers; who is in neither list is not known to be gone. */
export interface Whereabouts {
  /** The set has all the servers that it is to have, without these. */
  readonly gone: readonly string[];
  /** Another pod has their name. */
  readonly recreated: readonly string[];
}

/** Find the servers that came while a release ran, and wait until they serve. */
export interface FindNewcomersInput extends KnownOnes {
  readonly set: SetRef;
  /** The containers of the set's template. */
  readonly containers: readonly string[];
  /** The container whose image the release changes, and that image. */
  readonly container: string;
  readonly image: string;
  /** Until when they may take to serve; milliseconds since the epoch. */
  readonly deadline: number;
}

/** The newcomers that serve, at most 1,000, and those that do not. */
export interface Newcomers {
  readonly servers: ServerRows;
  /** Names of those in `servers` that run another image than the release's. */
  readonly old: readonly string[];
  readonly notServing: ServerRows;
}

const LOOK_MS = 500;
/** Most newcomers in one answer; who asks again gets the others. */
const MOST_NEWCOMERS = 1_000;

/**
 * Finds out what became of servers whose pods are not the planned ones any more. A set that has as many servers as it is to
 * have does without those that are missing; in any other the missing ones are waited for.
 */
export function whereabouts(cluster: Sets & Servers): (input: WhereaboutsInput) => Promise<Whereabouts> {
  return async ({ set, servers: rows, deadline }) => {
    const servers = unpackServers(set, rows);
    for (;;) {
      const [live, { servers: present }] = await Promise.all([
        cluster.readSet(set, cancellation()),
        cluster.listServers(set, {}, cancellation()),
      ]);
      const staying = new Map(present.filter(({ deleting }) => !deleting).map((server) => [server.name, server]));
      const isComplete = live !== undefined && staying.size >= live.replicas;
      const names = (isSo: (server: PlannedServer) => boolean): string[] =>
        servers.filter(isSo).map(({ name }) => name);
      const missing = names(({ name }) => !staying.has(name));
      const recreated = names((planned) => {
        const server = staying.get(planned.name);
        return server !== undefined && !isSamePod(server, planned);
      });
      if (missing.length === 0 || isComplete || Date.now() >= deadline)
        return { gone: isComplete ? missing : [], recreated };
      heartbeat({ v: 1, missing: missing.length });
      await pause(LOOK_MS);
    }
  };
}

/** Finds the servers that came while a release ran, and waits until they serve or the time is over. */
export function findNewcomers(cluster: Sets & Servers): (input: FindNewcomersInput) => Promise<Newcomers> {
  return async ({ set, planned, containers, settled, container, image, deadline }) => {
    const isNew = isUnsettled({ planned, settled });
    for (;;) {
      const { servers } = await cluster.listServers(set, {}, cancellation());
      const came = servers.filter(isNew).slice(0, MOST_NEWCOMERS);
      const waiting = came.filter((server) => !isServing(server));
      if (waiting.length === 0 || Date.now() >= deadline) {
        const serving = came.filter(isServing);
        const old = serving.filter((server) => containerOf(server.containers, container)?.image !== image);
        return {
          servers: packServers(serving.map((server) => plannedServer(server, containers))),
          old: old.map(({ name }) => name),
          notServing: packServers(waiting.map((server) => plannedServer(server, containers))),
        };
      }
      heartbeat({ v: 1, waiting: waiting.length });
      await pause(LOOK_MS);
    }
  };
}
