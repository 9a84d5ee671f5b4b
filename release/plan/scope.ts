import type { ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import { updateOrder } from '../fleet/order.ts';
import type { SetBaseline } from '../patches/patches.ts';
import type { FleetSnapshot, PlanRefusal } from './plan.ts';
import { isSelected, unknownServers } from '../fleet/selection.ts';
import { readRecords } from '../record/record.ts';
import type { ReleaseSpec } from '../spec/spec.ts';
import { byName } from './waves.ts';

/** Which servers a release is about, by what it does with them. */
export interface Scope {
  /** In update order. */
  readonly toMove: readonly ServerView[];
  /** Run the new image already. */
  readonly moved: readonly ServerView[];
  /** Of those that moved: through an override of their GameServer, which the release takes over into the template. */
  readonly adopted: readonly ServerView[];
  readonly bystanders: readonly ServerView[];
  /** Names of servers to move whose GameServer has an override of the image already. */
  readonly overridden: readonly string[];
  /** What the servers go back to. */
  readonly oldImage: string;
  /** An image that an earlier release has left on some of them, when it ended half-way. */
  readonly leftOn?: string | undefined;
}

/** Chooses the servers of a release by its strategy, or says why they cannot be chosen. */
export function scopeOf(spec: ReleaseSpec, snapshot: FleetSnapshot, baseline: SetBaseline): Scope | PlanRefusal {
  switch (spec.strategy) {
    case 'rolling':
      return rollingScope(snapshot, baseline);
    case 'targeted':
      return targetedScope(spec, snapshot, baseline);
    case 'newServersOnly':
      return {
        toMove: [],
        moved: [],
        adopted: [],
        bystanders: snapshot.servers,
        overridden: [],
        oldImage: baseline.oldImage,
      };
  }
}

const imageOf = (server: ServerView, container: string): string =>
  containerOf(server.containers, container)?.image ?? '';

function split(servers: readonly ServerView[], { container, newImage }: SetBaseline): Pick<Scope, 'toMove' | 'moved'> {
  return {
    moved: servers.filter((server) => imageOf(server, container) === newImage),
    toMove: updateOrder(servers.filter((server) => imageOf(server, container) !== newImage)),
  };
}

function imagesOf(servers: readonly ServerView[], container: string): string[] {
  return [...new Set(servers.map((server) => imageOf(server, container)))];
}

function rollingScope(snapshot: FleetSnapshot, baseline: SetBaseline): Scope | PlanRefusal {
  const { container, newImage, templateImage } = baseline;
  const { moved, toMove } = split(snapshot.servers, baseline);
  const images = imagesOf(toMove, container);
  if (templateImage === newImage && images.length > 1) {
    return {
      refusals: [
        `the servers of ${snapshot.set.ref.name} run ${images.length} different images besides ${newImage} (${images.join(', ')}) and the set's template already has the new one, so there is nothing to roll back to: bring them to one version first`,
      ],
    };
  }
  const gameServers = byName(snapshot.gameServers);
  return {
    moved,
    toMove,
    adopted: moved.filter(({ name }) => gameServers.get(name)?.imageOverrides[container] === newImage),
    bystanders: [],
    overridden: [],
    oldImage: templateImage === newImage ? (images[0] ?? templateImage) : templateImage,
  };
}

function targetedScope(spec: ReleaseSpec, snapshot: FleetSnapshot, baseline: SetBaseline): Scope | PlanRefusal {
  const { container } = baseline;
  const { servers, set } = snapshot;
  const criteria = spec.target.servers ?? {};
  const unknown = unknownServers(criteria, servers);
  if (unknown.length > 0)
    return {
      refusals: [`spec.target.servers names servers that ${set.ref.name} does not have: ${unknown.join(', ')}`],
    };
  const gameServers = byName(snapshot.gameServers);
  const chosen = servers.filter((server) => isSelected(server, criteria, gameServers));
  if (chosen.length === 0) return { refusals: [`spec.target.servers chooses none of the ${servers.length} servers`] };
  const { moved, toMove } = split(chosen, baseline);
  const images = imagesOf(toMove, container);
  const half = halfDone(set, container, images);
  if (images.length > 1 && !half) {
    return {
      refusals: [
        `the chosen servers run ${images.length} different images of ${container} (${images.join(', ')}), so there is no one version to roll back to: choose servers that run the same`,
      ],
    };
  }
  const own = (name: string): string | undefined => gameServers.get(name)?.imageOverrides[container];
  const names = toMove.map(({ name }) => name);
  return {
    moved,
    toMove,
    adopted: [],
    bystanders: servers.filter((server) => !chosen.includes(server)),
    overridden: names.filter((name) => own(name) !== undefined && own(name) !== half?.newImage),
    oldImage: half?.oldImage ?? images[0] ?? baseline.oldImage,
    ...(half ? { leftOn: half.newImage } : {}),
  };
}

/** A targeted release that ended half-way has left two images, and says on the set which of them is the old one. */
function halfDone(
  { annotations }: FleetSnapshot['set'],
  container: string,
  images: readonly string[],
): { readonly oldImage: string; readonly newImage: string } | undefined {
  const { running } = readRecords(annotations);
  if (images.length !== 2 || running?.strategy !== 'targeted' || running.container !== container) return undefined;
  const { oldImage, newImage } = running;
  return images.includes(oldImage) && images.includes(newImage) ? { oldImage, newImage } : undefined;
}
