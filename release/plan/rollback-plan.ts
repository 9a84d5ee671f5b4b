import { z } from 'zod';
import type { GameServerView, ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import { hashOf } from '../fleet/hash.ts';
import { updateOrder } from '../fleet/order.ts';
import type { SetBaseline } from '../patches/patches.ts';
import { setBaseline } from '../patches/patches.ts';
import type { FleetSnapshot, Plan, PlannedServer, PriorityChange } from './plan.ts';
import { plannedServer } from './plan.ts';
import { recordedPriority } from './own-priorities.ts';
import { isInRanges } from '../fleet/ranges.ts';
import type { ReleaseRecord } from '../record/record.ts';
import type { RollbackTarget } from './rollback-target.ts';
import { imageOf, rollbackTarget } from './rollback-target.ts';
import type { WayBack } from './way-back.ts';
import { readRecords } from '../record/record.ts';
import type { Ask, ReleaseSpec } from '../spec/spec.ts';
import { askSchema, releaseFileSchema } from '../spec/spec.ts';

/** A way back that was found. */
export type FoundWay = Extract<WayBack, { readonly kind: 'found' }>;

/** Plans the way back from the record on a set: every server that the release may have touched, in one wave. */
export function planRollback(
  way: Pick<FoundWay, 'record' | 'own' | 'why'>,
  snapshot: FleetSnapshot,
): Plan | { readonly refusals: readonly string[] } {
  const { record } = way;
  const { set, servers, gameServers } = snapshot;
  const baseline = baselineOf(way, snapshot);
  if ('refusals' in baseline) return baseline;
  const reached = reachedBy(record, servers, gameServers);
  const chosen = new Set(reached);
  const strategy = record.strategy as ReleaseSpec['strategy'];
  const containers = set.containers.map(({ name }) => name);
  const planned = (server: ServerView): PlannedServer => plannedServer(server, containers);
  const waves = reached.length === 0 ? [] : [{ number: 1, name: 'all', servers: updateOrder(reached).map(planned) }];
  return {
    v: 1,
    strategy,
    set: set.ref,
    baseline,
    containers,
    version: record.newVersion,
    previousVersion: record.oldVersion,
    rollbackTo: targetOf(way, reached, { set, baseline }),
    waves,
    alreadyUpdated: [],
    unproved: [],
    adopted: [],
    bystanders: servers.filter((server) => !chosen.has(server)).map(planned),
    overridden: [],
    ...(record.earlier ? { earlier: record.earlier } : {}),
    priorities: strategy === 'rolling' ? prioritiesOf(record, servers, gameServers) : [],
    maxUnavailable: Math.max(1, reached.length),
    tolerate: 0,
    warnings: [],
    hash: hashOf({ uid: set.uid, record: record.release, startedAt: record.startedAt, to: record.oldImage, waves }),
  };
}

function targetOf(
  { record, why }: Pick<FoundWay, 'record' | 'why'>,
  reached: readonly ServerView[],
  { set, baseline }: { readonly set: FleetSnapshot['set']; readonly baseline: SetBaseline },
): RollbackTarget {
  const { container, oldImage: image, oldVersion: previousVersion } = record;
  const servers = reached.filter((server) => imageOf(server, container) === image).length;
  const records = readRecords(set.annotations);
  return rollbackTarget({ image, why, servers, of: reached.length }, baseline, { records, previousVersion });
}

const STRATEGIES: readonly string[] = ['rolling', 'targeted', 'newServersOnly'];

/**
 * The guard of the way back. Of the template only the old and the new image are the release's; a third one is somebody
 * else's, and is not overwritten.
 */
function baselineOf(
  { record, own }: Pick<FoundWay, 'record' | 'own'>,
  { set }: FleetSnapshot,
): SetBaseline | { readonly refusals: readonly string[] } {
  const { strategy, container, oldImage, newImage, updateStrategy, release } = record;
  if (!STRATEGIES.includes(strategy))
    return { refusals: [`this version of hotwave does not know the strategy ${strategy} of ${release}`] };
  const found = setBaseline(set, container, newImage);
  if (!found) return { refusals: [`the template of ${set.ref.name} has no container ${container} any more`] };
  const hasUpdateStrategy = Object.keys(updateStrategy).length > 0;
  const common = { ...found, oldImage, hasUpdateStrategy };
  if (strategy === 'targeted') return common;
  if (!own.includes(found.templateImage)) {
    const by = set.lastWriters[`/spec/gameServerTemplate/spec/containers/${found.containerIndex}/image`] ?? 'somebody';
    return {
      refusals: [
        `${by} changed the image of ${container} in the template of ${set.ref.name} to ${found.templateImage}, which is neither ${newImage} nor ${oldImage} of ${release}: hotwave does not overwrite it. Put ${newImage} back into the template, or release the old image with hotwave start`,
      ],
    };
  }
  // With new servers only nobody who exists moves: the template alone goes back.
  if (strategy !== 'rolling') return { ...common, templateImage: oldImage };
  // Its own values in the template now are what the first write replaces.
  return found.templateImage === oldImage ? common : { ...common, newImage: found.templateImage };
}

/** Those whose image the release may have changed; of new servers nobody. */
function reachedBy(
  { strategy, chosen, container, newImage }: ReleaseRecord,
  servers: readonly ServerView[],
  gameServers: readonly GameServerView[],
): readonly ServerView[] {
  if (strategy === 'rolling') return servers;
  if (strategy !== 'targeted') return [];
  const overridden = new Set(
    gameServers.filter(({ imageOverrides }) => imageOverrides[container] === newImage).map(({ name }) => name),
  );
  return servers.filter(({ name, ordinal }) =>
    chosen === undefined ? overridden.has(name) : isInRanges(chosen, ordinal),
  );
}

/** Back to what the record says, where it is not so already. */
function prioritiesOf(
  record: ReleaseRecord,
  servers: readonly ServerView[],
  gameServers: readonly GameServerView[],
): readonly PriorityChange[] {
  const ordinals = new Map(servers.map(({ name, ordinal }) => [name, ordinal]));
  return gameServers.flatMap(({ name, updatePriority }) => {
    const ordinal = ordinals.get(name);
    const before = ordinal === undefined ? undefined : recordedPriority(record, ordinal);
    if (before === undefined || String(before) === String(updatePriority)) return [];
    return [{ name, from: before, to: updatePriority }];
  });
}

/** Servers on the old image whose engine may still have the new version: an earlier rollback may have ended in between. */
export function maybeNotReloaded({ waves, baseline }: Plan, servers: readonly ServerView[]): readonly ServerView[] {
  const names = new Set(waves.flatMap((wave) => wave.servers.map(({ name }) => name)));
  return servers.filter(
    (server) =>
      names.has(server.name) && containerOf(server.containers, baseline.container)?.image === baseline.oldImage,
  );
}

/** The part of a release file that a rollback needs: how to ask, and how long to wait. The rest has no part in it. */
export function rollbackSpec(
  plan: Plan,
  ask: Ask,
  patience: Partial<Pick<ReleaseSpec, 'ready' | 'paused'>>,
): ReleaseSpec {
  const { strategy, set, baseline, waves } = plan;
  const ordinals = waves.flatMap(({ servers }) => servers.map(({ ordinal }) => ordinal));
  const { spec } = releaseFileSchema.parse({
    apiVersion: 'hotwave.dev/v1',
    kind: 'Release',
    metadata: { name: 'rollback' },
    spec: {
      target: {
        namespace: set.namespace,
        gameServerSet: set.name,
        ...(strategy === 'targeted' ? { servers: { servers: ordinals.length > 0 ? ordinals : [0] } } : {}),
      },
      strategy,
      images: { [baseline.container]: baseline.oldImage },
      ...(z.encode(askSchema, ask) as object),
    },
  });
  return { ...spec, ...patience };
}
