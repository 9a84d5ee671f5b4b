import { counted } from '../spec/counted.ts';
import type { ServerView } from '../fleet/fleet.ts';
import { updateOrder } from '../fleet/order.ts';
import type { SetBaseline } from '../patches/patches.ts';
import type { FleetSnapshot, PlanRefusal } from './plan.ts';
import { isSelected, unknownServers } from '../fleet/selection.ts';
import { readRecords } from '../record/record.ts';
import type { TargetImage } from './rollback-target.ts';
import { imageOf, targetImageOf } from './rollback-target.ts';
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
  /** The target of the servers that go back, and why. */
  readonly back: TargetImage;
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
        back: ofTemplate(baseline),
      };
  }
}

const ofTemplate = ({ templateImage }: SetBaseline): TargetImage => ({
  image: templateImage,
  why: 'what the template says',
  servers: 0,
  of: 0,
});

function split(servers: readonly ServerView[], { container, newImage }: SetBaseline): Pick<Scope, 'toMove' | 'moved'> {
  return {
    moved: servers.filter((server) => imageOf(server, container) === newImage),
    toMove: updateOrder(servers.filter((server) => imageOf(server, container) !== newImage)),
  };
}

function imagesOf(servers: readonly ServerView[], container: string): string[] {
  return [...new Set(servers.map((server) => imageOf(server, container)))];
}

function rollingScope(snapshot: FleetSnapshot, baseline: SetBaseline): Scope {
  const { container, newImage } = baseline;
  const { moved, toMove } = split(snapshot.servers, baseline);
  const gameServers = byName(snapshot.gameServers);
  return {
    moved,
    toMove,
    adopted: moved.filter(({ name }) => gameServers.get(name)?.imageOverrides[container] === newImage),
    bystanders: [],
    overridden: [],
    back: targetImageOf(toMove, baseline, readRecords(snapshot.set.annotations)),
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
  if (chosen.length === 0)
    return { refusals: [`spec.target.servers chooses none of the ${counted(servers.length, 'server')}`] };
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
    back: backOfChosen(toMove, baseline, half?.oldImage),
    ...(half ? { leftOn: half.newImage } : {}),
  };
}

/** The chosen servers run one image, or an earlier release that ended half-way says which of two was the old one. */
function backOfChosen(toMove: readonly ServerView[], baseline: SetBaseline, before: string | undefined): TargetImage {
  const { container } = baseline;
  const [image] = before === undefined ? imagesOf(toMove, container) : [before];
  if (image === undefined) return ofTemplate(baseline);
  const servers = toMove.filter((server) => imageOf(server, container) === image).length;
  const why = before === undefined ? 'what servers run' : 'what servers ran before';
  return { image, why, servers, of: toMove.length };
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
