import type { Acceptance } from '../release/acceptance.ts';
import { acceptancePatience, notAccepted } from '../release/acceptance.ts';
import type { SetRef } from '../release/fleet.ts';
import type { Hold, SetBaseline } from '../release/patches.ts';
import { FROZEN } from '../release/patches.ts';
import { formatDuration } from '../release/quantity.ts';
import type { SetWrite } from './inputs.ts';
import type { Cluster } from './ports.ts';
import { cancellation, heartbeat, pause } from './runtime.ts';

const LOOK_MS = 100;

/**
 * Waits until the controllers have taken a write over into the Advanced StatefulSet. A write that Kruise refuses shows
 * in no event and no status (OpenKruiseGame v1.0.0), so only a deadline tells.
 */
export async function awaitAccepted(
  cluster: Cluster,
  { set, baseline }: { readonly set: SetRef; readonly baseline: SetBaseline },
  wish: Omit<Acceptance, 'container'>,
): Promise<SetWrite> {
  const wanted: Acceptance = { ...wish, container: baseline.container };
  const limit = acceptancePatience(wish.by, baseline.replicas);
  const deadline = Date.now() + limit;
  const hold = holdOf(wish.held);
  for (;;) {
    const workload = await cluster.readWorkload(set, cancellation());
    const missing = notAccepted(workload, wanted);
    if (missing === undefined && workload) return { kind: 'accepted', hold, revision: workload.updateRevision };
    if (Date.now() >= deadline) return { kind: 'drifted', reason: neverAccepted(set, missing ?? '', limit), hold };
    heartbeat();
    await pause(LOOK_MS);
  }
}

function neverAccepted(set: SetRef, missing: string, limit: number): string {
  return `the controllers did not take over the change of ${set.name} within ${formatDuration(limit)} (${missing}): see that kruise-game-manager and kruise-manager run, and their logs for a refusal`;
}

/** Under OnDelete nobody moves: as if every server were kept old. */
function holdOf(held: Acceptance['held']): Hold {
  return held === 'OnDelete' ? { partition: FROZEN, maxUnavailable: 1, paused: false } : held;
}
