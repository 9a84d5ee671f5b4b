import type { ContainerView, ServerView, SetRef } from '../fleet/fleet.ts';
import { containerOf, isServing } from '../fleet/fleet.ts';
import type { RecordedAsk } from '../record/record.ts';
import { imageTag } from '../spec/image-reference.ts';
import type { Wanted, ExpectedVersion } from './expectation.ts';
import { isOverriddenOnPurpose, templateLeftBy, wantedOf } from './expectation.ts';

/** Everything that the rows of an audit have in common. */
export interface AuditFrame {
  readonly set: SetRef;
  readonly replicas: number;
  /** The image that the set's template asks for in the expectedVersion's container. */
  readonly templateImage: string;
  /** The containers of the set's template: what others put into its pods does not count. Absent: all that a pod has. */
  readonly containers?: readonly string[] | undefined;
  readonly expectedVersion: ExpectedVersion;
  readonly how: RecordedAsk;
  /** The facts about the set itself that a person should know, a sentence each. */
  readonly notes: readonly string[];
}

/** The answer to one question. */
export interface Heard {
  readonly kind: 'right' | 'wrong' | 'silent';
  /** The version that it names; empty when nothing was said. */
  readonly version: string;
  /** The problems; empty when it is right. */
  readonly reason: string;
}

/** A server as it was found. */
export interface FoundServer {
  readonly name: string;
  readonly pod?: ServerView | undefined;
  /** Image of its GameServer that wins over the template. */
  readonly override?: string | undefined;
  /** The answers of its files and its engine; absent when they were not asked. */
  readonly files?: Heard | undefined;
  readonly loaded?: Heard | undefined;
}

/**
 * Why a server is not simply on its version, one word for machines; empty when it is.
 * `behind` and `ahead` are about the image that it asks for, `files` and `not loaded` about what came of it.
 */
export type Mismatch =
  '' | 'missing' | 'override' | 'unready' | 'behind' | 'ahead' | 'files' | 'not loaded' | 'unknown';

/** One server in the audit. Texts are empty where there is nothing to say. */
export interface AuditRow {
  readonly server: string;
  /** The version that its engine has to prove. */
  readonly wanted: string;
  /** The answer of its engine: the version that is loaded. */
  readonly loaded: string;
  /** The version of the files on its disk. */
  readonly files: string;
  readonly proves: boolean;
  readonly mismatch: Mismatch;
  /** Why it mismatches, without the server's name. */
  readonly reason: string;
  /** The image that its pod asks for. */
  readonly image: string;
  /** The image that runs, as the container runtime names it, and its id. */
  readonly runningImage: string;
  readonly imageId: string;
  readonly override: string;
  readonly uid: string;
  /** When the pod was made, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** Restarts of the container that releases change, and of all others of the template together. */
  readonly restarts: number;
  readonly mainRestarts: number;
}

/** The audit's row of one server. */
export function auditRow(frame: AuditFrame, found: FoundServer): AuditRow {
  const { pod, override = '' } = found;
  const container = pod && containerOf(pod.containers, frame.expectedVersion.container);
  const wanted = wantedOf(frame.expectedVersion, pod);
  return {
    server: found.name,
    wanted: wanted.version,
    loaded: found.loaded?.version ?? '',
    files: found.files?.version ?? '',
    proves: pod !== undefined && found.loaded?.kind === 'right',
    ...mismatchOf({ frame, found, pod, container, wanted, override }),
    override,
    ...(pod ? podFacts(pod, frame) : NO_POD),
  };
}

type PodFacts = Pick<
  AuditRow,
  'image' | 'runningImage' | 'imageId' | 'uid' | 'createdAt' | 'restarts' | 'mainRestarts'
>;

const NO_POD: PodFacts = {
  image: '',
  runningImage: '',
  imageId: '',
  uid: '',
  createdAt: 0,
  restarts: 0,
  mainRestarts: 0,
};

function podFacts(
  { containers, uid, createdAt }: ServerView,
  { expectedVersion, containers: own }: AuditFrame,
): PodFacts {
  const found = containerOf(containers, expectedVersion.container);
  const counted = containers.filter(({ name }) => own === undefined || own.includes(name));
  const all = counted.reduce((sum, { status }) => sum + (status?.restartCount ?? 0), 0);
  const { image = '', imageId = '', restartCount = 0 } = found?.status ?? {};
  return {
    image: found?.image ?? '',
    runningImage: image,
    imageId,
    uid,
    createdAt,
    restarts: restartCount,
    mainRestarts: all - restartCount,
  };
}

interface Measured {
  readonly frame: AuditFrame;
  readonly found: FoundServer;
  readonly pod: ServerView | undefined;
  readonly container: ContainerView | undefined;
  readonly wanted: Wanted;
  readonly override: string;
}

type Finding = Pick<AuditRow, 'mismatch' | 'reason'>;

/**
 * In the order in which they explain each other: an override explains an image, an image explains files. An override
 * that asks for what the server has to run explains nothing, and is said when there is nothing else to say.
 */
const CHECKS: readonly ((measured: Measured) => Finding | undefined)[] = [
  hasPod,
  notOverridden,
  asksForItsImage,
  isReady,
  answers,
  hasLoaded,
  hasFiles,
  followsTheTemplate,
];

function mismatchOf(measured: Measured): Finding {
  for (const check of CHECKS) {
    const finding = check(measured);
    if (finding) return { ...finding, reason: `${finding.reason}${origin(measured)}` };
  }
  return { mismatch: '', reason: '' };
}

/** A pod that came after the release did not go through it. */
function origin({ frame: { expectedVersion }, pod }: Measured): string {
  const isNew = pod !== undefined && expectedVersion.finishedAt > 0 && pod.createdAt > expectedVersion.finishedAt;
  return isNew ? '; its pod was made after the release' : '';
}

function hasPod({ pod }: Measured): Finding | undefined {
  return pod ? undefined : { mismatch: 'missing', reason: 'it has no pod' };
}

/** An override silently beats the template. */
function notOverridden({ found, override, wanted }: Measured): Finding | undefined {
  return override === '' || override === wanted.image ? undefined : overrideOf(override, found);
}

/** It will beat every later template, too. Only a targeted release leaves one on purpose. */
function followsTheTemplate({ frame: { expectedVersion }, found, pod, override }: Measured): Finding | undefined {
  const onPurpose = pod !== undefined && isOverriddenOnPurpose(expectedVersion, pod);
  return override === '' || onPurpose ? undefined : overrideOf(override, found);
}

function overrideOf(override: string, found: FoundServer): Finding {
  return {
    mismatch: 'override',
    reason: `its GameServer asks for ${override}, which wins over the template${runs(found)}`,
  };
}

function asksForItsImage({ frame, found, container, wanted }: Measured): Finding | undefined {
  if (!container) return { mismatch: 'behind', reason: `it has no container ${frame.expectedVersion.container}` };
  const { image } = container;
  if (wanted.image === '' || image === wanted.image) return undefined;
  const version = found.loaded?.version ?? '';
  const reason = version === '' || version === wanted.version ? `asks for ${image}` : version;
  return { mismatch: hasMovedOn(frame, image) ? 'ahead' : 'behind', reason };
}

/** Nobody knows which of two images is the newer one, except where the template has gone on from the last release. */
function hasMovedOn({ expectedVersion, templateImage }: AuditFrame, image: string): boolean {
  const { source, strategy } = expectedVersion;
  if (source !== 'last release' || image !== templateImage) return false;
  return strategy !== 'targeted' || templateImage !== templateLeftBy(expectedVersion);
}

function isReady({ found, pod, container }: Measured): Finding | undefined {
  if (!pod || isServing(pod)) return undefined;
  const { state, reason } = container?.status ?? {};
  const why = pod.deleting
    ? 'its pod is being deleted'
    : state !== undefined && state !== 'running'
      ? `container ${container?.name ?? ''} is ${reason ?? state}`
      : 'its pod is not Ready';
  return { mismatch: 'unready', reason: `${why}${runs(found)}` };
}

function answers({ frame: { how }, found: { loaded } }: Measured): Finding | undefined {
  if (!loaded) return { mismatch: 'unknown', reason: 'noAsk' in how ? `not asked: ${how.noAsk}` : 'not asked' };
  return loaded.kind === 'silent' ? { mismatch: 'unknown', reason: loaded.reason } : undefined;
}

function hasLoaded({ found: { loaded, files } }: Measured): Finding | undefined {
  if (loaded?.kind !== 'wrong') return undefined;
  const onDisk = !files || files.version === '' ? `files ${files?.kind ?? 'not asked'}` : `files ${files.version}`;
  return { mismatch: files?.kind === 'wrong' ? 'files' : 'not loaded', reason: `runs ${loaded.version}, ${onDisk}` };
}

function hasFiles({ found: { loaded, files } }: Measured): Finding | undefined {
  if (!files || files.kind === 'right') return undefined;
  if (files.version === '') return { mismatch: 'files', reason: files.reason };
  return { mismatch: 'files', reason: `files ${files.version}, though ${loaded?.version ?? ''} is loaded` };
}

function runs({ loaded }: FoundServer): string {
  return loaded === undefined || loaded.version === '' ? '' : `; runs ${loaded.version}`;
}

/** The version that people know an image by: its tag, or all of it. */
export function shortImage(image: string): string {
  const tag = imageTag(image);
  return tag === '' ? image : tag;
}

/**
 * The version that an answer names. `{{version}}` in the expectation says where in the answer it stands.
 *
 * | answer | expectation | version |
 * |---|---|---|
 * | `v2.0` | `{{version}}` | v2.0 |
 * | `scripts v2.0 ok` | `scripts {{version}} ok` | v2.0 |
 * | `starting` | `scripts {{version}} ok` | starting |
 * | `yes` | `yes` | yes |
 */
export function versionIn(answer: string, expectation: string): string {
  const [before, after, ...more] = expectation.split('{{version}}');
  if (before === undefined || after === undefined || more.length > 0) return answer;
  const fits = answer.startsWith(before) && answer.endsWith(after) && answer.length > before.length + after.length;
  return fits ? answer.slice(before.length, answer.length - after.length) : answer;
}
