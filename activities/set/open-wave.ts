import type { GameServerSetView, ServerView, WorkloadView } from '../../release/fleet/fleet.ts';
import { isNewcomer } from '../../release/fleet/newcomers.ts';
import type { Moving } from '../../release/fleet/order.ts';
import { moversOf, openingFor } from '../../release/fleet/order.ts';
import { isInRanges } from '../../release/fleet/ranges.ts';
import { scaleUnderWay } from '../../release/fleet/scale.ts';
import { numberOn } from '../../release/patches/fence.ts';
import type { SetControls } from '../../release/patches/patches.ts';
import { controlsPatch } from '../../release/patches/patches.ts';
import type { Cluster } from '../ports/cluster.ts';
import { cancellation, heartbeat, pause } from '../runtime.ts';
import { LOOK_MS, PIECE_MS, awaitAccepted } from './await-accepted.ts';
import type { Refusal } from './guarded-write.ts';
import { foreignImage, missing, refusalOfTemplate, writeMovingSet } from './guarded-write.ts';
import type { OpenWaveInput, SetWrite } from './set-writes.ts';

/** The set and its servers when nobody was coming or going. */
interface Settled {
  readonly live: GameServerSetView;
  readonly servers: readonly ServerView[];
}

/**
 * Opens the set for one wave. Before that it works out whom Kruise would move, from the servers as they are now, and
 * refuses unless those are exactly the wave's: a partition is a count, and counts do not know identities. Where a person
 * has said so, those that Kruise takes first move instead.
 */
export function openWave(cluster: Cluster): (input: OpenWaveInput) => Promise<SetWrite> {
  return async (input) => {
    const { baseline, hold } = input;
    const found = await settled(cluster, input);
    if ('kind' in found) return found;
    const { live, servers } = found;
    const moving = movingIn(input, servers);
    // A foreign template makes a revision of its own, by which Kruise would move servers of any wave.
    const refusal = refusalOfTemplate(input, live) ?? refusalOfOrder(input, moving);
    if (refusal) return refusal;
    const { count, joined, instead } = moving;
    const { partition } = openingFor(servers, input.revision, live.replicas, count);
    const next: SetControls = { ...hold, partition, paused: false };
    const refused = await writeMovingSet(cluster, input, live, controlsPatch(baseline, live.replicas, hold, next));
    if (refused) return refused;
    const written = await awaitAccepted(cluster, input, { image: baseline.newImage, held: next, by: 'written' });
    const known = instead.taken.length > 0 ? { ...written, instead } : written;
    return known.kind === 'accepted' && joined.length > 0 ? { ...known, joined } : known;
  };
}

/**
 * Waits until the set, its Advanced StatefulSet and its pods are of one size: what a partition of another size lets move
 * nobody has counted.
 */
async function settled(cluster: Cluster, input: OpenWaveInput): Promise<Settled | SetWrite> {
  const { set, hold, fence, missing: lacking = 0 } = input;
  const started = Date.now();
  for (;;) {
    const live = await cluster.readSet(set, cancellation());
    if (!live) return missing(set);
    const foreignEdit = await foreignImage(cluster, input, hold, live);
    if (foreignEdit) return foreignEdit;
    const [workload, { servers }] = await Promise.all([
      cluster.readWorkload(set, cancellation()),
      cluster.listServers(set, {}, cancellation()),
    ]);
    const reason = scaleOf(live, workload, servers, lacking);
    if (reason === undefined) return { live, servers };
    if (Date.now() - started >= PIECE_MS)
      return { kind: 'pending', reason: `${set.name} ${reason}`, hold, fence: numberOn(live, fence) ?? fence.to };
    heartbeat();
    await pause(LOOK_MS);
  }
}

function scaleOf(
  { replicas }: GameServerSetView,
  workload: WorkloadView | undefined,
  servers: readonly ServerView[],
  missing: number,
): string | undefined {
  const leaving = servers.filter(({ deleting }) => deleting).length;
  const pods = { alive: servers.length - leaving, leaving };
  return scaleUnderWay({ replicas, accepted: workload?.replicas ?? 0, ...pods, missing });
}

function movingIn(
  { planned, areNewcomers, servers: names, later = '', revision }: OpenWaveInput,
  servers: readonly ServerView[],
): Moving {
  const came = (server: ServerView): boolean => isNewcomer(server, planned);
  // A recreated server may have lost the priority that its wave needs: it is let through when it comes first, else later.
  const recreated = areNewcomers === true ? [] : servers.filter(came).map(({ name }) => name);
  const wave = new Set(names.filter((name) => !recreated.includes(name)));
  const isLater = ({ ordinal }: ServerView): boolean => isInRanges(later, ordinal);
  return moversOf(servers, revision, { wave, isLater, isNewcomer: came });
}

/** Why the set is not opened for those whom Kruise would move; undefined when it is. */
function refusalOfOrder({ followsOrder = false }: OpenWaveInput, { stranger, instead }: Moving): Refusal | undefined {
  const wouldMove = (name: string): string =>
    `Kruise would update ${name} in this wave, which is not in it: priorities or servers changed since the plan`;
  if (stranger !== undefined) return { kind: 'foreign', reason: wouldMove(stranger) };
  const [first] = instead.taken;
  if (first === undefined || followsOrder) return undefined;
  const reason = `${wouldMove(first)}; resume lets Kruise's order count in this wave and those after it, each as large as planned`;
  return { kind: 'foreign', orderChanged: true, reason };
}
