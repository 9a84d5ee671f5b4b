import type { ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import type { SetBaseline } from '../patches/patches.ts';
import type { FleetSnapshot } from './plan.ts';
import { compactRanges } from '../fleet/ranges.ts';
import type { EarlierVersion } from '../record/record.ts';
import { readRecords } from '../record/record.ts';
import type { ReleaseSpec } from '../spec/spec.ts';
import { imageTag } from '../spec/image-reference.ts';
import type { ExpectedVersion } from '../audit/expectation.ts';
import { measureOf, wantedOf } from '../audit/expectation.ts';

/** Longest list of ordinals, in characters: the record on the set has to stay small. */
const MOST_CHARACTERS = 2_048;
/** A set with more versions side by side than this has other troubles than an audit. */
const MOST_VERSIONS = 8;

/** The servers whose versions are to be remembered, by what the release does with them. */
export interface Untouched {
  readonly adopted: readonly ServerView[];
  readonly bystanders: readonly ServerView[];
}

/**
 * The versions of earlier releases on servers that this one does not move: the record of this release replaces theirs,
 * and a server that still runs what its own release proved shows no mismatch.
 */
export function earlierVersions(
  { strategy, version }: Pick<ReleaseSpec, 'strategy' | 'version'>,
  { set }: Pick<FleetSnapshot, 'set'>,
  baseline: SetBaseline,
  { adopted, bystanders }: Untouched,
): readonly EarlierVersion[] {
  const { newImage, oldImage, templateImage, container } = baseline;
  if (strategy === 'rolling') {
    const own = { image: newImage, version: version ?? imageTag(newImage) };
    return bounded(adopted.length === 0 ? [] : [{ ...own, servers: ordinalsOf(adopted) }]);
  }
  const before = expectedVersionOf(set, container);
  const ofTemplate = { image: templateImage, version: before ? versionOf(before, templateImage) : '' };
  const left = before ? groups(before, bystanders, templateImage) : [];
  const template = ofTemplate.version || imageTag(templateImage);
  const hasOtherTemplate = strategy === 'targeted' && oldImage !== templateImage && template !== '';
  return bounded([...left, ...(hasOtherTemplate ? [{ image: templateImage, version: template }] : [])]);
}

function expectedVersionOf(set: FleetSnapshot['set'], container: string): ExpectedVersion | undefined {
  const found = measureOf(readRecords(set.annotations), undefined, undefined)?.expectedVersion;
  return found?.container === container ? found : undefined;
}

/** Servers that run what they have to, and not what the template gives, by version. */
function groups(before: ExpectedVersion, servers: readonly ServerView[], usual: string): EarlierVersion[] {
  const found = new Map<string, { image: string; version: string; servers: ServerView[] }>();
  for (const server of servers) {
    const { image, version } = wantedOf(before, server);
    const runs = containerOf(server.containers, before.container)?.image;
    if (image === '' || version === '' || runs !== image || image === usual) continue;
    const key = JSON.stringify([image, version]);
    const group = found.get(key) ?? { image, version, servers: [] };
    group.servers.push(server);
    found.set(key, group);
  }
  return [...found.values()].map(({ image, version, servers: left }) => ({
    image,
    version,
    servers: ordinalsOf(left),
  }));
}

/** By what version the release before knew an image; empty when it did not. */
function versionOf(
  { image, version, previousImage, previousVersion, earlier = [] }: ExpectedVersion,
  wanted: string,
): string {
  const known = [{ image, version }, { image: previousImage, version: previousVersion }, ...earlier];
  return known.find((entry) => entry.image === wanted)?.version ?? '';
}

function ordinalsOf(servers: readonly ServerView[]): string {
  return compactRanges(servers.map(({ ordinal }) => ordinal));
}

function bounded(versions: readonly EarlierVersion[]): readonly EarlierVersion[] {
  return versions.filter(({ servers = '' }) => servers.length <= MOST_CHARACTERS).slice(0, MOST_VERSIONS);
}
