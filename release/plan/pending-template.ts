import { agreed, counted } from '../spec/counted.ts';
import type { ServerView, WorkloadView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import type { SetBaseline } from '../patches/patches.ts';
import { TEMPLATE } from '../patches/template.ts';
import { byName } from './waves.ts';
import type { FleetSnapshot } from './plan.ts';

/** An image of the template, beside the release's own, that servers have not taken over yet: who moves would get it, too. */
export interface PendingImage {
  readonly container: string;
  /** JSON pointer of the image from the root of the set. */
  readonly field: string;
  readonly image: string;
  /** The version that most of the servers run instead. */
  readonly runs: string;
  readonly servers: readonly string[];
}

/**
 * The images that somebody has staged in the template of a set: of containers that the release has no part in, and that
 * servers of another revision than the template's do not run. Where a GameServer overrides an image, that is its own; a
 * server at the template's revision has it as admission has made it.
 * @param workload what the controllers have made of the set
 */
export function pendingImages(
  { set, servers, gameServers }: FleetSnapshot,
  container: string,
  workload: Pick<WorkloadView, 'updateRevision' | 'containers'> | undefined,
): readonly PendingImage[] {
  const known = byName(gameServers);
  const staying = servers.filter(({ deleting }) => !deleting);
  return set.containers.flatMap(({ name, image }, index) => {
    if (name === container) return [];
    // Before the controllers have taken the template over there is no revision of it.
    const isKnown = workload && containerOf(workload.containers, name)?.image === image;
    const waiting = staying.filter(
      (server) =>
        imageOf(server, name) !== image &&
        known.get(server.name)?.imageOverrides[name] === undefined &&
        !(isKnown && server.revision === workload.updateRevision),
    );
    const runs = mostCommon(waiting.map((server) => imageOf(server, name) ?? ''));
    const field = `${TEMPLATE}/spec/containers/${index}/image`;
    const names = waiting.map((server) => server.name);
    return runs === undefined ? [] : [{ container: name, field, image, runs, servers: names }];
  });
}

function imageOf(server: ServerView, container: string): string | undefined {
  return containerOf(server.containers, container)?.image;
}

function mostCommon(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, left], [, right]) => right - left)[0]?.[0];
}

/** A staged change, as a sentence. */
export function pendingText({ container, field, image, runs, servers }: PendingImage, name: string): string {
  const some = `${servers.slice(0, 5).join(', ')}${servers.length > 5 ? ', ...' : ''}`;
  return `the template of ${name} has ${image} for container ${container} (${field}), and ${counted(servers.length, 'server')} ${agreed(servers.length, 'runs', 'run')} ${runs || 'no such container'} (${some}): every server that moves would get that, too`;
}

/** The template as the servers have it: a write that would give them what is staged is refused like any other edit. */
export function asServersRun(baseline: SetBaseline, pending: readonly PendingImage[]): SetBaseline {
  const images = pending.map(({ field, runs }) => [field.slice(TEMPLATE.length), runs] as const);
  return { ...baseline, template: { ...baseline.template, ...Object.fromEntries(images) } };
}
