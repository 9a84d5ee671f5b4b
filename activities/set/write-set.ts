import { plainText } from '../../release/spec/plain-text.ts';
import type { GameServerSetView, ServerView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { isNewcomer } from '../../release/fleet/newcomers.ts';
import { moversOf, openingFor } from '../../release/fleet/order.ts';
import type { GuardedPatch, Hold, PatchOutcome, SetBaseline } from '../../release/patches/patches.ts';
import { RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { owedStrategy, recordPatch, withLastRelease, withReleaseRecord } from '../../release/patches/record-patches.ts';
import {
  FROZEN,
  firstWavePatch,
  holdPatch,
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
    if (!live) return { kind: 'drifted', reason: `${set.namespace}/${set.name} does not exist any more` };
    const hold: Hold = { partition: FROZEN, maxUnavailable: input.maxUnavailable, paused: false };
    const patch = withReleaseRecord(
      firstWavePatch(baseline, live.replicas, hold),
      live,
      await withHolder(releases, input.record),
    );
    const refused = await write(cluster, input, patch);
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
    if (!live) return { kind: 'drifted', reason: `${set.namespace}/${set.name} does not exist any more` };
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
    const refused = await write(cluster, input, holdPatch(baseline, live.replicas, hold, next));
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
    if (!live) return { kind: 'drifted', reason: `${input.set.namespace}/${input.set.name} does not exist any more` };
    const { baseline, from, to, seenImage: image = baseline.newImage } = input;
    const change = holdPatch({ ...baseline, newImage: image }, live.replicas, from, to);
    const patch = input.record ? withReleaseRecord(change, live, await withHolder(releases, input.record)) : change;
    const refused =
      (input.seenImage === undefined ? await imageDrift(cluster, input, from, live) : undefined) ??
      (await write(cluster, input, patch));
    const wish = { image, held: input.to, by: 'observed' } as const;
    return refused ?? (await awaitAccepted(cluster, input, wish));
  };
}

/** Writes the release's values over an edit that a person has seen and decided against. */
export function reassertSet(cluster: Cluster): (input: ReassertSetInput) => Promise<SetWrite> {
  return async (input) => {
    const { baseline, seen, held, hold } = input;
    const refused = await write(cluster, input, reassertPatch(baseline, seen, held));
    if (refused) return refused;
    if (hold) return await awaitAccepted(cluster, input, { image: held.image, held: hold, by: 'observed' });
    return { kind: 'untouched' };
  };
}

/** Brings the old image back with everything open. `untouched` when the release had not written anything yet. */
export function rollBackSet(cluster: Cluster): (input: RollBackSetInput) => Promise<SetWrite> {
  return async (input) => {
    const { set, baseline } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return { kind: 'drifted', reason: `${set.namespace}/${set.name} does not exist any more` };
    const image = containerOf(live.containers, baseline.container)?.image;
    const isAsPlanned = image === baseline.templateImage && sameJson(live.updateStrategy, baseline.liveStrategy);
    if (isAsPlanned && input.isOnRecord !== true) return { kind: 'untouched' };
    // By the record, an earlier rollback may have been interrupted after it had written the old image.
    const isWritten = input.isOnRecord === true && image === baseline.oldImage;
    const from = isWritten ? { ...baseline, newImage: baseline.oldImage } : baseline;
    const refused = await write(cluster, input, rollbackPatch(from, input.seen));
    return refused ?? (await awaitAccepted(cluster, input, { image: baseline.oldImage, held: OPEN, by: 'observed' }));
  };
}

/** How a rollback holds the set: not at all. */
const OPEN: Hold = { partition: 0, maxUnavailable: '100%', paused: false };

/** Puts the person's own updateStrategy back. What somebody has changed meanwhile stays as they want it. */
export function restoreSet(cluster: Cluster): (input: RestoreSetInput) => Promise<SetWrite> {
  return async (input) => {
    const live = await cluster.readSet(input.set, cancellation());
    if (!live) return { kind: 'drifted', reason: `${input.set.namespace}/${input.set.name} does not exist any more` };
    const patch = withLastRelease(
      restorePatch(input.baseline, input.image, input.hold),
      live,
      input.last,
      input.failed,
    );
    const refused = await write(cluster, input, patch);
    return refused ?? { kind: 'accepted', hold: input.hold, revision: '' };
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
    if (!live) return { kind: 'drifted', reason: `${set.namespace}/${set.name} does not exist any more` };
    const patch = withReleaseRecord(
      newServersPatch(baseline, live.replicas),
      live,
      await withHolder(releases, input.record),
    );
    const refused = await write(cluster, input, patch);
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
    const { set, baseline, last, failed } = input;
    const live = await cluster.readSet(set, cancellation());
    if (!live) return { kind: 'drifted', reason: `${set.namespace}/${set.name} does not exist any more` };
    if (isAsFound(live, baseline)) return { kind: 'untouched' };
    const refused = await write(cluster, input, newServersRollbackPatch(baseline));
    if (refused) return refused;
    const wish = { image: baseline.templateImage, held: 'OnDelete', by: 'observed' } as const;
    const accepted = await awaitAccepted(cluster, input, wish);
    if (accepted.kind !== 'accepted') return accepted;
    const { servers } = await cluster.listServers(set, {}, cancellation());
    const someStay = servers.some(({ revision }) => revision !== accepted.revision);
    const ending = someStay
      ? withLastRelease(recordPatch(baseline), live, { ...last, putBack: owedStrategy(baseline) }, failed)
      : withLastRelease(newServersRestorePatch(baseline), live, last, failed);
    return (await write(cluster, input, ending)) ?? accepted;
  };
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
    if (!live) return { kind: 'drifted', reason: `${set.namespace}/${set.name} does not exist any more` };
    const patch =
      'running' in note
        ? withReleaseRecord(recordPatch(baseline), live, await withHolder(releases, note.running))
        : withLastRelease(recordPatch(baseline), live, note.last, note.failed);
    return (await write(cluster, input, patch)) ?? { kind: 'untouched' };
  };
}

/** Looks whether the set is still as the plan found it, or as hotwave holds it, and if not, who changed it. */
export function verifyTemplate(cluster: Cluster): (input: VerifyTemplateInput) => Promise<TemplateCheck> {
  return async ({ set, baseline, hold }) => {
    const options = { dryRun: true, signal: cancellation() };
    const unchanged = hold ? unchangedHoldPatch(baseline, hold) : unchangedTemplatePatch(baseline);
    const outcome = await cluster.patch(setTarget(set), unchanged, options);
    const refusal = refusalOf(outcome, set.name);
    return refusal?.kind === 'drifted' ? { changed: refusal.reason } : {};
  };
}

async function write(
  cluster: Cluster,
  { set }: Pick<RollBackSetInput, 'set'>,
  patch: GuardedPatch,
): Promise<SetWrite | undefined> {
  return refusalOf(await cluster.patch(setTarget(set), patch, { signal: cancellation() }), set.name);
}

function refusalOf(outcome: PatchOutcome, name: string): SetWrite | undefined {
  switch (outcome.kind) {
    case 'applied':
    case 'alreadyApplied':
      return undefined;
    case 'notFound':
      return { kind: 'drifted', reason: `GameServerSet ${name} does not exist any more` };
    case 'denied':
      return { kind: 'drifted', reason: `the API server refused the change of ${name}: ${outcome.message}` };
    case 'preconditionFailed': {
      const by = outcome.manager === undefined ? 'somebody' : outcome.manager;
      return {
        kind: 'drifted',
        reason: `${by} changed ${outcome.path} of ${name} to ${shown(outcome.actual)}, hotwave expected ${shown(outcome.expected)} and does not overwrite it`,
      };
    }
  }
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : plainText(JSON.stringify(value), 160);
}
