import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import { containerOf, isServing } from '../../release/fleet/fleet.ts';
import { goingBack, isUnsettled } from '../../release/fleet/newcomers.ts';
import type { PlannedOnes } from '../../release/fleet/newcomers.ts';
import { NO_RUN, fingerprint, isSameRun } from '../../release/fleet/run.ts';
import { packServers, unpackServers } from '../../release/fleet/server-rows.ts';
import type { ServerRows } from '../../release/fleet/server-rows.ts';
import type { SetBaseline } from '../../release/patches/patches.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import type { Servers } from '../ports/servers.ts';
import type { Sets } from '../ports/set.ts';
import { cancellation, heartbeat, pause } from '../runtime.ts';

/** How each server stands when a rollback begins. */
export interface RollbackSnapshotInput {
  readonly planned: PlannedOnes;
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  /** The containers of the set's template. */
  readonly containers: readonly string[];
  readonly servers: ServerRows;
  /** Names servers that came meanwhile, whatever image they have. Default only those that have to go back. */
  readonly isSweep?: boolean | undefined;
  /** Short uids of those who came and were dealt with. */
  readonly known?: readonly string[] | undefined;
  /** With `isSweep`: until when whoever came may take to serve, milliseconds since the epoch. */
  readonly deadline?: number | undefined;
}

/** Fingerprints of the sidecars that have to go in a rollback, and which servers had been touched. */
export interface RollbackSnapshot {
  readonly before: Readonly<Record<string, string>>;
  readonly touched: readonly string[];
  /** Servers that have to go back, too: they came while the release ran. */
  readonly newcomers: ServerRows;
  /** Servers that came and do not serve in time: nobody knows what they will have loaded. */
  readonly notServing: ServerRows;
  /** Names of servers that the set does not have any more. */
  readonly gone: readonly string[];
}

/**
 * How each server stands when a rollback begins: the fingerprint of a sidecar that has to go, and whether the server had
 * moved at all. A sidecar that is asked to run the old image already may be the one that an earlier rollback started.
 */
export function rollbackSnapshot(cluster: Sets & Servers): (input: RollbackSnapshotInput) => Promise<RollbackSnapshot> {
  return async (input) => {
    const { set, baseline, containers: template, servers: rows } = input;
    const planned = unpackServers(set, rows);
    const { servers, came } = await settled(cluster, input, new Set(planned.map(({ name }) => name)));
    const { before, touched } = stateOf(planned, servers, baseline);
    const newcomers = came.filter((server) => mustGoBack(server, baseline));
    for (const server of newcomers) before[server.name] = fingerprint(server, baseline.container);
    // Its image may have been taken back by others while its engine kept what it had loaded: it is asked.
    const others = input.isSweep === true ? came.filter((server) => !mustGoBack(server, baseline)) : [];
    return {
      before,
      touched: [...touched, ...newcomers.map(({ name }) => name)],
      newcomers: packServers([
        ...newcomers.map((server) => goingBack(server, baseline.container, template)),
        ...others.filter(isServing).map((server) => plannedServer(server, template)),
      ]),
      notServing: packServers(
        others.filter((server) => !isServing(server)).map((server) => plannedServer(server, template)),
      ),
      gone: await goneOf(cluster, set, planned, servers),
    };
  };
}

interface Settled {
  readonly servers: readonly ServerView[];
  readonly came: readonly ServerView[];
}

/** The servers, once whoever came meanwhile serves, where that is waited for. */
async function settled(
  cluster: Servers,
  { set, baseline, planned, known = [], isSweep, deadline = 0 }: RollbackSnapshotInput,
  reached: ReadonlySet<string>,
): Promise<Settled> {
  const isNew = isUnsettled({ planned, settled: known });
  for (;;) {
    const { servers } = await cluster.listServers(set, {}, cancellation());
    const came = servers.filter((server) => !reached.has(server.name) && isNew(server));
    const waiting = came.filter((server) => !isServing(server) && !mustGoBack(server, baseline));
    if (isSweep !== true || waiting.length === 0 || Date.now() >= deadline) return { servers, came };
    heartbeat({ v: 1, waiting: waiting.length });
    await pause(LOOK_MS);
  }
}

/** Which sidecars have to go, and which servers had been touched. */
function stateOf(
  planned: readonly PlannedServer[],
  servers: readonly ServerView[],
  { container, oldImage }: RollbackSnapshotInput['baseline'],
): { readonly before: Record<string, string>; readonly touched: readonly string[] } {
  const live = new Map(servers.map((server) => [server.name, server]));
  const before: Record<string, string> = {};
  const touched: string[] = [];
  for (const { name, containers } of planned) {
    const server = live.get(name);
    if (!server) continue;
    const now = fingerprint(server, container);
    const isOld = containerOf(server.containers, container)?.image === oldImage;
    if (!isOld) before[name] = now;
    if (!isOld || !isSameRun(containers[container] ?? NO_RUN, now)) touched.push(name);
  }
  return { before, touched };
}

const LOOK_MS = 500;

/** It runs what is taken back; one that has never run anything has nothing to be brought back from. */
function mustGoBack(server: ServerView, { container, oldImage }: RollbackSnapshotInput['baseline']): boolean {
  const found = containerOf(server.containers, container);
  return !server.deleting && found?.status !== undefined && found.image !== oldImage;
}

/** Servers that the set does without: it has as many as it is to have. */
async function goneOf(
  cluster: Sets & Servers,
  set: RollbackSnapshotInput['set'],
  planned: readonly PlannedServer[],
  servers: readonly ServerView[],
): Promise<string[]> {
  const staying = new Set(servers.filter(({ deleting }) => !deleting).map(({ name }) => name));
  const missing = planned.filter(({ name }) => !staying.has(name)).map(({ name }) => name);
  if (missing.length === 0) return [];
  const live = await cluster.readSet(set, cancellation());
  return live && staying.size >= live.replicas ? missing : [];
}
