import type { SetRef } from '../../release/fleet/fleet.ts';
import { PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import { priorityPatch } from '../../release/patches/patches.ts';
import { unpackPriorities } from '../../release/plan/packed-plan.ts';
import type { PriorityGroup } from '../../release/plan/packed-plan.ts';
import type { PriorityChange } from '../../release/plan/plan.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import type { Servers } from '../ports/servers.ts';
import type { GameServerRecord, GameServers } from '../ports/game-servers.ts';
import type { Wish } from './game-server-writer.ts';
import { assertGameServers } from './game-server-writer.ts';

/** Give servers priorities, for the time of the release or back again. */
export interface ChangePrioritiesInput {
  readonly set: SetRef;
  /**
   * The value that a change replaces: its `from` or `left`, or its `to` when it is put back. Any other value is
   * somebody else's.
   */
  readonly changes: readonly PriorityGroup[];
  readonly direction: 'assign' | 'restore';
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

type Direction = ChangePrioritiesInput['direction'];

/**
 * Gives GameServers their priorities and proves that each arrived at its pod, where Kruise reads it. A value that is
 * neither the release's nor the one that it replaces is somebody else's and is not overwritten: it keeps the release from
 * assigning, and stays where the release would put its own back.
 */
export function changePriorities(
  cluster: Servers & GameServers,
): (input: ChangePrioritiesInput) => Promise<StepReport> {
  return async ({ set, changes: groups, direction, token, deadline }) => {
    const changes = new Map(unpackPriorities(set, groups).map((change) => [change.name, change]));
    const wishes = new Map([...changes].map(([name, change]) => [name, wishFor(change, direction)]));
    const { late, foreign, denied } = await assertGameServers(cluster, { set, wishes, token, deadline });
    const failures = late.map(({ name }) => ({
      server: name,
      class: 'notReady' as const,
      reason:
        denied.get(name) ??
        `its updatePriority ${wantedOf(changes.get(name), direction)} did not arrive at the pod: see that kruise-game-manager runs`,
    }));
    if (direction === 'restore')
      return stepReport(
        changes.size - failures.length,
        failures,
        foreign.map((record) => `${theirs(record)}: it stays`),
      );
    const refused = foreign.map((record) => ({
      server: record.name,
      class: 'overridden' as const,
      reason: `${theirs(record)}, which is neither ${String(changes.get(record.name)?.from)} as it was planned nor the release's ${wantedOf(changes.get(record.name), direction)}`,
    }));
    return stepReport(changes.size - failures.length - refused.length, [...refused, ...failures]);
  };
}

function theirs({ name, updatePriority, priorityBy = 'somebody' }: GameServerRecord): string {
  return `${priorityBy} set the updatePriority of ${name} to ${updatePriority}`;
}

function wantedOf(change: PriorityChange | undefined, direction: Direction): number | string {
  return (direction === 'assign' ? change?.to : change?.from) ?? '';
}

function wishFor(change: PriorityChange, direction: Direction): Wish {
  const priority = wantedOf(change, direction);
  const own = [change.from, change.to, change.left].map(String);
  return {
    patch: (gameServer, token) => priorityPatch(gameServer, priority, token),
    holds: ({ updatePriority }, pod) =>
      pod?.labels[PRIORITY_LABEL] === String(priority) && String(updatePriority) === String(priority),
    isForeign: ({ updatePriority }) => !own.includes(String(updatePriority)),
  };
}
