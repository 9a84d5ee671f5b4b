import { z } from 'zod';
import { plainText } from '../spec/plain-text.ts';
import { plainLine, remark } from '../spec/text.ts';
import { momentSchema } from '../spec/quantity.ts';
import { looksSecret } from '../spec/redact.ts';

/** Annotation of a set: images that a release had to take back by itself, so that nobody releases them again unawares. */
export const FAILED_VERSIONS_ANNOTATION = 'hotwave.dev/failed-versions';

/** Oldest go first. All annotations of an object share 256 KiB. */
const KEPT = 10;
const LONGEST_REASON = 300;
const READ_LIMIT = 64 * 1024;

const versionSchema = z.object({
  image: plainLine(1_024),
  release: plainLine(63),
  at: momentSchema,
  reason: remark(2_000).prefault(''),
});

/** An image that a release had to take back by itself. */
export interface FailedVersion {
  readonly image: string;
  readonly release: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason: string;
}

/** The images that have failed on a set, oldest first, and what is wrong with the annotation. */
export interface FailedVersions {
  readonly versions: readonly FailedVersion[];
  readonly unreadable?: string;
}

/** Reads the annotation. Never throws: people and tools edit annotations. An entry that cannot be read is left out. */
export function readFailedVersions(annotations: Readonly<Record<string, string>> | undefined): FailedVersions {
  const text = annotations?.[FAILED_VERSIONS_ANNOTATION];
  if (text === undefined) return { versions: [] };
  const unreadable = `the annotation ${FAILED_VERSIONS_ANNOTATION} cannot be read`;
  const parsed = z.object({ versions: z.array(z.unknown()) }).safeParse(jsonOf(text));
  if (!parsed.success) return { versions: [], unreadable };
  const entries = parsed.data.versions.slice(-KEPT).map((entry) => versionSchema.safeParse(entry));
  const versions = entries.flatMap(({ data }) => (data ? [data] : []));
  return versions.length === entries.length ? { versions } : { versions, unreadable: `${unreadable} as a whole` };
}

function jsonOf(text: string): unknown {
  if (text.length > READ_LIMIT) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The failed image and no more than nine others; one that fails again is only the newest once. */
export function withFailedVersion(versions: readonly FailedVersion[], failed: FailedVersion): readonly FailedVersion[] {
  const reason = looksSecret(failed.reason) ? 'not kept: it seems to hold a credential' : failed.reason;
  const kept = { ...failed, reason: plainText(reason, LONGEST_REASON) };
  return [...versions.filter(({ image }) => image !== failed.image), kept].slice(-KEPT);
}

/** The failed images without one that has been released well since. */
export function withoutFailedVersion(versions: readonly FailedVersion[], image: string): readonly FailedVersion[] {
  return versions.filter((version) => version.image !== image);
}

/** The text of the annotation. */
export function failedVersionsText(versions: readonly FailedVersion[]): string {
  return JSON.stringify({ v: 1, versions });
}

/** Why an image is not released again unawares; undefined when it has not failed on this set. */
export function failedBefore({ versions }: FailedVersions, image: string): string | undefined {
  const failed = versions.find((version) => version.image === image);
  if (!failed) return undefined;
  const { release, at, reason } = failed;
  return `${image} failed before: ${release} took it back on ${new Date(at).toISOString().slice(0, 10)}${reason === '' ? '' : `, because ${reason}`}`;
}
