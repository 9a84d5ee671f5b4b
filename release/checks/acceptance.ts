import type { WorkloadView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import type { SetControls } from '../patches/patches.ts';

/**
 * Controllers that have not taken over a write by then are down, or refused it where only their log says so. Long enough
 * for one that is started anew.
 */
const ACCEPT_MS = 120_000;
/** Kruise v1.8.0 updates servers one after the other; it took 0.15 s each on a busy API server. */
const UPDATE_MS_PER_SERVER = 500;
/** More than this is not a busy controller but a dead one; it fits into the timeout of the call that waits. */
const LONGEST_MS = 9 * 60_000;

/** The state that the controllers must have reached after a write of the set. */
export interface Acceptance {
  readonly container: string;
  readonly image: string;
  /** The set controls; OnDelete: only servers that are created get the template. */
  readonly held: SetControls | 'OnDelete';
  /**
   * `written`: OpenKruiseGame has copied it into the Advanced StatefulSet. `observed`: Kruise has also finished what it
   * was doing before, so that the revision is the new image's and nobody moves any more by an older hold. Kruise v1.8.0
   * reports a generation only after it has started the update of every server that may move.
   */
  readonly by: 'written' | 'observed';
}

/** The condition that is still missing for a write to be accepted, in words; undefined when nothing is. */
export function notAccepted(workload: WorkloadView | undefined, wanted: Acceptance): string | undefined {
  if (!workload) return 'there is no Advanced StatefulSet';
  const found = containerOf(workload.containers, wanted.container)?.image;
  if (found !== wanted.image) return `its Advanced StatefulSet has image ${found ?? 'none'}`;
  const held = notHeld(workload, wanted.held);
  if (held !== undefined) return held;
  if (wanted.by === 'observed' && workload.observedGeneration < workload.generation)
    return 'Kruise has not observed the newest generation';
  return undefined;
}

function notHeld(workload: WorkloadView, held: Acceptance['held']): string | undefined {
  const type = held === 'OnDelete' ? 'OnDelete' : 'RollingUpdate';
  if (workload.strategyType !== type) return `its Advanced StatefulSet has type ${workload.strategyType}`;
  if (held === 'OnDelete') return undefined;
  if (workload.partition !== held.partition)
    return `its Advanced StatefulSet has partition ${workload.partition}, not ${held.partition}`;
  if (workload.paused === held.paused) return undefined;
  return `its Advanced StatefulSet is ${workload.paused ? 'paused' : 'not paused'}`;
}

/** How long the controllers may take to accept a write, in milliseconds. */
export function acceptancePatience(by: Acceptance['by'], servers: number): number {
  return by === 'written' ? ACCEPT_MS : Math.min(LONGEST_MS, ACCEPT_MS + UPDATE_MS_PER_SERVER * servers);
}
