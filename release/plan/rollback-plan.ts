import { z } from 'zod';
import type { GameServerView, ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import { hashOf } from '../fleet/hash.ts';
import { updateOrder } from '../fleet/order.ts';
import type { SetBaseline } from '../patches/patches.ts';
import { setBaseline } from '../patches/patches.ts';
import type { FleetSnapshot, Plan, PlannedServer, PriorityChange } from './plan.ts';
import { plannedServer } from './plan.ts';
import { isInRanges } from '../fleet/ranges.ts';
import type { LastRelease, Records, ReleaseRecord } from '../record/record.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION } from '../record/record.ts';
import type { Ask, ReleaseSpec } from '../spec/spec.ts';
import { askSchema, releaseFileSchema } from '../spec/spec.ts';

/** Why there is nothing to roll back on a set, or why it cannot be done; undefined when its record says how. */
export function withoutRecord(
  { running, last, unreadable }: Records,
  name: string,
): { readonly kind: 'nothing' | 'refused'; readonly reason: string } | undefined {
  if (running) return undefined;
  const broken = unreadable.find((sentence) => sentence.includes(`${RELEASE_ANNOTATION} `));
  if (broken !== undefined) {
    return {
      kind: 'refused',
      reason: `${broken}. It says what to go back to; repair it, or release the old image with hotwave start`,
    };
  }
  if (!last) {
    return {
      kind: 'refused',
      reason: `${name} has neither the annotation ${RELEASE_ANNOTATION} nor ${LAST_RELEASE_ANNOTATION}: no release of hotwave has written it, or somebody took them away. Release the old image with hotwave start`,
    };
  }
  return withoutRunning(last, name);
}

function withoutRunning(
  { outcome, release, image, previousImage }: LastRelease,
  name: string,
): { readonly kind: 'nothing' | 'refused'; readonly reason: string } {
  if (outcome === 'rolled-back')
    return { kind: 'nothing', reason: `nothing to do: ${release} is rolled back, and ${name} is on ${image} again` };
  return {
    kind: 'refused',
    reason: `no release is under way on ${name}: ${release} is done. Release ${previousImage} with hotwave start to go back to it`,
  };
}

/** Plans the way back from the record on a set: every server that the release may have touched, in one wave. */
export function planRollback(
  record: ReleaseRecord,
  snapshot: FleetSnapshot,
): Plan | { readonly refusals: readonly string[] } {
  const { set, servers, gameServers } = snapshot;
  const baseline = baselineOf(record, snapshot);
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
    hash: hashOf({ uid: set.uid, record: record.release, startedAt: record.startedAt, waves }),
  };
}

const STRATEGIES: readonly string[] = ['rolling', 'targeted', 'newServersOnly'];

/**
 * The guard of the way back. Of the template only the old and the new image are the release's; a third one is somebody
 * else's, and is not overwritten.
 */
function baselineOf(
  record: ReleaseRecord,
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
  if (found.templateImage !== oldImage && found.templateImage !== newImage) {
    const by = set.lastWriters[`/spec/gameServerTemplate/spec/containers/${found.containerIndex}/image`] ?? 'somebody';
    return {
      refusals: [
        `${by} changed the image of ${container} in the template of ${set.ref.name} to ${found.templateImage}, which is neither ${newImage} nor ${oldImage} of ${release}: hotwave does not overwrite it`,
      ],
    };
  }
  // With new servers only nobody who exists moves: the template alone goes back.
  return strategy === 'rolling' ? common : { ...common, templateImage: oldImage };
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
  { priorities = {} }: ReleaseRecord,
  servers: readonly ServerView[],
  gameServers: readonly GameServerView[],
): readonly PriorityChange[] {
  const ordinals = new Map(servers.map(({ name, ordinal }) => [name, ordinal]));
  return gameServers.flatMap(({ name, updatePriority }) => {
    const ordinal = ordinals.get(name);
    const before = Object.keys(priorities).find(
      (priority) => ordinal !== undefined && isInRanges(priorities[priority] ?? '', ordinal),
    );
    if (before === undefined || before === String(updatePriority)) return [];
    return [{ name, from: /^\d+$/.test(before) ? Number(before) : before, to: Number(updatePriority) || 0 }];
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

/** What a rollback needs of a release file: how to ask, and how long to wait. The rest has no part in it. */
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
