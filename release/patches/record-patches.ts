import type { GuardedPatch, PatchOperation, SetBaseline } from './patches.ts';
import type { Annotated } from './annotations.ts';
import { annotated } from './annotations.ts';
import { NEW_SERVERS_ONLY, annotationPath, identity, sameJson } from './patches.ts';
import type { FailedVersion } from '../record/failed-versions.ts';
import {
  FAILED_VERSIONS_ANNOTATION,
  failedVersionsText,
  readFailedVersions,
  withFailedVersion,
  withoutFailedVersion,
} from '../record/failed-versions.ts';
import type { LastRelease, ReleaseRecord } from '../record/record.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION, recordText } from '../record/record.ts';
import { STABLE_ANNOTATION, stableText } from '../record/stable.ts';

/** A write that changes nothing but the records. */
export function recordPatch(baseline: SetBaseline): GuardedPatch {
  return { preconditions: identity(baseline), changes: [] };
}

/**
 * The strategy that stays to be put back after a release of new servers: while older servers are there, a rolling
 * update would move them.
 */
export function owedStrategy({ updateStrategy }: SetBaseline): NonNullable<LastRelease['putBack']> {
  return { from: NEW_SERVERS_ONLY, to: updateStrategy };
}

/** The strategy that a release before this one has left to be put back, for a release that does not change it. */
export function inheritedStrategy({ liveStrategy, updateStrategy }: SetBaseline): LastRelease['putBack'] {
  return sameJson(liveStrategy, updateStrategy) ? undefined : { from: liveStrategy, to: updateStrategy };
}

/** The same write, and the record of what is needed to go back. */
export function withReleaseRecord(patch: GuardedPatch, set: Annotated, record: ReleaseRecord): GuardedPatch {
  return annotated(patch, set, RELEASE_ANNOTATION, recordText(record));
}

/**
 * The same write, and what the release came to in place of its record. `failed` is the image that it had to take back by
 * itself; one that is done is no failed version any more.
 */
export function withLastRelease(
  patch: GuardedPatch,
  set: Annotated,
  last: LastRelease,
  failed?: FailedVersion,
): GuardedPatch {
  const ended = annotated(patch, set, LAST_RELEASE_ANNOTATION, recordText(last));
  const cleared = set.annotations === undefined ? ended : { ...ended, changes: [...ended.changes, ...REMOVAL] };
  return withFailedVersions(withStableVersion(cleared, set, last), set, last, failed);
}

/** The version that every server has proved takes the place of the one before; else that one stays the stable version. */
function withStableVersion(patch: GuardedPatch, set: Annotated, last: LastRelease): GuardedPatch {
  const { everyServer, container, image, version, release, finishedAt: at } = last;
  if (everyServer !== true) return patch;
  return annotated(patch, set, STABLE_ANNOTATION, stableText({ v: 1, container, image, version, release, at }));
}

function withFailedVersions(
  patch: GuardedPatch,
  set: Annotated,
  { outcome, image }: LastRelease,
  failed: FailedVersion | undefined,
): GuardedPatch {
  const key = FAILED_VERSIONS_ANNOTATION;
  const { versions } = readFailedVersions(set.annotations);
  if (failed) return annotated(patch, set, key, failedVersionsText(withFailedVersion(versions, failed)));
  if (outcome !== 'done' || !versions.some((version) => version.image === image)) return patch;
  const left = withoutFailedVersion(versions, image);
  if (left.length > 0) return annotated(patch, set, key, failedVersionsText(left));
  return { ...patch, changes: [...patch.changes, { op: 'remove', path: annotationPath(key) }] };
}

/**
 * Removing what is not there fails the whole patch: it is written first, so that a record that somebody deleted does
 * not matter.
 */
const REMOVAL: readonly PatchOperation[] = [
  { op: 'add', path: annotationPath(RELEASE_ANNOTATION), value: '' },
  { op: 'remove', path: annotationPath(RELEASE_ANNOTATION) },
];
