import type { GameServerSetView, ServerView, UpdateStrategy } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { isNewcomer } from '../../release/fleet/newcomers.ts';
import { moversOf, openingFor } from '../../release/fleet/order.ts';
import { demandingAnnotation } from '../../release/patches/annotations.ts';
import type { Fence } from '../../release/patches/fence.ts';
import { FENCE_ANNOTATION, laterWrite, nextNumber, numberOn } from '../../release/patches/fence.ts';
import type { Hold, SetBaseline } from '../../release/patches/patches.ts';
import { RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { owedStrategy, recordPatch, withLastRelease, withReleaseRecord } from '../../release/patches/record-patches.ts';
import {
  FROZEN,
  OPEN,
  STRATEGY,
  firstWavePatch,
  holdPatch,
  imagePath,
  isKnownStrategy,
  newServersPatch,
  newServersRestorePatch,
  newServersRollbackPatch,
  reassertPatch,
  restorePatch,
  rollbackPatch,
  sameJson,
  setTarget,
  unchangedHoldPatch,
  unchangedTemplatePatch,
} from '../../release/patches/patches.ts';
import { awaitAccepted } from './await-accepted.ts';
import { missing, refusalOf, templateDrift, writeMovingSet, writeSet } from './guarded-write.ts';
import { withHolder } from './holder.ts';
import { cancellation } from '../runtime.ts';
import type {
  ChangeHoldInput,
  OpenWaveInput,
  ReassertSetInput,
  RecordReleaseInput,
  RestoreSetInput,
  RollBackNewServersInput,
  RollBackSetInput,
  SetWrite,
  StageForNewServersInput,
  StageTemplateInput,
  TemplateCheck,
  VerifyTemplateInput,
} from './set-writes.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { Releases } from '../ports/releases.ts';

/**
 * Writes the new image with every server frozen. The revision that Kruise gives it is then known, and each wave can be
 * checked against it before it is opened.
 */
export function stageTemplate(cluster: Cluster, releases: Releases): (input: StageTemplateInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const hold: Hold = { partition: FROZEN, maxUnavailable: input.maxUnavailable, paused: false };
    const patch = withReleaseRecord(
      firstWavePatch(baseline, live.replicas, hold),
      live,
      await withHolder(releases, input.record, input.fence),
    );
    const refused = await writeMovingSet(cluster, input, live, patch);
    return refused ?? (await awaitAccepted(cluster, input, { image: baseline.newImage, held: hold, by: 'observed' }));
  };
}

/**
 * Opens the set for one wave. Before that it works out whom Kruise would move, from the servers as they are now, and
 * refuses unless those are exactly the wave's: a partition is a count, and counts do not know identities.
 */
export function openWave(cluster: Cluster): (input: OpenWaveInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline, hold } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const drift = await imageDrift(cluster, input, hold, live);
    if (drift) return drift;
    const { servers } = await cluster.listServers(set, {}, cancellation());
    const came = (server: ServerView): boolean => isNewcomer(server, input.planned);
    // A recreated server may have lost the priority that its wave needs: it is let through when it comes first, else later.
    const recreated = input.areNewcomers === true ? [] : servers.filter(came).map(({ name }) => name);
    const wave = new Set(input.servers.filter((name) => !recreated.includes(name)));
    const { count, joined, stranger } = moversOf(servers, input.revision, { wave, isNewcomer: came });
    const opening = openingFor(servers, input.revision, live.replicas, count);
    if (stranger !== undefined) {
      return {
        kind: 'drifted',
        reason: `Kruise would update ${stranger} in this wave, which is not in it: priorities or servers changed since the plan`,
      };
    }
    const next: Hold = { ...hold, partition: opening.partition, paused: false };
    const refused = await writeMovingSet(cluster, input, live, holdPatch(baseline, live.replicas, hold, next));
    if (refused) return refused;
    const accepted = await awaitAccepted(cluster, input, { image: baseline.newImage, held: next, by: 'written' });
    return accepted.kind === 'accepted' && joined.length > 0 ? { ...accepted, joined } : accepted;
  };
}

/**
 * Another image than the release's moves servers at once, and whom Kruise would then move says nothing about why. A
 * patch that its guard refuses, tried only, tells who wrote the image.
 */
async function imageDrift(
  cluster: Cluster,
  { set, baseline }: Pick<ChangeHoldInput, 'set' | 'baseline'>,
  hold: Hold,
  live: GameServerSetView,
): Promise<SetWrite | undefined> {
  if (containerOf(live.containers, baseline.container)?.image === baseline.newImage) return undefined;
  const probe = holdPatch(baseline, live.replicas, hold, { ...hold, paused: !hold.paused });
  return refusalOf(await cluster.patch(setTarget(set), probe, { dryRun: true, signal: cancellation() }), set.name);
}

/** Pauses or resumes the set as it stands. */
export function changeHold(cluster: Cluster, releases: Releases): (input: ChangeHoldInput) => Promise<SetWrite> {
  return async (input) => {
    const live = await cluster.readSet(input.set, cancellation());
    if (!live) return missing(input.set);
    const { baseline, from, to, seenImage: image = baseline.newImage } = input;
    const change = holdPatch({ ...baseline, newImage: image }, live.replicas, from, to);
    const patch = input.record ? withReleaseRecord(change, live, await withHolder(releases, input.record, input.fence)) : change;
    const refused =
      (input.seenImage === undefined ? await imageDrift(cluster, input, from, live) : undefined) ??
      (await (to.paused || isFrozen(to) ? writeSet : writeMovingSet)(cluster, input, live, patch));
    const wish = { image, held: input.to, by: 'observed' } as const;
    return refused ?? (await awaitAccepted(cluster, input, wish));
  };
}

/** Writes the release's values over an edit that a person has seen and decided against. */
export function reassertSet(cluster: Cluster): (input: ReassertSetInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline, seen, held, hold, fence } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const refused = await writeMovingSet(cluster, input, live, reassertPatch(baseline, seen, held));
    if (refused) return refused;
    if (hold) return await awaitAccepted(cluster, input, { image: held.image, held: hold, by: 'observed' });
    return { kind: 'untouched', fence: nextNumber(fence) };
  };
}

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
    if (foreign) return foreign;
    const found = { image: imageIn(live, baseline) ?? '', updateStrategy: strategyIn(live) };
    const refused = await writeMovingSet(cluster, input, live, rollbackPatch(baseline, found));
    return refused ?? (await awaitAccepted(cluster, input, { image: baseline.oldImage, held: OPEN, by: 'observed' }));
  };
}

/** The set is as the plan found it, and the release has let nobody move. */
function isNeverLeft({ baseline, isOnRecord, opened, fence }: RollBackSetInput, live: GameServerSetView): boolean {
  if (isOnRecord === true || opened === true || numberOn(live, fence) !== undefined) return false;
  return imageIn(live, baseline) === baseline.templateImage && sameJson(live.updateStrategy, baseline.liveStrategy);
}

/**
 * What is neither the release's own, of whatever step, nor the original, nor what the person saw who decided to go back
 * over it.
 */
function foreignValue({ set, baseline, seen }: RollBackSetInput, live: GameServerSetView): SetWrite | undefined {
  const [image, strategy] = [imageIn(live, baseline), strategyIn(live)];
  const known = [baseline.oldImage, baseline.newImage, baseline.templateImage, seen?.image];
  const refuse = (field: string, value: unknown): SetWrite => ({
    kind: 'drifted',
    reason: `${live.lastWriters[field] ?? 'somebody'} changed ${field} of ${set.name} to ${JSON.stringify(value ?? null)}, which is not of this release, and hotwave does not overwrite it`,
  });
  if (!known.includes(image)) return refuse(imagePath(baseline), image);
  const isSeen = seen?.updateStrategy === undefined || sameJson(seen.updateStrategy, strategy);
  return isSeen || isKnownStrategy(baseline, strategy) ? undefined : refuse(STRATEGY, strategy);
}

function imageIn({ containers }: GameServerSetView, { container }: SetBaseline): string | undefined {
  return containerOf(containers, container)?.image;
}

function strategyIn({ hasUpdateStrategy, updateStrategy }: GameServerSetView): UpdateStrategy | null {
  return hasUpdateStrategy ? updateStrategy : null;
}

/** Nobody who exists moves. */
function isFrozen({ partition }: Hold): boolean {
  return partition === FROZEN;
}

/** Puts the person's own updateStrategy back. What somebody has changed meanwhile stays as they want it. */
export function restoreSet(cluster: Cluster): (input: RestoreSetInput) => Promise<SetWrite> {
  return async (input) => {
    const live = await cluster.readSet(input.set, cancellation());
    if (!live) return missing(input.set);
    const patch = withLastRelease(
      restorePatch(input.baseline, input.image, input.hold),
      live,
      input.last,
      input.failed,
    );
    const refused = await writeMovingSet(cluster, input, live, patch);
    return refused ?? { kind: 'accepted', hold: input.hold, revision: '', fence: nextNumber(input.fence) };
  };
}

/** Writes the new image so that no server that exists moves and every new one gets it. */
export function stageForNewServers(
  cluster: Cluster,
  releases: Releases,
): (input: StageForNewServersInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const patch = withReleaseRecord(
      newServersPatch(baseline, live.replicas),
      live,
      await withHolder(releases, input.record, input.fence),
    );
    const refused = await writeMovingSet(cluster, input, live, patch);
    const wish = { image: baseline.newImage, held: 'OnDelete', by: 'observed' } as const;
    return refused ?? (await awaitAccepted(cluster, input, wish));
  };
}

/**
 * Takes the new image back from servers that are still to be created. The person's own strategy comes back only when
 * no server runs the new revision: a rolling update would else restart those, with their players.
 */
export function rollBackNewServers(cluster: Cluster): (input: RollBackNewServersInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline, fence } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    if (isAsFound(live, baseline)) return { kind: 'untouched', ...markOn(live, fence) };
    const refused = await writeSet(cluster, input, live, newServersRollbackPatch(baseline));
    if (refused) return refused;
    const wish = { image: baseline.templateImage, held: 'OnDelete', by: 'observed' } as const;
    const accepted = await awaitAccepted(cluster, input, wish);
    return accepted.kind === 'accepted' ? await endNewServers(cluster, input, accepted) : accepted;
  };
}

/** The second write of one step: it follows the first one's mark and leaves that, so that the step can be repeated. */
async function endNewServers(
  cluster: Cluster,
  { set, baseline, last, failed, fence }: RollBackNewServersInput,
  accepted: Extract<SetWrite, { readonly kind: 'accepted' }>,
): Promise<SetWrite> {
  const live = await cluster.readSet(set, cancellation());
  if (!live) return missing(set);
  const { servers } = await cluster.listServers(set, {}, cancellation());
  const someStay = servers.some(({ revision }) => revision !== accepted.revision);
  const ending = someStay
    ? withLastRelease(recordPatch(baseline), live, { ...last, putBack: owedStrategy(baseline) }, failed)
    : withLastRelease(newServersRestorePatch(baseline), live, last, failed);
  const mark = live.annotations?.[FENCE_ANNOTATION] ?? null;
  const isOurs = mark === null || numberOn(live, fence) === nextNumber(fence);
  if (!isOurs) return { kind: 'drifted', reason: laterWrite(set.name) };
  const patch = demandingAnnotation(ending, live, FENCE_ANNOTATION, mark);
  const refused = refusalOf(await cluster.patch(setTarget(set), patch, { signal: cancellation() }), set.name);
  return refused ? { ...refused, fence: nextNumber(fence) } : accepted;
}

function markOn(live: GameServerSetView, fence: Fence): { readonly fence?: number } {
  const number = numberOn(live, fence);
  return number === undefined ? {} : { fence: number };
}

/** The release has written nothing yet, or everything is put back. */
function isAsFound({ containers, updateStrategy, annotations }: GameServerSetView, baseline: SetBaseline): boolean {
  const image = containerOf(containers, baseline.container)?.image;
  return (
    image === baseline.templateImage &&
    sameJson(updateStrategy, baseline.liveStrategy) &&
    annotations?.[RELEASE_ANNOTATION] === undefined
  );
}

/** Leaves a record on the set and changes nothing else. */
export function recordRelease(cluster: Cluster, releases: Releases): (input: RecordReleaseInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline, note } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const patch =
      'running' in note
        ? withReleaseRecord(recordPatch(baseline), live, await withHolder(releases, note.running, input.fence))
        : withLastRelease(recordPatch(baseline), live, note.last, note.failed);
    return (await writeSet(cluster, input, live, patch)) ?? { kind: 'untouched', fence: nextNumber(input.fence) };
  };
}

/** Looks whether the set is still as the plan found it, or as hotwave holds it, and if not, who changed it. */
export function verifyTemplate(cluster: Cluster): (input: VerifyTemplateInput) => Promise<TemplateCheck> {
  return async ({ set, baseline, hold }) => {
    const options = { dryRun: true, signal: cancellation() };
    const unchanged = hold ? unchangedHoldPatch(baseline, hold) : unchangedTemplatePatch(baseline);
    const refusal = refusalOf(await cluster.patch(setTarget(set), unchanged, options), set.name);
    if (refusal) return { changed: refusal.reason };
    const live = await cluster.readSet(set, cancellation());
    const edited = live && templateDrift({ set, baseline }, live);
    return edited ? { changed: edited.reason, templateChanged: true } : {};
  };
}
