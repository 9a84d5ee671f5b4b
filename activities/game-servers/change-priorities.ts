import { PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import { priorityPatch } from '../../release/patches/patches.ts';
import type { PriorityChange } from '../../release/plan/plan.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import type { Wish } from './game-server-writer.ts';
import { assertGameServers } from './game-server-writer.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';

/** Give servers priorities, for the time of the release or back again. */
export interface ChangePrioritiesInput {
  readonly set: SetRef;
  readonly changes: readonly PriorityChange[];
  readonly direction: 'assign' | 'restore';
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/** Gives GameServers their priorities and proves that each arrived at its pod, where Kruise reads it. */
export function changePriorities(cluster: Cluster): (input: ChangePrioritiesInput) => Promise<StepReport> {
  return async ({ set, changes, direction, token, deadline }) => {
    const wanted = new Map(changes.map((change) => [change.name, priorityOf(change, direction)]));
    const wishes = new Map([...wanted].map(([name, priority]) => [name, wishFor(priority)]));
    const late = await assertGameServers(cluster, { set, wishes, token, deadline });
    const failures = late.map(({ name }) => ({
      server: name,
      class: 'notReady' as const,
      reason: `its updatePriority ${wanted.get(name) ?? ''} did not arrive at the pod: see that kruise-game-manager runs`,
    }));
    return stepReport(changes.length - failures.length, failures);
  };
}

function priorityOf({ from, to }: PriorityChange, direction: 'assign' | 'restore'): number | string {
  return direction === 'assign' ? to : from;
}

function wishFor(priority: number | string): Wish {
  return {
    patch: (gameServer, token) => priorityPatch(gameServer, priority, token),
    holds: ({ updatePriority }, pod) =>
      pod?.labels[PRIORITY_LABEL] === String(priority) && String(updatePriority) === String(priority),
  };
}
