import type { FakeServer } from './fake-server.ts';

/** Those that go first are last. */
const DELETED_FIRST = ['Maintaining', 'Allocated', '', 'None', 'WaitToBeDeleted', 'Kill'];

/** How many servers a set is to have, and which never. */
export interface Scale {
  readonly replicas: number;
  readonly reserved: readonly number[];
  readonly opsStateOf: (server: string) => string;
}

/**
 * The servers that have to go: the reserved ones, and of too many those that their opsState makes dispensable, then the
 * higher ordinals (OpenKruiseGame v1.0.0 pkg/util/gameserver.go).
 */
export function surplusServers(
  servers: readonly FakeServer[],
  { replicas, reserved, opsStateOf }: Scale,
): FakeServer[] {
  const alive = servers.filter(({ deleting }) => !deleting);
  const unwanted = alive.filter(({ ordinal }) => reserved.includes(ordinal));
  const rank = ({ name }: FakeServer): number => DELETED_FIRST.indexOf(opsStateOf(name));
  const dispensable = alive
    .filter((server) => !unwanted.includes(server))
    .sort((left, right) => rank(right) - rank(left) || right.ordinal - left.ordinal);
  return [...unwanted, ...dispensable.slice(0, Math.max(0, dispensable.length - replicas))];
}

/** The ordinals of servers that can be made now: the lowest that are free. A name is free when its last pod is gone. */
export function missingOrdinals(servers: ReadonlyMap<number, FakeServer>, { replicas, reserved }: Scale): number[] {
  const alive = [...servers.values()].filter(({ deleting }) => !deleting).length;
  const missing: number[] = [];
  for (let ordinal = 0, wanted = replicas - alive; wanted > 0; ordinal += 1) {
    const present = servers.get(ordinal);
    if (reserved.includes(ordinal) || present?.deleting === false) continue;
    wanted -= 1;
    if (!present) missing.push(ordinal);
  }
  return missing;
}
