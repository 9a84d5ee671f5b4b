import type { SetRef, WorkloadView } from '../release/fleet.ts';
import { containerOf } from '../release/fleet.ts';
import type { Hold, SetBaseline } from '../release/patches.ts';
import { formatDuration } from '../release/quantity.ts';
import type { SetWrite } from './inputs.ts';
import type { Cluster } from './ports.ts';
import { cancellation, heartbeat, pause } from './runtime.ts';

/** Controllers that have not taken over a write by then are down, or refused it where only their log says so. */
const ACCEPT_MS = 60_000;
const LOOK_MS = 100;

/**
 * Waits until the controllers have taken a write over into the Advanced StatefulSet. A write that Kruise refuses shows
 * in no event and no status (OpenKruiseGame v1.0.0), so only a deadline tells.
 */
export async function awaitAccepted(
  cluster: Cluster,
  { set, baseline }: { readonly set: SetRef; readonly baseline: SetBaseline },
  image: string,
  hold: Hold,
): Promise<SetWrite> {
  const deadline = Date.now() + ACCEPT_MS;
  for (;;) {
    const workload = await cluster.readWorkload(set, cancellation());
    const missing = notAccepted(workload, baseline.container, image, hold);
    if (missing === undefined && workload) return { kind: 'accepted', hold, revision: workload.updateRevision };
    if (Date.now() >= deadline) return { kind: 'drifted', reason: neverAccepted(set, missing ?? ''), hold };
    heartbeat();
    await pause(LOOK_MS);
  }
}

function neverAccepted(set: SetRef, missing: string): string {
  return `the controllers did not take over the change of ${set.name} within ${formatDuration(ACCEPT_MS)} (${missing}): see that kruise-game-manager and kruise-manager run, and their logs for a refusal`;
}

function notAccepted(
  workload: WorkloadView | undefined,
  container: string,
  image: string,
  hold: Hold,
): string | undefined {
  if (!workload) return 'there is no Advanced StatefulSet';
  const found = containerOf(workload.containers, container)?.image;
  if (found !== image) return `its Advanced StatefulSet has image ${found ?? 'none'}`;
  if (workload.partition !== hold.partition)
    return `its Advanced StatefulSet has partition ${workload.partition}, not ${hold.partition}`;
  if (workload.paused !== hold.paused)
    return `its Advanced StatefulSet is ${workload.paused ? 'paused' : 'not paused'}`;
  if (workload.observedGeneration < workload.generation) return 'Kruise has not observed the newest generation';
  return undefined;
}
