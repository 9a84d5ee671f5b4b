import type { GameServerView, ServerView } from '../fleet/fleet.ts';
import { PRIORITY_LABEL } from '../fleet/fleet.ts';
import { priorityValue } from '../fleet/order.ts';
import type { FleetSnapshot, PriorityChange, Wave } from './plan.ts';
import { resolveCount } from '../spec/quantity.ts';
import { isSelected, unknownServers } from '../fleet/selection.ts';
import type { ReleaseSpec } from '../spec/spec.ts';

/** Servers that move together, before they are planned one by one. */
export interface Group {
  readonly name: string;
  readonly servers: readonly ServerView[];
}

/** How the servers to move fall into waves. */
export interface Grouping {
  readonly groups: readonly Group[];
  readonly refusals: readonly string[];
  /** The groups do not follow the priorities that the servers have: the plan must assign its own. */
  readonly assigns: boolean;
}

/** Splits servers, already in update order, into the waves that the release file asks for. Empty groups are left out. */
export function groupIntoWaves(spec: ReleaseSpec, ordered: readonly ServerView[], snapshot: FleetSnapshot): Grouping {
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
  const unknown = unknownServers(entry, snapshot.servers);
  if (unknown.length > 0) {
    return {
      refusal: `wave ${entry.name} names servers that ${snapshot.set.ref.name} does not have: ${unknown.join(', ')}`,
    };
  }
  const gameServers = byName(snapshot.gameServers);
  return { name: entry.name, servers: remaining.filter((server) => isSelected(server, entry, gameServers)) };
}

/** GameServers by the name that they share with their pods. */
export function byName(gameServers: readonly GameServerView[]): ReadonlyMap<string, GameServerView> {
  return new Map(gameServers.map((gameServer) => [gameServer.name, gameServer]));
}

function groupByPriority(ordered: readonly ServerView[]): Group[] {
  const groups = new Map<string, ServerView[]>();
  for (const server of ordered) {
    const name = `priority ${priorityValue(server.labels[PRIORITY_LABEL] ?? '')}`;
    groups.set(name, [...(groups.get(name) ?? []), server]);
  }
  return [...groups].map(([name, servers]) => ({ name, servers }));
}

/**
 * Priorities that make Kruise's order the order of the waves: 10 for the last wave, 10 more for each earlier one.
 * Servers in no wave get 0, so that an unforeseen one comes last.
 */
export function assignPriorities(
  waves: readonly Wave[],
  gameServers: readonly GameServerView[],
  left: readonly PriorityChange[] = [],
): PriorityChange[] {
  const found = new Map(left.map((change) => [change.name, change.left]));
  const wanted = new Map<string, number>();
  for (const wave of waves)
    for (const { name } of wave.servers) wanted.set(name, (waves.length - wave.number + 1) * 10);
  return gameServers
    .map(({ name, updatePriority }) => ({
      name,
      from: updatePriority,
      to: wanted.get(name) ?? 0,
      ...(found.has(name) ? { left: found.get(name) } : {}),
    }))
    .filter(({ from, to, left: before }) => from !== to || before !== undefined);
}
