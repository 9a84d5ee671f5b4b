import { commandLine } from '../narrate/shell.ts';
import { z } from 'zod';
import type { GameServerSetView } from '../fleet/fleet.ts';
import type { LastRelease, Records, ReleaseRecord } from '../record/record.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION, readRecords } from '../record/record.ts';
import { imageTag } from '../spec/image-reference.ts';
import type { RollbackReason } from './rollback-target.ts';
import { recordedVersion } from './rollback-target.ts';

/** The wish for the stable version, whichever that is: it has its own image. */
export const STABLE = 'stable';

const wishSchema = z
  .strictObject({
    version: z.string().trim().min(1).max(1_024).optional(),
    image: z.string().trim().min(1).max(1_024).optional(),
  })
  .refine(({ version, image }) => version !== STABLE || image === undefined);

/** A version to go back to that is not the usual one. */
export interface BackWish {
  /** `stable` is the stable version. Default: by what the records, or its tag, call the image. */
  readonly version?: string | undefined;
  /** Its image, when no record knows the version. */
  readonly image?: string | undefined;
}

/**
 * The version that a set can go back to by what is written on it, or why it cannot, in a sentence with the command
 * that helps.
 */
export type WayBack =
  | {
      readonly kind: 'found';
      /** The release that is taken back, and what it is taken back to (`oldImage`). */
      readonly record: ReleaseRecord;
      /** This very record is on the set already; else it is to be written before anything moves. */
      readonly isRecorded: boolean;
      /** Images that the template may have now. Any other is somebody else's, and is not overwritten. */
      readonly own: readonly string[];
      readonly why: RollbackReason;
    }
  | { readonly kind: 'nothing' | 'refused'; readonly reason: string };

type Dead = Extract<WayBack, { readonly reason: string }>;
type Subject = Pick<GameServerSetView, 'ref' | 'annotations' | 'updateStrategy' | 'hasUpdateStrategy'>;

/**
 * The target of a `rollback` while no release runs:
 *
 * | on the set | without a wish | with one |
 * |---|---|---|
 * | a release that was lost, or left half-way | what servers ran before it | the wish |
 * | a release that is done | the version before it | the wish |
 * | a release that is rolled back | nothing to do | the wish |
 * | nothing that can be read | refused | refused |
 */
export function wayBack(set: Subject, wish: BackWish | undefined): WayBack {
  const records = readRecords(set.annotations);
  const { running, last } = records;
  if (wish && !isReadable(wish))
    return refused(`it is not understood what to go back to: ${commandOf('rollback', set, '--to', 'VERSION')}`);
  if (running) return wish ? toWish(running, wish, { set, records }) : asRecorded(running);
  const broken = records.unreadable.find((sentence) => sentence.includes(`${RELEASE_ANNOTATION} `));
  if (broken !== undefined)
    return refused(`${broken}. It says what to go back to; repair it, or release the old image with hotwave start`);
  if (!last) return refused(nothingWritten(set.ref.name, records));
  if (wish) return toWish(afterEnd(last, set), wish, { set, records });
  return last.outcome === 'done' ? beforeLast(last, set) : alreadyBack(last, set);
}

/** It comes with the input of a workflow, which anybody may have started. */
function isReadable(wish: unknown): boolean {
  const parsed = wishSchema.safeParse(wish);
  return parsed.success && (parsed.data.version ?? parsed.data.image) !== undefined;
}

const refused = (reason: string): Dead => ({ kind: 'refused', reason });

function nothingWritten(name: string, { unreadable }: Records): string {
  const [problem] = unreadable;
  return `${
    problem ??
    `${name} has neither the annotation ${RELEASE_ANNOTATION} nor ${LAST_RELEASE_ANNOTATION}: no release of hotwave has written it, or somebody took them away`
  }. Release the old image with hotwave start`;
}

function asRecorded(record: ReleaseRecord): WayBack {
  const { oldImage, newImage } = record;
  return { kind: 'found', record, isRecorded: true, own: [oldImage, newImage], why: 'what servers ran before' };
}

function beforeLast(last: LastRelease, set: Subject): WayBack {
  const record = afterEnd(last, set);
  const { oldImage, newImage } = record;
  if (oldImage === newImage)
    return refused(
      `${last.release} has only made engines load ${last.version} again, with the image that they had: to which version, ${commandOf('rollback', set, '--to', 'VERSION', '--image', 'IMAGE')}`,
    );
  return { kind: 'found', record, isRecorded: false, own: [oldImage, newImage], why: 'what servers ran before' };
}

function alreadyBack({ release, image }: LastRelease, { ref }: Subject): Dead {
  return { kind: 'nothing', reason: `nothing to do: ${release} is rolled back, and ${ref.name} is on ${image} again` };
}

/** A release that has ended, as a record of one to take back: to the version that it does not run now. */
function afterEnd(last: LastRelease, { updateStrategy, hasUpdateStrategy }: Subject): ReleaseRecord {
  const { v, release, strategy, container, chosen, earlier, how, startedAt, putBack } = last;
  return {
    v,
    release,
    strategy,
    container,
    how,
    startedAt,
    oldImage: last.previousImage,
    oldVersion: last.previousVersion,
    newImage: last.image,
    newVersion: last.version,
    updateStrategy: putBack?.to ?? (hasUpdateStrategy ? updateStrategy : {}),
    ...(chosen === undefined ? {} : { chosen }),
    ...(earlier === undefined ? {} : { earlier }),
  };
}

interface Surroundings {
  readonly set: Subject;
  readonly records: Records;
}

function toWish(from: ReleaseRecord, wish: BackWish, around: Surroundings): WayBack {
  const { set, records } = around;
  const found = wished(wish, from.container, around);
  if ('kind' in found) return found;
  const { image, version } = found;
  if (image === from.newImage && version !== from.newVersion)
    return refused(
      `${image} is ${from.newVersion}, which ${from.release} has brought, and not ${version}: leave one of --to and --image out`,
    );
  if (!records.running && image === from.newImage)
    return {
      kind: 'nothing',
      reason: `nothing to do: ${set.ref.name} is on ${version} since ${from.release}; ${commandOf('verify', set)} asks every server`,
    };
  if (image === from.newImage)
    return refused(
      `${version} is what ${from.release} was bringing: hotwave start with the same release file goes on with it`,
    );
  // A release that has ended leaves its own image in the template, one that was left half-way either of the two.
  const own = records.running ? [from.oldImage, from.newImage, image] : [from.newImage, image];
  const record = { ...from, oldImage: image, oldVersion: version };
  return { kind: 'found', record, isRecorded: false, own, why: 'asked for' };
}

interface Known {
  readonly image: string;
  readonly version: string;
  readonly isStable?: true;
}

function wished({ version, image }: BackWish, container: string, { set, records }: Surroundings): Known | Dead {
  const wanted = version === undefined || version === STABLE ? 'VERSION' : version;
  const withImage = (named: string): string => commandOf('rollback', set, '--to', wanted, '--image', named);
  if (image !== undefined) {
    const name = version ?? recordedVersion(records, container, image) ?? imageTag(image);
    return name === ''
      ? refused(`${image} does not say which version it is: ${withImage(image)}`)
      : { image, version: name };
  }
  const known = knownVersions(records, container);
  const stable = known.find(({ isStable }) => isStable);
  const found = known.find((entry) => entry.version === version) ?? (version === STABLE ? stable : undefined);
  if (found) return found;
  const names = [...new Set(known.map((entry) => entry.version))].map((name) =>
    name === stable?.version ? `${name} (stable)` : name,
  );
  const what = version === STABLE ? 'a stable version' : `the version ${version ?? ''}`;
  return refused(
    `${set.ref.name} does not know ${what}: its records name ${names.join(', ')}. Say its image too: ${withImage('IMAGE')}`,
  );
}

/** The versions that the records of a set name, the likeliest first. */
function knownVersions({ stable, last, running }: Records, container: string): readonly Known[] {
  const ofStable = stable?.container === container ? [{ ...pick(stable), isStable: true as const }] : [];
  const ofLast =
    last?.container === container
      ? [pick(last), { image: last.previousImage, version: last.previousVersion }, ...(last.earlier ?? []).map(pick)]
      : [];
  const ofRunning =
    running?.container === container
      ? [
          { image: running.oldImage, version: running.oldVersion },
          { image: running.newImage, version: running.newVersion },
          ...(running.earlier ?? []).map(pick),
        ]
      : [];
  return [...ofStable, ...ofRunning, ...ofLast];
}

const pick = ({ image, version }: Known): Known => ({ image, version });

function commandOf(verb: string, { ref: { namespace, name } }: Subject, ...flags: readonly string[]): string {
  return commandLine(verb, `${namespace}/${name}`, ...flags);
}
