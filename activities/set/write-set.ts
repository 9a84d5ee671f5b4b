import type { GameServerSetView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { demandingAnnotation } from '../../release/patches/annotations.ts';
import type { Fence } from '../../release/patches/fence.ts';
import { FENCE_ANNOTATION, laterWrite, nextNumber, numberOn } from '../../release/patches/fence.ts';
import { isHeldAs, isRestored } from '../../release/patches/baseline.ts';
import { handBack } from '../../release/patches/hand-back.ts';
import type { HandBack } from '../../release/patches/hand-back.ts';
import type { SeenValues, SetControls, SetBaseline } from '../../release/patches/patches.ts';
import { RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { owedStrategy, recordPatch, withLastRelease, withReleaseRecord } from '../../release/patches/record-patches.ts';
import {
  FROZEN,
  NEW_SERVERS_ONLY,
  controlledStrategy,
  controlsPatch,
  firstControls,
  firstWavePatch,
  newServersPatch,
  newServersRestorePatch,
  newServersRollbackPatch,
  reassertPatch,
  restorePatch,
  sameJson,
  setTarget,
  unchangedControlsPatch,
  unchangedNewServersPatch,
  unchangedTemplatePatch,
  withoutPausePatch,
} from '../../release/patches/patches.ts';
import { awaitAccepted } from './await-accepted.ts';
import type { Refusal } from './guarded-write.ts';
import { foreignImage, missing, refusalOf, foreignTemplate, writeMovingSet, writeSet } from './guarded-write.ts';
import { withHolder } from './holder.ts';
import { cancellation } from '../runtime.ts';
import type {
  ChangeControlsInput,
  ReassertSetInput,
  RecordReleaseInput,
  RestoreSetInput,
  RollBackNewServersInput,
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
    const hold = firstControls(input.maxUnavailable);
    const patch = withReleaseRecord(
      // An attempt before this one may have written it; its answer got lost, and somebody has taken the mark away.
      isHeldAs(live, baseline, controlledStrategy(baseline, hold))
        ? unchangedControlsPatch(baseline, hold)
        : firstWavePatch(baseline, live.replicas, hold),
      live,
      await withHolder(releases, input.record, input.fence),
    );
    const refused = await writeMovingSet(cluster, input, live, patch);
    return refused ?? (await awaitAccepted(cluster, input, { image: baseline.newImage, held: hold, by: 'observed' }));
  };
}

/** Pauses or resumes the set as it stands. */
export function changeControls(
  cluster: Cluster,
  releases: Releases,
): (input: ChangeControlsInput) => Promise<SetWrite> {
  return async (input) => {
    const live = await cluster.readSet(input.set, cancellation());
    if (!live) return missing(input.set);
    const { baseline, from, to, seenImage: image = baseline.newImage, seenStrategy } = input;
    if (seenStrategy) return await takePauseOut(cluster, input, live, { image, updateStrategy: seenStrategy });
    const change = controlsPatch({ ...baseline, newImage: image }, live.replicas, from, to);
    const patch = input.record
      ? withReleaseRecord(change, live, await withHolder(releases, input.record, input.fence))
      : change;
    const refused =
      (input.seenImage === undefined ? await foreignImage(cluster, input, from, live) : undefined) ??
      (await (to.paused || isFrozen(to) ? writeSet : writeMovingSet)(cluster, input, live, patch));
    const wish = { image, held: input.to, by: 'observed' } as const;
    return refused ?? (await awaitAccepted(cluster, input, wish));
  };
}

/** The edit stays, so nobody waits for what the controllers make of it. */
async function takePauseOut(
  cluster: Cluster,
  input: ChangeControlsInput,
  live: GameServerSetView,
  seen: SeenValues,
): Promise<SetWrite> {
  const refused = await writeSet(cluster, input, live, withoutPausePatch(input.baseline, seen));
  return refused ?? { kind: 'accepted', hold: input.to, revision: '', fence: nextNumber(input.fence) };
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

/** Nobody who exists moves. */
function isFrozen({ partition }: SetControls): boolean {
  return partition === FROZEN;
}

/**
 * Puts the person's own updateStrategy back. Where they have put it back themselves, only the record is written. At the
 * end of a rollback what somebody has changed of it meanwhile stays as they want it: every server runs what the template
 * asks for, so no strategy moves anybody.
 */
export function restoreSet(cluster: Cluster): (input: RestoreSetInput) => Promise<SetWrite> {
  const restore = async (input: RestoreSetInput): Promise<Refusal | { readonly kept?: string }> => {
    const { set, last, failed } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const { patch, ...kept } = restoring(live, input);
    return (await writeMovingSet(cluster, input, live, withLastRelease(patch, live, last, failed))) ?? kept;
  };
  return async (input) => {
    const first = await restore(input);
    // Between the look and the write somebody may have put it back.
    const written = 'kind' in first ? await restore(input) : first;
    if ('kind' in written) return written;
    return { kind: 'accepted', hold: input.hold, revision: '', fence: nextNumber(input.fence), ...written };
  };
}

function restoring(live: GameServerSetView, { baseline, image, hold, last }: RestoreSetInput): HandBack {
  if (isRestored(live, baseline, image)) return { patch: recordPatch(baseline) };
  if (last.outcome === 'rolled-back') return handBack(baseline, live, { image, hold });
  return { patch: restorePatch(baseline, image, hold) };
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
      isHeldAs(live, baseline, NEW_SERVERS_ONLY)
        ? unchangedNewServersPatch(baseline)
        : newServersPatch(baseline, live.replicas),
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
  if (!isOurs) return { kind: 'foreign', reason: laterWrite(set.name) };
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
  return async ({ set, baseline, hold, image }) => {
    const options = { dryRun: true, signal: cancellation() };
    const unchanged = hold ? unchangedControlsPatch(baseline, hold) : unchangedTemplatePatch(baseline, image);
    const refusal = refusalOf(await cluster.patch(setTarget(set), unchanged, options), set.name);
    if (refusal) return { changed: refusal.reason };
    const live = await cluster.readSet(set, cancellation());
    const edited = live && foreignTemplate({ set, baseline }, live);
    return edited ? { changed: edited.reason, templateChanged: true } : {};
  };
}
