import type { ServerView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import { isInRanges } from '../fleet/ranges.ts';
import type { EarlierVersion, RecordedAsk, Records } from '../record/record.ts';
import type { ReleaseFile } from '../spec/spec.ts';
import { imageTag } from '../spec/image-reference.ts';
import { updatedContainer } from '../spec/spec.ts';

/** The versions that servers are measured against, and the source. Texts are empty where nobody knows. */
export interface ExpectedVersion {
  readonly source: 'last release' | 'running release' | 'release file';
  readonly release: string;
  readonly strategy: string;
  readonly outcome: 'done' | 'rolled-back' | 'running' | '';
  /** The container whose image releases change. */
  readonly container: string;
  readonly image: string;
  readonly version: string;
  readonly previousImage: string;
  readonly previousVersion: string;
  /** Milliseconds since the epoch; 0 when nobody knows. */
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Strategy targeted: the ordinals of the chosen servers as compact ranges. */
  readonly chosen?: string;
  /** The versions of servers that the release did not move. */
  readonly earlier?: readonly EarlierVersion[];
}

/** A expectedVersion and how to ask servers for what it measures. */
export interface Measure {
  readonly expectedVersion: ExpectedVersion;
  readonly how: RecordedAsk;
}

/**
 * The expectation to measure with: the release file when a person gave one, else what the set itself says, a running
 * release before one that has ended. `version` replaces the version; which image brings it is then not known.
 */
export function measureOf(
  records: Records,
  file: ReleaseFile | undefined,
  version: string | undefined,
): Measure | undefined {
  const found = file ? ofFile(file) : (ofRunning(records) ?? ofLast(records));
  if (!found || version === undefined) return found;
  const { expectedVersion, how } = found;
  return { how, expectedVersion: { ...expectedVersion, version, image: '', previousImage: '', previousVersion: '' } };
}

function ofFile({ metadata, spec }: ReleaseFile): Measure {
  const { container, image } = updatedContainer(spec);
  const { content, reload, proof, concurrency } = spec;
  return {
    how: { ask: { content, reload, proof, concurrency } },
    expectedVersion: {
      source: 'release file',
      release: metadata.name,
      strategy: spec.strategy,
      outcome: '',
      container,
      image,
      version: spec.version ?? imageTag(image),
      previousImage: '',
      previousVersion: spec.previousVersion ?? '',
      startedAt: 0,
      finishedAt: 0,
    },
  };
}

function ofRunning({ running }: Records): Measure | undefined {
  if (!running) return undefined;
  const { release, strategy, container, oldImage, newImage, oldVersion, newVersion, startedAt, how, chosen, earlier } =
    running;
  const [old, latest] = [
    { image: oldImage, version: oldVersion },
    { image: newImage, version: newVersion },
  ];
  const [wanted, other] = running.back === true ? [old, latest] : [latest, old];
  return {
    how,
    expectedVersion: {
      source: 'running release',
      release,
      strategy,
      outcome: running.back === true ? 'rolled-back' : 'running',
      container,
      ...wanted,
      previousImage: other.image,
      previousVersion: other.version,
      startedAt,
      finishedAt: running.back === true ? (running.leftAt ?? 0) : 0,
      ...(chosen === undefined ? {} : { chosen }),
      ...(earlier === undefined ? {} : { earlier }),
    },
  };
}

function ofLast({ last }: Records): Measure | undefined {
  if (!last) return undefined;
  const { v: _version, how, ...facts } = last;
  return { how, expectedVersion: { source: 'last release', ...facts } };
}

/** The version that one server has to run. */
export interface Wanted {
  readonly version: string;
  /** Empty when any image will do. */
  readonly image: string;
}

/** A pod says in whole seconds when it was made: one of the same seconds as the release is judged by its image. */
const CLOCK_MS = 5_000;

/**
 * The version that a server has to run. Two strategies leave servers on the other version on purpose, and any may
 * leave servers on what an earlier release brought them to (`earlier`, by name or for all others):
 *
 * | strategy | outcome | server | has to run |
 * |---|---|---|---|
 * | rolling | any | any | the version |
 * | newServersOnly | done, running | made after the release began | the version |
 * | newServersOnly | done, running | older | the version before |
 * | newServersOnly | rolled back | still on the version that was taken back | that one, with its players |
 * | newServersOnly | rolled back | any other | the version |
 * | targeted | any | chosen (not on record: asks for the release's image) | the version |
 * | targeted | done, running | any other | the version before |
 * | targeted | rolled back | any other | the version |
 * | any | any | named in `earlier`, and not moved | what `earlier` says |
 */
export function wantedOf(expectedVersion: ExpectedVersion, pod: ServerView | undefined): Wanted {
  const { version, image, previousVersion, previousImage, outcome, strategy } = expectedVersion;
  const now = { version, image };
  if (!pod || image === '' || previousVersion === '') return now;
  const other = { version: previousVersion, image: previousImage };
  const left = leftBefore(expectedVersion, pod);
  if (strategy === 'newServersOnly') return ofNewServers(expectedVersion, pod, { now, other, left });
  if (left) return left;
  if (strategy !== 'targeted' || isChosen(expectedVersion, pod)) return now;
  return ofTemplate(expectedVersion) ?? (outcome === 'rolled-back' ? now : other);
}

function ofNewServers(
  expectedVersion: ExpectedVersion,
  pod: ServerView,
  { now, other, left }: { readonly now: Wanted; readonly other: Wanted; readonly left: Wanted | undefined },
): Wanted {
  const runs = imageOf(expectedVersion, pod);
  if (expectedVersion.outcome === 'rolled-back') return runs === other.image ? other : (left ?? now);
  return isOlder(expectedVersion, pod, runs === now.image) ? (left ?? other) : now;
}

/** True when a server has the image that it has to run by an override of its GameServer, which a release left there. */
export function isOverriddenOnPurpose(expectedVersion: ExpectedVersion, pod: ServerView): boolean {
  const { source, strategy, outcome } = expectedVersion;
  // A rollback that ended on a set with somebody else's template.
  if (source === 'running release' && outcome === 'rolled-back') return true;
  if (leftBefore(expectedVersion, pod)) return true;
  if (strategy !== 'targeted') return false;
  // Taken back, a server that had no override before keeps none.
  return outcome !== 'rolled-back' || (ofTemplate(expectedVersion) !== undefined && isChosen(expectedVersion, pod));
}

/** The image that a release found in the template, or left there; empty when it does not say. */
export function templateLeftBy(expectedVersion: ExpectedVersion): string {
  const { strategy, outcome, image, previousImage } = expectedVersion;
  if (strategy !== 'targeted') return image;
  return ofTemplate(expectedVersion)?.image ?? (outcome === 'rolled-back' ? image : previousImage);
}

function imageOf({ container }: ExpectedVersion, pod: ServerView): string | undefined {
  return containerOf(pod.containers, container)?.image;
}

function isChosen(expectedVersion: ExpectedVersion, pod: ServerView): boolean {
  const { chosen, image, outcome } = expectedVersion;
  if (chosen !== undefined) return isInRanges(chosen, pod.ordinal);
  return outcome === 'rolled-back' || imageOf(expectedVersion, pod) === image;
}

function leftBefore({ earlier = [] }: ExpectedVersion, { ordinal }: ServerView): Wanted | undefined {
  const found = earlier.find(({ servers }) => servers !== undefined && isInRanges(servers, ordinal));
  return found && { version: found.version, image: found.image };
}

/** Strategy targeted: what the template gave when the chosen servers had something else already. */
function ofTemplate({ earlier = [] }: ExpectedVersion): Wanted | undefined {
  const found = earlier.find(({ servers }) => servers === undefined);
  return found && { version: found.version, image: found.image };
}

/** Of a pod that was made in the same seconds as the release the image decides. */
function isOlder({ startedAt }: ExpectedVersion, { createdAt }: ServerView, hasImage: boolean): boolean {
  if (createdAt >= startedAt) return false;
  return !(hasImage && createdAt > startedAt - CLOCK_MS);
}
