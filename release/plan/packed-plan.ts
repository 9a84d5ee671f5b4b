import type { SetRef } from '../fleet/fleet.ts';
import { ordinalOf, serverName } from '../fleet/identity.ts';
import { packOrdinals, unpackOrdinals } from '../fleet/ordinals.ts';
import type { ServerRows } from '../fleet/server-rows.ts';
import { packServers, unpackServers } from '../fleet/server-rows.ts';
import type { Plan, PriorityChange, Wave } from './plan.ts';

/** Servers whose priority changes in the same way; `ordinals` as `packOrdinals` writes them. */
export interface PriorityGroup {
  readonly from: number | string;
  readonly to: number | string;
  readonly left?: number | string | undefined;
  readonly ordinals: string;
}

/** A wave with its servers packed. */
export interface PackedWave extends Omit<Wave, 'servers'> {
  readonly servers: ServerRows;
}

/** The lists of servers of a plan, and the form that they have on the wire. */
interface PackedLists {
  readonly waves: readonly PackedWave[];
  readonly alreadyUpdated: ServerRows;
  readonly adopted: ServerRows;
  readonly bystanders: ServerRows;
  readonly unproved: string;
  readonly overridden: string;
  readonly mixed?: string;
  readonly priorities: readonly PriorityGroup[];
}

/** A plan as Temporal keeps it: under 60 bytes a server instead of 200. `mixed` and the like are ordinals. */
export interface PackedPlan extends Omit<Plan, keyof PackedLists>, PackedLists {}

/** Packs a plan. @throws Error when it names a server that has no ordinal */
export function packPlan(plan: Plan): PackedPlan {
  const { mixed, ...rest } = plan;
  return {
    ...rest,
    waves: plan.waves.map((wave) => ({ ...wave, servers: packServers(wave.servers) })),
    alreadyUpdated: packServers(plan.alreadyUpdated),
    adopted: packServers(plan.adopted),
    bystanders: packServers(plan.bystanders),
    unproved: packNames(plan.unproved),
    overridden: packNames(plan.overridden),
    ...(mixed ? { mixed: packNames(mixed) } : {}),
    priorities: packPriorities(plan.priorities),
  };
}

/** The plan again, but for the order of its priorities, which says nothing. @throws Error when it is none */
export function unpackPlan(packed: PackedPlan): Plan {
  const { mixed, ...rest } = packed;
  const { set } = packed;
  return {
    ...rest,
    waves: packed.waves.map((wave) => ({ ...wave, servers: unpackServers(set, wave.servers) })),
    alreadyUpdated: unpackServers(set, packed.alreadyUpdated),
    adopted: unpackServers(set, packed.adopted),
    bystanders: unpackServers(set, packed.bystanders),
    unproved: unpackNames(set, packed.unproved),
    overridden: unpackNames(set, packed.overridden),
    ...(mixed === undefined ? {} : { mixed: unpackNames(set, mixed) }),
    priorities: unpackPriorities(set, packed.priorities),
  };
}

/** Groups the servers whose priority changes in the same way. @throws Error when one has no ordinal */
export function packPriorities(changes: readonly PriorityChange[]): PriorityGroup[] {
  const groups = new Map<string, { readonly first: PriorityChange; readonly names: string[] }>();
  for (const change of changes) {
    const key = JSON.stringify([change.from, change.to, change.left]);
    const group = groups.get(key) ?? { first: change, names: [] };
    group.names.push(change.name);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first: { name: _name, ...change }, names }) => ({
    ...change,
    ordinals: packNames(names),
  }));
}

/** The changes of such groups, one for each server. @throws Error when they are none */
export function unpackPriorities(set: Pick<SetRef, 'name'>, groups: readonly PriorityGroup[]): PriorityChange[] {
  return groups.flatMap(({ ordinals, ...change }) => unpackNames(set, ordinals).map((name) => ({ name, ...change })));
}

function packNames(names: readonly string[]): string {
  return packOrdinals(names.map(demandedOrdinal));
}

function unpackNames(set: Pick<SetRef, 'name'>, ordinals: string): string[] {
  return unpackOrdinals(ordinals).map((ordinal) => serverName(set, ordinal));
}

function demandedOrdinal(name: string): number {
  const ordinal = ordinalOf(name);
  if (ordinal < 0) throw new Error(`${name} has no ordinal, so it is no server of a set`);
  return ordinal;
}
