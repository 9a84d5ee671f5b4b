import { plainText } from '../../release/spec/plain-text.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { compactRanges } from '../../release/fleet/ranges.ts';
import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import { recordPatch, withReleaseRecord } from '../../release/patches/record-patches.ts';
import { nextNumber } from '../../release/patches/fence.ts';
import type { Fence } from '../../release/patches/fence.ts';
import { missing, writeSet } from './guarded-write.ts';
import { withHolder } from './holder.ts';
import type { SetWrite } from './set-writes.ts';
import { cancellation } from '../runtime.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Releases } from '../ports/releases.ts';
import type { SetBaseline } from '../../release/patches/patches.ts';
import type { ReleaseRecord } from '../../release/record/record.ts';

/** Leave on a set what a rollback could not bring back. */
export interface RecordStuckInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly fence: Fence;
  readonly record: ReleaseRecord;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** More different images than this are no rollback any more. */
const MOST_IMAGES = 10;
const LONGEST = 4_000;

/**
 * Leaves on the set which servers ask for which image after a rollback that could not be finished, so that whoever
 * comes next knows it without Temporal. Nothing else changes.
 */
export function recordStuck(cluster: Cluster, releases: Releases): (input: RecordStuckInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline, record, reason, at, fence } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const { servers } = await cluster.listServers(set, {}, cancellation());
    const stuck = { reason: plainText(reason, 1_000), at, images: imagesOf(servers, baseline.container) };
    const noted = await withHolder(releases, { ...record, stuck }, fence);
    const patch = withReleaseRecord(recordPatch(baseline), live, noted);
    // A set that is no longer the planned one takes no record of it.
    return (await writeSet(cluster, input, live, patch)) ?? { kind: 'untouched', fence: nextNumber(fence) };
  };
}

function imagesOf(servers: readonly ServerView[], container: string): Record<string, string> {
  const groups = new Map<string, number[]>();
  for (const server of servers) {
    const image = containerOf(server.containers, container)?.image ?? '';
    groups.set(image, [...(groups.get(image) ?? []), server.ordinal]);
  }
  const ranges = [...groups].map(([image, ordinals]) => [image, compactRanges(ordinals)] as const);
  return Object.fromEntries(ranges.filter(([, text]) => text.length <= LONGEST).slice(0, MOST_IMAGES));
}
