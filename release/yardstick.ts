import type { ServerView } from './fleet.ts';
import { containerOf } from './fleet.ts';
import { isInRanges } from './ranges.ts';
import type { RecordedAsk, Records } from './record.ts';
import type { ReleaseFile } from './spec.ts';
import { imageTag, updatedContainer } from './spec.ts';

/** What servers are measured against, and who says so. Texts are empty where nobody knows. */
export interface Yardstick {
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
}

/** A yardstick and how to ask servers for what it measures. */
export interface Measure {
  readonly yardstick: Yardstick;
  readonly how: RecordedAsk;
}

/**
 * What to measure with: the release file when a person gave one, else what the set itself says, a running release
 * before one that has ended. `version` replaces the version; which image brings it is then not known.
 */
export function measureOf(
  records: Records,
  file: ReleaseFile | undefined,
  version: string | undefined,
): Measure | undefined {
  const found = file ? ofFile(file) : (ofRunning(records) ?? ofLast(records));
  if (!found || version === undefined) return found;
  const { yardstick, how } = found;
  return { how, yardstick: { ...yardstick, version, image: '', previousImage: '', previousVersion: '' } };
}

function ofFile({ metadata, spec }: ReleaseFile): Measure {
  const { container, image } = updatedContainer(spec);
  const { content, reload, proof, concurrency } = spec;
  return {
    how: { ask: { content, reload, proof, concurrency } },
    yardstick: {
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
  const { release, strategy, container, oldImage, newImage, oldVersion, newVersion, startedAt, how, chosen } = running;
  return {
    how,
    yardstick: {
      source: 'running release',
      release,
      strategy,
      outcome: 'running',
      container,
      image: newImage,
      version: newVersion,
      previousImage: oldImage,
      previousVersion: oldVersion,
      startedAt,
      finishedAt: 0,
      ...(chosen === undefined ? {} : { chosen }),
    },
  };
}

function ofLast({ last }: Records): Measure | undefined {
  if (!last) return undefined;
  const { v: _version, how, ...facts } = last;
  return { how, yardstick: { source: 'last release', ...facts } };
}

/** What one server has to run. */
export interface Wanted {
  readonly version: string;
  /** Empty when any image will do. */
  readonly image: string;
}

/** A pod says in whole seconds when it was made: one of the same seconds as the release is judged by its image. */
const CLOCK_MS = 5_000;

/**
 * What a server has to run. Two strategies leave servers on the other version on purpose:
 *
 * | strategy | outcome | server | has to run |
 * |---|---|---|---|
 * | rolling | any | any | the version |
 * | newServersOnly | done, running | made after the release began | the version |
 * | newServersOnly | done, running | older | the version before |
 * | newServersOnly | rolled back | still on the version that was taken back | that one, with its players |
 * | newServersOnly | rolled back | any other | the version |
 * | targeted | done, running | chosen (not on record: asks for the release's image) | the version |
 * | targeted | done, running | any other | the version before |
 * | targeted | rolled back | any | the version |
 */
export function wantedOf(yardstick: Yardstick, pod: ServerView | undefined): Wanted {
  const { version, image, previousVersion, previousImage, outcome, strategy } = yardstick;
  const now = { version, image };
  if (!pod || image === '' || previousVersion === '') return now;
  const other = { version: previousVersion, image: previousImage };
  const runs = containerOf(pod.containers, yardstick.container)?.image;
  if (strategy === 'newServersOnly') {
    const keepsOther = outcome === 'rolled-back' ? runs === previousImage : isOlder(yardstick, pod, runs === image);
    return keepsOther ? other : now;
  }
  if (strategy !== 'targeted' || outcome === 'rolled-back') return now;
  const isChosen = yardstick.chosen === undefined ? runs === image : isInRanges(yardstick.chosen, pod.ordinal);
  return isChosen ? now : other;
}

/** Of a pod that was made in the same seconds as the release the image decides. */
function isOlder({ startedAt }: Yardstick, { createdAt }: ServerView, hasImage: boolean): boolean {
  if (createdAt >= startedAt) return false;
  return !(hasImage && createdAt > startedAt - CLOCK_MS);
}
