import type { GameServerSetView, GameServerView, ServerView, SetRef } from './fleet.ts';
import { containerOf, isServing } from './fleet.ts';
import { hashOf } from './hash.ts';
import { priorityValue, updateOrder } from './order.ts';
import type { SetBaseline } from './patches.ts';
import { setBaseline } from './patches.ts';
import { resolveCount } from './quantity.ts';
import type { ReleaseSpec, ServerSelection } from './spec.ts';
import { imageTag, updatedContainer } from './spec.ts';

/**
 * A server as the plan found it. `containers` holds a fingerprint per container, so that a restart during the
 * release is seen even when it happens between two looks.
 */
export interface PlannedServer {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  readonly containers: Readonly<Record<string, string>>;
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
  readonly uid: string;
  readonly from: number | string;
  readonly to: number;
}

/** What a release will do, as a value: printable, comparable, and all that the workflow needs. */
export interface Plan {
  readonly v: 1;
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly version: string;
  readonly previousVersion: string;
  readonly waves: readonly Wave[];
  /** Servers that already run the new image; they are in no wave. */
  readonly alreadyUpdated: readonly string[];
  readonly priorities: readonly PriorityChange[];
  /** Servers that may be without their sidecar at once, counted over the whole set as Kruise counts. */
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

/** The fingerprint of a container's present run: restart count and the end of its container id. */
export function fingerprint(server: ServerView, container: string): string {
  const status = containerOf(server.containers, container)?.status;
  return status ? `${status.restartCount}:${status.containerId.slice(-12)}` : '-';
}

/** Splits the servers to move into waves, or says why not. Pure: the same snapshot gives the same plan. */
export function planRelease(spec: ReleaseSpec, snapshot: FleetSnapshot): Plan | PlanRefusal {
  const { set, servers } = snapshot;
  const { container, image } = updatedContainer(spec);
  const found = setBaseline(set, container, image);
  if (!found) return { refusals: [missingContainer(set, container)] };

  const moved = servers.filter((server) => containerOf(server.containers, container)?.image === image);
  const toMove = updateOrder(servers.filter((server) => !moved.includes(server)));
  const oldImages = [...new Set(toMove.map((server) => containerOf(server.containers, container)?.image ?? ''))];
  const oldImage =
    found.oldImage !== image ? found.oldImage : oldImages.length === 1 ? (oldImages[0] ?? '') : undefined;
  if (oldImage === undefined && toMove.length > 0) {
    return {
      refusals: [
        `the servers of ${set.ref.name} run ${oldImages.length} different images besides ${image} (${oldImages.join(', ')}) and the set's template already has the new one, so there is nothing to roll back to: bring them to one version first`,
      ],
    };
  }
  const baseline: SetBaseline = { ...found, oldImage: oldImage ?? found.oldImage };
  const grouped = groupIntoWaves(spec, toMove, snapshot);
  const refusals = [...grouped.refusals, ...versionRefusals(spec, image, baseline.oldImage)];
  if (refusals.length > 0) return { refusals };

  const waves = grouped.groups.map((group, index) => ({
    number: index + 1,
    name: group.name,
    servers: group.servers.map(plannedServer),
  }));
  const plan = {
    v: 1 as const,
    set: set.ref,
    baseline,
    version: spec.version ?? imageTag(image),
    previousVersion: spec.previousVersion ?? imageTag(baseline.oldImage),
    waves,
    alreadyUpdated: moved.map((server) => server.name),
    priorities: grouped.assigns ? assignPriorities(waves, snapshot.gameServers) : [],
    maxUnavailable:
      Math.max(1, resolveCount(spec.maxUnavailable, servers.length)) +
      servers.filter((server) => !isServing(server)).length,
    tolerate: resolveCount(spec.onFailure.tolerate, toMove.length),
    warnings: warningsOf(spec, baseline, snapshot, waves),
  };
  return {
    ...plan,
    hash: hashOf({ uid: baseline.uid, images: spec.images, waves, priorities: plan.priorities, spec }),
  };
}

/** True when there is a plan rather than reasons against one. */
export function isPlan(result: Plan | PlanRefusal): result is Plan {
  return 'waves' in result;
}

function missingContainer(set: GameServerSetView, container: string): string {
  if (set.initContainers.includes(container)) {
    return `container ${container} of ${set.ref.name} is an init container: only ordinary containers are updated in place`;
  }
  const names = set.containers.map((entry) => entry.name).join(', ');
  return `${set.ref.name} has no container ${container}: its template has ${names}`;
}

function versionRefusals(spec: ReleaseSpec, image: string, oldImage: string): string[] {
  const version = spec.version ?? imageTag(image);
  const previous = spec.previousVersion ?? imageTag(oldImage);
  if (image === oldImage || version !== previous) return [];
  return [
    `the new and the old version are both ${version}, so no proof could tell them apart: give spec.version and spec.previousVersion`,
  ];
}

function plannedServer(server: ServerView): PlannedServer {
  const containers = Object.fromEntries(server.containers.map(({ name }) => [name, fingerprint(server, name)]));
  return { name: server.name, ordinal: server.ordinal, uid: server.uid, containers };
}

interface Group {
  readonly name: string;
  readonly servers: readonly ServerView[];
}

interface Grouping {
  readonly groups: readonly Group[];
  readonly refusals: readonly string[];
  /** The groups do not follow the priorities that the servers have: the plan must assign its own. */
  readonly assigns: boolean;
}

function groupIntoWaves(spec: ReleaseSpec, ordered: readonly ServerView[], snapshot: FleetSnapshot): Grouping {
  if (!Array.isArray(spec.waves)) return { groups: groupByPriority(ordered), refusals: [], assigns: false };
  const groups: Group[] = [];
  const refusals: string[] = [];
  let remaining = ordered;
  for (const entry of spec.waves) {
    const taken = takeServers(entry, remaining, ordered.length, snapshot);
    if ('refusal' in taken) refusals.push(taken.refusal);
    else if (taken.servers.length > 0) groups.push(taken);
    if ('servers' in taken) remaining = remaining.filter((server) => !taken.servers.includes(server));
  }
  return { groups, refusals, assigns: spec.waves.some((entry) => typeof entry === 'object') };
}

type WaveEntry = Extract<ReleaseSpec['waves'], readonly unknown[]>[number];

function takeServers(
  entry: WaveEntry,
  remaining: readonly ServerView[],
  total: number,
  snapshot: FleetSnapshot,
): Group | { readonly refusal: string } {
  if (entry === 'rest') return { name: 'rest', servers: remaining };
  if (typeof entry !== 'object')
    return { name: String(entry), servers: remaining.slice(0, resolveCount(entry, total)) };
  const unknown = unknownServers(entry, snapshot);
  if (unknown.length > 0) {
    return {
      refusal: `wave ${entry.name} names servers that ${snapshot.set.ref.name} does not have: ${unknown.join(', ')}`,
    };
  }
  return { name: entry.name, servers: remaining.filter((server) => isSelected(server, entry, snapshot.gameServers)) };
}

function unknownServers(selection: ServerSelection, { servers }: FleetSnapshot): string[] {
  return (selection.servers ?? [])
    .filter((wanted) => !servers.some((server) => server.name === wanted || server.ordinal === wanted))
    .map(String);
}

function isSelected(server: ServerView, selection: ServerSelection, gameServers: readonly GameServerView[]): boolean {
  if (selection.servers) return selection.servers.some((wanted) => wanted === server.name || wanted === server.ordinal);
  if (selection.labels) return Object.entries(selection.labels).every(([key, value]) => server.labels[key] === value);
  const opsState = gameServers.find((gameServer) => gameServer.name === server.name)?.opsState ?? 'None';
  return selection.opsState?.includes(opsState) ?? false;
}

function groupByPriority(ordered: readonly ServerView[]): Group[] {
  const groups = new Map<string, ServerView[]>();
  for (const server of ordered) {
    const name = `priority ${priorityValue(server.labels['game.kruise.io/gs-update-priority'] ?? '')}`;
    groups.set(name, [...(groups.get(name) ?? []), server]);
  }
  return [...groups].map(([name, servers]) => ({ name, servers }));
}

/**
 * Priorities that make Kruise's order the order of the waves: 10 for the last wave, 10 more for each earlier one.
 * Servers in no wave get 0, so that an unforeseen one comes last.
 */
function assignPriorities(waves: readonly Wave[], gameServers: readonly GameServerView[]): PriorityChange[] {
  const wanted = new Map<string, number>();
  for (const wave of waves)
    for (const { name } of wave.servers) wanted.set(name, (waves.length - wave.number + 1) * 10);
  return gameServers
    .map(({ name, uid, updatePriority }) => ({ name, uid, from: updatePriority, to: wanted.get(name) ?? 0 }))
    .filter(({ from, to }) => from !== to);
}

function warningsOf(
  spec: ReleaseSpec,
  baseline: SetBaseline,
  snapshot: FleetSnapshot,
  waves: readonly Wave[],
): string[] {
  const { servers } = snapshot;
  const warnings: string[] = [];
  const unready = servers.filter((server) => !isServing(server)).map((server) => server.name);
  if (unready.length > 0) {
    warnings.push(
      `${unready.length} of ${servers.length} servers are not Ready before the release: ${unready.slice(0, 5).join(', ')}`,
    );
  }
  const others = servers.filter((server) => {
    const image = containerOf(server.containers, baseline.container)?.image;
    return image !== baseline.oldImage && image !== baseline.newImage;
  });
  if (others.length > 0) {
    warnings.push(
      `${others.length} servers run neither ${baseline.oldImage} nor the new image (${others
        .slice(0, 5)
        .map(({ name }) => name)
        .join(', ')}): a rollback brings them to ${baseline.oldImage}`,
    );
  }
  for (const gate of spec.gates.filter(({ before }) => before > waves.length)) {
    warnings.push(`the gate before wave ${gate.before} is never reached: the plan has ${waves.length} waves`);
  }
  return warnings;
}
