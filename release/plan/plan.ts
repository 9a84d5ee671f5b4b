import type { GameServerSetView, GameServerView, ServerView, SetRef } from '../fleet/fleet.ts';
import { shortUid } from '../fleet/identity.ts';
import type { ContainerRun } from '../fleet/run.ts';
import { fingerprint } from '../fleet/run.ts';
import type { SetBaseline } from '../patches/patches.ts';
import type { EarlierVersion } from '../record/record.ts';
import type { ReleaseSpec } from '../spec/spec.ts';
import type { RollbackTarget } from './rollback-target.ts';

/**
 * A server as the plan found it. `containers` holds the run of each container of the set's template, so that a restart
 * during the release is seen even when it happens between two looks. The containers that others inject into pods are
 * not the release's.
 */
export interface PlannedServer {
  readonly name: string;
  readonly ordinal: number;
  /** The short form of the pod's uid. */
  readonly uid: string;
  readonly containers: Readonly<Record<string, ContainerRun>>;
}

/** Servers that move together, fixed by identity when the release is planned. */
export interface Wave {
  /** From 1. */
  readonly number: number;
  readonly name: string;
  readonly servers: readonly PlannedServer[];
}

/** A priority that the plan gives a server for the time of the release. */
export interface PriorityChange {
  readonly name: string;
  /** The value that is replaced, and put back at the end. */
  readonly from: number | string;
  readonly to: number | string;
  /** The state that a release left half-way has given the set, and what is there until this one begins. */
  readonly left?: number | string | undefined;
}

/** The work of a release to come, as a value: printable, comparable, and all that the workflow needs. */
export interface Plan {
  readonly v: 1;
  readonly strategy: ReleaseSpec['strategy'];
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  /** The containers of the set's template; pods may have others beside them. */
  readonly containers: readonly string[];
  readonly version: string;
  readonly previousVersion: string;
  /** The rollback target, and why to that. Absent in plans of older versions. */
  readonly rollbackTo?: RollbackTarget | undefined;
  readonly waves: readonly Wave[];
  /** Servers that already run the new image, but for the adopted ones; they are in no wave. */
  readonly alreadyUpdated: readonly PlannedServer[];
  /**
   * Those of `alreadyUpdated` and `adopted` whose engine does not prove the version: an earlier release may have ended
   * between image and reload. They are made to load it after the waves.
   */
  readonly unproved: readonly string[];
  /**
   * Strategy rolling: servers that run the new image through an override of their GameServer. They are the last to be
   * taken into the template's revision, without a restart, and then lose the override.
   */
  readonly adopted: readonly PlannedServer[];
  /** Servers that the release must not touch: those that were not chosen, or, with newServersOnly, all that exist. */
  readonly bystanders: readonly PlannedServer[];
  /** Strategy targeted: servers in waves that had an override of the image before. */
  readonly overridden: readonly string[];
  /**
   * Strategy rolling: names of servers that run neither the old nor the new image. A rollback takes them to the old one,
   * also those whose wave has not come. Left out when there are none.
   */
  readonly mixed?: readonly string[];
  /** Strategy targeted: the image that an earlier release has left on some of the chosen servers, half-way. */
  readonly leftOn?: string | undefined;
  /** The versions of earlier releases on servers that this one does not move. Left out when there is nothing to say. */
  readonly earlier?: readonly EarlierVersion[];
  readonly priorities: readonly PriorityChange[];
  /**
   * When the youngest pod of the set was made, milliseconds since the epoch by the API server's clock: what is younger came
   * while the release ran. Absent in plans of older versions.
   */
  readonly youngestPod?: number | undefined;
  /** The same for its GameServers: a younger one was recreated, and starts without the priority that its forerunner had. */
  readonly youngestGameServer?: number | undefined;
  /** Servers that may be without their sidecar at once; with rolling counted over the whole set as Kruise counts. */
  readonly maxUnavailable: number;
  readonly tolerate: number;
  readonly warnings: readonly string[];
  /** Changes when what would be done changes. */
  readonly hash: string;
}

/** Why there can be no plan, in sentences that say what to do. */
export interface PlanRefusal {
  readonly refusals: readonly string[];
}

/** The live set as planning reads it. */
export interface FleetSnapshot {
  readonly set: GameServerSetView;
  readonly servers: readonly ServerView[];
  readonly gameServers: readonly GameServerView[];
}

/** A server by identity, with the runs of these containers: those of the set's template. */
export function plannedServer(server: ServerView, containers: readonly string[]): PlannedServer {
  const runs = Object.fromEntries(containers.map((name) => [name, fingerprint(server, name)]));
  return { name: server.name, ordinal: server.ordinal, uid: shortUid(server.uid), containers: runs };
}

/** True when there is a plan rather than reasons against one. */
export function isPlan(result: Plan | PlanRefusal): result is Plan {
  return 'waves' in result;
}
