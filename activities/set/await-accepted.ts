import type { Acceptance } from '../../release/checks/acceptance.ts';
import { acceptancePatience, notAccepted } from '../../release/checks/acceptance.ts';
import { editorOf, editsOf, factsOf } from '../../release/patches/foreign-edit.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { SetControls, SetBaseline } from '../../release/patches/patches.ts';
import { nextNumber } from '../../release/patches/fence.ts';
import { FROZEN, NEW_SERVERS_ONLY, controlledStrategy } from '../../release/patches/patches.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import { cancellation, heartbeat, pause } from '../runtime.ts';
import type { SetWrite, Subject } from './set-writes.ts';
import type { Cluster } from '../ports/cluster.ts';
import { ClusterFailure } from '../ports/failure.ts';

/** Time between two looks at the controllers, in milliseconds. */
export const LOOK_MS = 100;
/** A release that can be asked for something else in between waits in pieces of this length, in milliseconds. */
export const PIECE_MS = 5_000;
/** Somebody may change the set again before the controllers have come to it: it is looked at every so many looks. */
const LOOKS_PER_CHECK = 10;

/**
 * Waits until the controllers have taken a write over into the Advanced StatefulSet. A write that Kruise refuses shows
 * in no event and no status (OpenKruiseGame v1.0.0), so only a deadline tells.
 */
export async function awaitAccepted(
  cluster: Cluster,
  subject: Subject,
  wish: Omit<Acceptance, 'container'>,
): Promise<SetWrite> {
  try {
    return await accepted(cluster, subject, wish);
  } catch (error) {
    if (!(error instanceof ClusterFailure) || error.retryable) throw error;
    // The release has to know of its own write, or it would take it for an edit of somebody else.
    const reason = `${subject.set.name} is written, but nobody sees whether the controllers took it over: ${error.message}`;
    return { kind: 'foreign', reason, hold: controlsOf(wish.held), fence: nextNumber(subject.fence) };
  }
}

async function accepted(
  cluster: Cluster,
  { set, baseline, fence: behind }: Subject,
  wish: Omit<Acceptance, 'container'>,
): Promise<SetWrite> {
  const wanted: Acceptance = { ...wish, container: baseline.container };
  const limit = acceptancePatience(wish.by, baseline.replicas);
  const started = Date.now();
  const hold = controlsOf(wish.held);
  // Under OnDelete nobody moves meanwhile, so nobody needs to be heard.
  const piece = wish.held === 'OnDelete' ? limit : PIECE_MS;
  const fence = nextNumber(behind);
  for (let look = 1; ; look += 1) {
    const workload = await cluster.readWorkload(set, cancellation());
    const missing = notAccepted(workload, wanted);
    if (missing === undefined && workload) return { kind: 'accepted', hold, revision: workload.updateRevision, fence };
    const waited = Date.now() - started;
    const reason = neverAccepted(set, missing ?? '', limit);
    if (waited >= limit) return { kind: 'foreign', reason, hold, fence };
    if (waited >= piece) return { kind: 'pending', reason, hold, fence };
    const changed = look % LOOKS_PER_CHECK === 0 ? await changeOf(cluster, { set, baseline }, wanted) : undefined;
    if (changed) return { kind: 'foreign', ...changed, hold, fence };
    heartbeat();
    await pause(LOOK_MS);
  }
}

/** The wait is in vain: the set says something else by now. */
async function changeOf(
  cluster: Cluster,
  { set, baseline }: { readonly set: SetRef; readonly baseline: SetBaseline },
  { image, held }: Acceptance,
): Promise<{ readonly reason: string; readonly undoneBy?: string } | undefined> {
  const view = await cluster.readSet(set, cancellation());
  const updateStrategy = held === 'OnDelete' ? NEW_SERVERS_ONLY : controlledStrategy(baseline, held);
  const holding = { name: set.name, baseline, held: { image, updateStrategy } };
  const facts = factsOf(view, baseline, true);
  const edits = editsOf(holding, facts, view?.lastWriters ?? {});
  if (edits.length === 0) return undefined;
  const by = editorOf(holding, facts, view?.lastWriters ?? {});
  const reason = `${edits.join('; ')}, before the controllers took over what hotwave had written`;
  return by === undefined ? { reason } : { reason, undoneBy: by };
}

function neverAccepted(set: SetRef, missing: string, limit: number): string {
  return `the controllers did not take over the change of ${set.name} within ${formatDuration(limit)} (${missing}): see that kruise-game-manager and kruise-manager run, and their logs for a refusal`;
}

/** Under OnDelete nobody moves: as if every server were kept old. */
function controlsOf(held: Acceptance['held']): SetControls {
  return held === 'OnDelete' ? { partition: FROZEN, maxUnavailable: 1, paused: false } : held;
}
