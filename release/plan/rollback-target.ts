import { counted } from '../spec/counted.ts';
import type { ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import type { SetBaseline } from '../patches/patches.ts';
import type { Records } from '../record/record.ts';
import { rewritingOf } from '../fleet/rewriting.ts';
import { imageTag } from '../spec/image-reference.ts';

/** Why a rollback goes back to one version and to no other. */
export type RollbackReason =
  | 'what servers run'
  | 'what the last release left'
  | 'stable version'
  | 'what most servers run'
  | 'what servers ran before'
  | 'what the template says'
  | 'asked for';

/** The rollback target, and why. */
export interface RollbackTarget {
  readonly image: string;
  readonly version: string;
  readonly why: RollbackReason;
  /** How many of the servers to move run it when the release is planned. */
  readonly servers: number;
  /** How many servers are to move. */
  readonly of: number;
  /** The version of the set's template, where that is another one than the rollback and the release lead to. */
  readonly template?: string;
}

/** A target before it has a version: which image, and why. */
export type TargetImage = Pick<RollbackTarget, 'image' | 'why' | 'servers' | 'of'>;

/** The image that a server has for a container; empty when it has no such container. */
export function imageOf({ containers }: ServerView, container: string): string {
  return containerOf(containers, container)?.image ?? '';
}

/**
 * The rollback target of a rolling release. One template has to say it for all servers to move:
 *
 * | the servers to move run | back to |
 * |---|---|
 * | one image | that one, whatever the template says |
 * | several; the last release has ended, and most run what it left | that one: the others are those it excluded |
 * | several; a release was left half-way, or none is recorded | the stable version |
 * | the same, and no stable version is recorded | what they ran before the release that was left half-way |
 * | the same, and no release is recorded either | what most of them run; a tie goes to the template's |
 * | nothing: every server runs the new image | what the template says |
 */
export function targetImageOf(toMove: readonly ServerView[], baseline: SetBaseline, records: Records): TargetImage {
  const { container, newImage, templateImage } = baseline;
  const counts = countImages(toMove, container);
  const target = (image: string, why: RollbackReason): TargetImage => ({
    image,
    why,
    servers: counts.get(image) ?? 0,
    of: toMove.length,
  });
  const most = mostCommon(counts, templateImage);
  if (most === undefined) return target(templateImage, 'what the template says');
  if (counts.size === 1) return target(most, 'what servers run');
  const left = leftByLast(records, container);
  if (left === most && (counts.get(left) ?? 0) * 2 > toMove.length) return target(left, 'what the last release left');
  const { stable } = records;
  if (stable?.container === container && stable.image !== newImage) return target(stable.image, 'stable version');
  const before = halfWay(records, container);
  if (before !== undefined && before !== newImage) return target(before, 'what servers ran before');
  return target(most, 'what most servers run');
}

function countImages(servers: readonly ServerView[], container: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const server of servers) {
    const image = imageOf(server, container);
    counts.set(image, (counts.get(image) ?? 0) + 1);
  }
  return counts;
}

/** The image with the highest count. Of equal ones the preferred, else the first by name: the same fleet, the same plan. */
function mostCommon(counts: ReadonlyMap<string, number>, preferred: string): string | undefined {
  const highest = Math.max(0, ...counts.values());
  const candidates = [...counts].filter(([, count]) => count === highest).map(([image]) => image);
  return candidates.includes(preferred) ? preferred : candidates.sort()[0];
}

/** The versions that the last release left servers on; undefined while one is under way, or was left half-way. */
function leftByLast({ running, last }: Records, container: string): string | undefined {
  return running === undefined && last?.container === container ? last.image : undefined;
}

/** The old image of a release that was left half-way. */
function halfWay({ running }: Records, container: string): string | undefined {
  return running?.container === container ? running.oldImage : undefined;
}

/** By which version the records of a set know an image of a container; undefined when they do not. */
export function recordedVersion(
  { running, last, stable }: Records,
  container: string,
  image: string,
): string | undefined {
  const known = [
    ...(stable ? [stable] : []),
    ...(last ? [last, { ...last, image: last.previousImage, version: last.previousVersion }] : []),
    ...(running
      ? [
          { ...running, image: running.oldImage, version: running.oldVersion },
          { ...running, image: running.newImage, version: running.newVersion },
        ]
      : []),
  ];
  return known.find((entry) => entry.container === container && entry.image === image)?.version;
}

/** The target as the plan shows it. `previousVersion` is what a person said the old version is. */
export function rollbackTarget(
  target: TargetImage,
  { container, templateImage, newImage }: SetBaseline,
  { records, previousVersion }: { readonly records: Records; readonly previousVersion: string | undefined },
): RollbackTarget {
  const versionOf = (image: string): string => recordedVersion(records, container, image) ?? imageTag(image);
  // The image that admission has made of the template's is the template's version: a digest alone has no name.
  const isTemplates = target.image === templateImage || rewritingOf(templateImage, target.image) !== undefined;
  const isOther = !isTemplates && templateImage !== newImage;
  return {
    ...target,
    version: previousVersion ?? versionOf(isTemplates ? templateImage : target.image),
    ...(isOther ? { template: versionOf(templateImage) } : {}),
  };
}

/** True when a person would not guess it: servers run several versions, or the template says another one. */
export function isNoteworthy({ why, template }: RollbackTarget): boolean {
  return template !== undefined || (why !== 'what servers run' && why !== 'what the template says');
}

/** `what 13 of 14 servers run; the template says 10.0` */
export function becauseText(target: RollbackTarget): string {
  const { template } = target;
  return `${reasonText(target)}${template === undefined ? '' : `; the template says ${template}`}`;
}

function reasonText({ why, servers, of }: RollbackTarget): string {
  const run = `${servers} of ${counted(of, 'server')}`;
  switch (why) {
    case 'what servers run':
      return of === 1 ? 'what the server runs' : `what all ${counted(of, 'server')} run`;
    case 'what the last release left':
      return `what ${run} run, as the last release left them`;
    case 'stable version':
      return `the stable version; ${run} run it`;
    case 'what most servers run':
      return `what ${run} run; no stable version is recorded`;
    case 'what servers ran before':
      return 'what servers ran before the last release';
    case 'what the template says':
      return 'what the template says';
    case 'asked for':
      return 'as asked for';
  }
}

/** `a rollback goes back to 9.0 (what 13 of 14 servers run; the template says 10.0)` */
export function rollbackSentence(target: RollbackTarget): string {
  return `a rollback goes back to ${target.version} (${becauseText(target)})`;
}
