import type { GameServerSetView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { imageIn, isHeldAs, letsEverybodyMove, strategyIn } from '../../release/patches/baseline.ts';
import { fenced, numberOn } from '../../release/patches/fence.ts';
import {
  OPEN,
  STRATEGY,
  controlledStrategy,
  firstControls,
  imagePath,
  isKnownStrategy,
  rollbackPatch,
  sameJson,
} from '../../release/patches/patches.ts';
import { recordPatch } from '../../release/patches/record-patches.ts';
import { readRecords } from '../../release/record/record.ts';
import type { Cluster } from '../ports/cluster.ts';
import { cancellation } from '../runtime.ts';
import { awaitAccepted } from './await-accepted.ts';
import { missing, foreignTemplate, writeMovingSet } from './guarded-write.ts';
import type { RollBackSetInput, SetWrite } from './set-writes.ts';

/**
 * Brings the old image back with everything open, from whatever the release has made of the set, and also when somebody
 * has put the original back meanwhile. `untouched` when the release had let nobody move and the set is as it was.
 */
export function rollBackSet(cluster: Cluster): (input: RollBackSetInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    if (isNeverLeft(input, live)) return { kind: 'untouched' };
    const foreign = foreignValue(input, live);
    if (foreign) return (await mayStay(cluster, input, live, 'all are back')) ? asItIs(input, live, foreign) : foreign;
    const found = { image: imageIn(live, baseline) ?? '', updateStrategy: strategyIn(live) };
    const written =
      (await writeMovingSet(cluster, input, live, rollbackPatch(baseline, found))) ??
      (await awaitAccepted(cluster, input, { image: baseline.oldImage, held: OPEN, by: 'observed' }));
    return written.kind === 'accepted' ? written : await orBroughtBack(cluster, input, written);
  };
}

/**
 * Somebody who always writes the old image (GitOps) does the same as the rollback: where that lets every server go back, or
 * all of them have it, nobody has to win. The rest of the strategy is its own.
 */
async function orBroughtBack(cluster: Cluster, input: RollBackSetInput, written: SetWrite): Promise<SetWrite> {
  const live = await cluster.readSet(input.set, cancellation());
  return live && (await mayStay(cluster, input, live, 'all may move')) ? asItIs(input, live, written) : written;
}

function asItIs({ fence }: RollBackSetInput, live: GameServerSetView, written: SetWrite): SetWrite {
  return { kind: 'accepted', hold: OPEN, revision: '', fence: written.fence ?? numberOn(live, fence) ?? fence.to };
}

/**
 * True when the strategy of somebody else keeps no server from the old image. One that lets all move is enough only after
 * the set stood open: it may be too slow a one to get past servers that are broken.
 */
async function mayStay(
  cluster: Cluster,
  input: RollBackSetInput,
  live: GameServerSetView,
  enough: 'all may move' | 'all are back',
): Promise<boolean> {
  const { set, baseline } = input;
  if (imageIn(live, baseline) !== baseline.oldImage || isForeign(input, live)) return false;
  if (enough === 'all may move' && letsEverybodyMove(live.updateStrategy)) return true;
  const { servers } = await cluster.listServers(set, {}, cancellation());
  return servers.every(({ containers }) => containerOf(containers, baseline.container)?.image === baseline.oldImage);
}

/** Another release holds the set, or servers would get more than the old image. */
function isForeign({ set, baseline, fence }: RollBackSetInput, live: GameServerSetView): boolean {
  if (foreignTemplate({ set, baseline }, live)) return true;
  return 'refused' in fenced(recordPatch(baseline), live, fence, { planned: baseline.fence, name: set.name });
}

/** The set is as the plan found it, and the release has let nobody move. */
function isNeverLeft(
  { baseline, isOnRecord, opened, fence, maxUnavailable }: RollBackSetInput,
  live: GameServerSetView,
): boolean {
  if (isOnRecord === true || opened === true || numberOn(live, fence) !== undefined) return false;
  if (imageIn(live, baseline) === baseline.templateImage && sameJson(live.updateStrategy, baseline.liveStrategy))
    return true;
  // Nothing is known to be written, so whatever the set is like is somebody else's, or of a write whose answer got lost.
  return fence.to === 0 && !isFirstWrite({ baseline, fence, maxUnavailable }, live);
}

/** It is exactly as the first write of this release leaves it, and no record says that it is another's. */
function isFirstWrite(
  { baseline, fence, maxUnavailable }: Pick<RollBackSetInput, 'baseline' | 'fence' | 'maxUnavailable'>,
  live: GameServerSetView,
): boolean {
  const holder = readRecords(live.annotations).running?.holder?.runId ?? fence.token;
  const first = controlledStrategy(baseline, firstControls(maxUnavailable));
  return isHeldAs(live, baseline, first) && holder === fence.token;
}

/**
 * A value that is neither the release's own, of whatever step, nor the original, nor what the person saw who decided
 * to go back over it.
 */
function foreignValue({ set, baseline, seen }: RollBackSetInput, live: GameServerSetView): SetWrite | undefined {
  const [image, strategy] = [imageIn(live, baseline), strategyIn(live)];
  const known = [baseline.oldImage, baseline.newImage, baseline.templateImage, seen?.image];
  const refuse = (field: string, value: unknown): SetWrite => ({
    kind: 'foreign',
    found: { image: image ?? '', updateStrategy: strategy },
    reason: `${live.lastWriters[field] ?? 'somebody'} changed ${field} of ${set.name} to ${JSON.stringify(value ?? null)}, which is not of this release, and hotwave does not overwrite it`,
  });
  if (!known.includes(image)) return refuse(imagePath(baseline), image);
  const isSeen = seen?.updateStrategy !== undefined && sameJson(seen.updateStrategy, strategy);
  return isSeen || isKnownStrategy(baseline, strategy) ? undefined : refuse(STRATEGY, strategy);
}
