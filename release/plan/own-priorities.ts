import type { GameServerView } from '../fleet/fleet.ts';
import { FIELD_MANAGER, PRIORITY_LABEL } from '../fleet/fleet.ts';
import { isInRanges } from '../fleet/ranges.ts';
import type { ReleaseRecord } from '../record/record.ts';
import type { FleetSnapshot, PriorityChange } from './plan.ts';

/**
 * The priority that a server had before the release of this record gave it another; undefined when the record does not say.
 */
export function recordedPriority(
  { priorities = {} }: Pick<ReleaseRecord, 'priorities'>,
  ordinal: number,
): number | string | undefined {
  const before = Object.keys(priorities).find((priority) => isInRanges(priorities[priority] ?? '', ordinal));
  return before !== undefined && /^\d+$/.test(before) ? Number(before) : before;
}

/**
 * The fleet with the priorities that people have given: where a release that was left half-way still has its own there, what
 * its record says counts. A value that somebody else has written since stays.
 */
export function withOwnPriorities(
  snapshot: FleetSnapshot,
  running: Pick<ReleaseRecord, 'priorities'> | undefined,
): { readonly snapshot: FleetSnapshot; readonly left: readonly PriorityChange[] } {
  if (running?.priorities === undefined) return { snapshot, left: [] };
  const ordinals = new Map(snapshot.servers.map(({ name, ordinal }) => [name, ordinal]));
  const left = snapshot.gameServers.flatMap((one) => leftChange(running, one, ordinals.get(one.name)));
  const own = new Map(left.map(({ name, from }) => [name, from]));
  const servers = snapshot.servers.map((server) => {
    const priority = own.get(server.name);
    return priority === undefined
      ? server
      : { ...server, labels: { ...server.labels, [PRIORITY_LABEL]: String(priority) } };
  });
  const gameServers = snapshot.gameServers.map((one) => ({
    ...one,
    updatePriority: own.get(one.name) ?? one.updatePriority,
  }));
  return { snapshot: { ...snapshot, servers, gameServers }, left };
}

function leftChange(
  running: Pick<ReleaseRecord, 'priorities'>,
  { name, updatePriority, priorityBy }: GameServerView,
  ordinal: number | undefined,
): PriorityChange[] {
  const before = ordinal === undefined ? undefined : recordedPriority(running, ordinal);
  const isLeft = before !== undefined && priorityBy === FIELD_MANAGER && String(before) !== String(updatePriority);
  return isLeft ? [{ name, from: before, to: before, left: updatePriority }] : [];
}
