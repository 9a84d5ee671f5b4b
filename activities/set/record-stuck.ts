import { plainText } from '../../release/spec/plain-text.ts';
import { FIELD_MANAGER, containerOf } from '../../release/fleet/fleet.ts';
import { compactRanges } from '../../release/fleet/ranges.ts';
import type { GameServerSetView, ServerView, SetRef } from '../../release/fleet/fleet.ts';
import { editorOf, editsOf, factsOf } from '../../release/patches/foreign-edit.ts';
import { recordPatch, withReleaseRecord } from '../../release/patches/record-patches.ts';
import { nextNumber } from '../../release/patches/fence.ts';
import type { Fence } from '../../release/patches/fence.ts';
import { missing, writeSet } from './guarded-write.ts';
import { withHolder } from './holder.ts';
import type { SetWrite } from './set-writes.ts';
import { cancellation } from '../runtime.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Releases } from '../ports/releases.ts';
import {
  OPEN,
  STRATEGY,
  controlledStrategy,
  imageIn,
  imagePath,
  letsEverybodyMove,
  letsSomebodyMove,
  strategyIn,
} from '../../release/patches/patches.ts';
import type { SetBaseline } from '../../release/patches/patches.ts';
import type { SetWriter } from '../../release/plan/git-ops.ts';
import { stopText } from '../../release/plan/git-ops.ts';
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

/** The result of the record, and what somebody else has made of the set during the rollback. */
export type StuckRecord = SetWrite & { readonly meanwhile?: string; readonly writer?: SetWriter };

/** More different images than this are no rollback any more. */
const MOST_IMAGES = 10;
const LONGEST = 4_000;

/**
 * Leaves on the set which servers ask for which image after a rollback that could not be finished, so that whoever
 * comes next knows it without Temporal. Nothing else changes.
 */
export function recordStuck(cluster: Cluster, releases: Releases): (input: RecordStuckInput) => Promise<StuckRecord> {
  return async (input) => {
    const { set, baseline, record, reason, at, fence } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const { servers } = await cluster.listServers(set, {}, cancellation());
    const stuck = { reason: plainText(reason, 1_000), at, images: imagesOf(servers, baseline.container) };
    const noted = await withHolder(releases, { ...record, stuck }, fence);
    const patch = withReleaseRecord(recordPatch(baseline), live, noted);
    const found = { ...editMeanwhile(input, live), ...writerOf(input, live) };
    // A set that is no longer the planned one takes no record of it.
    const refused = await writeSet(cluster, input, live, patch);
    const written = refused ?? { kind: 'untouched' as const, fence: nextNumber(fence) };
    return { ...written, ...found };
  };
}

/** The obstacle to going back that is not hotwave's: another image in the template, or a strategy that holds them. */
function editMeanwhile(
  { set, baseline, record }: RecordStuckInput,
  live: GameServerSetView,
): Pick<StuckRecord, 'meanwhile'> {
  if (record.strategy !== 'rolling') return {};
  const image = imageIn(live, baseline);
  const { oldImage } = baseline;
  // Another image is the cause, whatever the strategy is by then.
  const held = image === oldImage ? { image, updateStrategy: controlledStrategy(baseline, OPEN) } : { image: oldImage };
  if (image === oldImage && letsEverybodyMove(live.updateStrategy)) return {};
  const holding = { name: set.name, baseline, held };
  const facts = factsOf(live, baseline, true);
  const by = editorOf(holding, facts, live.lastWriters);
  if (by === undefined || by === FIELD_MANAGER) return {};
  return { meanwhile: editsOf(holding, facts, live.lastWriters).join('; ') };
}

/**
 * The manager that has written by what servers may move now; nobody when the set keeps them, or stands as hotwave has
 * left it.
 */
function writerOf({ baseline, record }: RecordStuckInput, live: GameServerSetView): Pick<StuckRecord, 'writer'> {
  if (record.strategy !== 'rolling' || !letsSomebodyMove(strategyIn(live), live.replicas)) return {};
  const fields = imageIn(live, baseline) === baseline.oldImage ? [STRATEGY] : [imagePath(baseline), STRATEGY];
  const by = fields
    .map((field) => live.lastWriters[field])
    .find((name) => name !== undefined && name !== FIELD_MANAGER);
  return by === undefined ? {} : { writer: { by, stop: stopText(by, live) } };
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
