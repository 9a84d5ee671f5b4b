import { PRIORITY_LABEL } from '../release/fleet.ts';
import { priorityPatch } from '../release/patches.ts';
import type { PriorityChange } from '../release/plan.ts';
import type { StepReport } from '../release/verdict.ts';
import { stepReport } from '../release/verdict.ts';
import type { ChangePrioritiesInput } from './inputs.ts';
import type { Cluster, GameServerRecord } from './ports.ts';
import { attempt, cancellation, heartbeat, pause } from './runtime.ts';
import pLimit from 'p-limit';

const WRITES_AT_ONCE = 16;
const LOOK_MS = 250;
/** A write that the controller has not shown by then was lost: it is written again. */
const REWRITE_MS = 5_000;

/**
 * Gives GameServers their priorities and proves that each arrived at its pod, where Kruise reads it.
 *
 * OpenKruiseGame v1.0.0 sends the whole spec of a GameServer from its cache at every reconcile, so a write can be
 * undone by an older state. Each write therefore carries a fresh token that the controller copies to the pod: once the
 * pod shows the token of the latest write, the controller has seen that write, and what it sends later is not older.
 * Only token, label and spec together count; anything else is written again.
 */
export function changePriorities(cluster: Cluster): (input: ChangePrioritiesInput) => Promise<StepReport> {
  return async (input) => {
    const wanted = new Map(input.changes.map((change) => [change.name, priorityOf(change, input.direction)]));
    const written = new Map<string, { readonly token: string; readonly at: number }>();
    for (let round = 1; ; round++) {
      const open = await notArrived(cluster, input, wanted, written);
      if (open.length === 0) return stepReport(input.changes.length, []);
      if (Date.now() >= input.deadline) return lateReport(input.changes, open, wanted);
      const now = Date.now();
      const lost = open.filter(({ name }) => now - (written.get(name)?.at ?? 0) > REWRITE_MS);
      await writeAll(cluster, input, lost, { wanted, written, token: `${input.token}.${attempt()}.${round}` });
      heartbeat({ v: 1, open: open.length });
      await pause(LOOK_MS);
    }
  };
}

function priorityOf({ from, to }: PriorityChange, direction: 'assign' | 'restore'): number | string {
  return direction === 'assign' ? to : from;
}

interface Writing {
  readonly wanted: ReadonlyMap<string, number | string>;
  readonly written: Map<string, { readonly token: string; readonly at: number }>;
  readonly token: string;
}

async function notArrived(
  cluster: Cluster,
  { set }: ChangePrioritiesInput,
  wanted: ReadonlyMap<string, number | string>,
  written: Writing['written'],
): Promise<readonly GameServerRecord[]> {
  const names = [...wanted.keys()];
  const [{ servers }, gameServers] = await Promise.all([
    cluster.listServers(set, { names }, cancellation()),
    cluster.listGameServers(set, names, cancellation()),
  ]);
  const pods = new Map(servers.map((server) => [server.name, server]));
  return gameServers.filter((gameServer) => {
    const pod = pods.get(gameServer.name);
    const priority = wanted.get(gameServer.name);
    const token = written.get(gameServer.name)?.token;
    return !(
      pod?.labels[PRIORITY_LABEL] === String(priority) &&
      String(gameServer.updatePriority) === String(priority) &&
      token !== undefined &&
      pod.syncToken === token
    );
  });
}

async function writeAll(
  cluster: Cluster,
  { set }: ChangePrioritiesInput,
  gameServers: readonly GameServerRecord[],
  { wanted, written, token }: Writing,
): Promise<void> {
  const limit = pLimit(WRITES_AT_ONCE);
  await Promise.all(
    gameServers.map((gameServer) =>
      limit(async () => {
        const patch = priorityPatch(gameServer, wanted.get(gameServer.name) ?? 0, token);
        const target = { kind: 'GameServer', namespace: set.namespace, name: gameServer.name } as const;
        const outcome = await cluster.patch(target, patch, { signal: cancellation() });
        if (outcome.kind === 'applied' || outcome.kind === 'alreadyApplied')
          written.set(gameServer.name, { token, at: Date.now() });
      }),
    ),
  );
}

function lateReport(
  changes: readonly PriorityChange[],
  open: readonly GameServerRecord[],
  wanted: ReadonlyMap<string, number | string>,
): StepReport {
  const failures = open.map(({ name }) => ({
    server: name,
    class: 'notReady' as const,
    reason: `its updatePriority ${wanted.get(name) ?? ''} did not arrive at the pod: see that kruise-game-manager runs`,
  }));
  return stepReport(changes.length - failures.length, failures);
}
