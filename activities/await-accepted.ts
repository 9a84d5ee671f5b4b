import type { SetRef, WorkloadView } from '../release/fleet.ts';
import { containerOf } from '../release/fleet.ts';
import type { Hold, SetBaseline } from '../release/patches.ts';
import { FROZEN } from '../release/patches.ts';
import { formatDuration } from '../release/quantity.ts';
import type { SetWrite } from './inputs.ts';
import type { Cluster } from './ports.ts';
import { cancellation, heartbeat, pause } from './runtime.ts';

/** Controllers that have not taken over a write by then are down, or refused it where only their log says so. */
const ACCEPT_MS = 60_000;
const LOOK_MS = 100;

/** What the controllers must have taken over: how the set is held, or that only new servers get the template. */
type Accepted = { readonly hold: Hold } | { readonly strategyType: 'OnDelete' };

/**
 * Waits until the controllers have taken a write over into the Advanced StatefulSet. A write that Kruise refuses shows
 * in no event and no status (OpenKruiseGame v1.0.0), so only a deadline tells.
 */
export async function awaitAccepted(
  cluster: Cluster,
  { set, baseline }: { readonly set: SetRef; readonly baseline: SetBaseline },
  image: string,
  wanted: Accepted,
): Promise<SetWrite> {
  const deadline = Date.now() + ACCEPT_MS;
  for (;;) {
    const workload = await cluster.readWorkload(set, cancellation());
    const missing = notAccepted(workload, baseline.container, image, wanted);
    if (missing === undefined && workload)
      return { kind: 'accepted', hold: holdOf(wanted), revision: workload.updateRevision };
    if (Date.now() >= deadline)
      return { kind: 'drifted', reason: neverAccepted(set, missing ?? ''), hold: holdOf(wanted) };
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
  wanted: Accepted,
): string | undefined {
  if (!workload) return 'there is no Advanced StatefulSet';
  const found = containerOf(workload.containers, container)?.image;
  if (found !== image) return `its Advanced StatefulSet has image ${found ?? 'none'}`;
  const held = 'hold' in wanted ? notHeld(workload, wanted.hold) : notOnDelete(workload);
  if (held !== undefined) return held;
  if (workload.observedGeneration < workload.generation) return 'Kruise has not observed the newest generation';
  return undefined;
}

function notHeld(workload: WorkloadView, hold: Hold): string | undefined {
  if (workload.strategyType !== 'RollingUpdate') return `its Advanced StatefulSet has type ${workload.strategyType}`;
  if (workload.partition !== hold.partition)
    return `its Advanced StatefulSet has partition ${workload.partition}, not ${hold.partition}`;
  if (workload.paused === hold.paused) return undefined;
  return `its Advanced StatefulSet is ${workload.paused ? 'paused' : 'not paused'}`;
}

function notOnDelete({ strategyType }: WorkloadView): string | undefined {
  return strategyType === 'OnDelete' ? undefined : `its Advanced StatefulSet has type ${strategyType}`;
}

/** Under OnDelete nobody moves: as if every server were kept old. */
function holdOf(wanted: Accepted): Hold {
  return 'hold' in wanted ? wanted.hold : { partition: FROZEN, maxUnavailable: 1, paused: false };
}
