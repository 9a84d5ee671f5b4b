import type { GameServerSetView, SetRef, UpdateStrategy } from './fleet.ts';
import type { LastRelease, ReleaseRecord } from './record.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION, recordText, recordedStrategy } from './record.ts';

/** One JSON Patch operation (RFC 6902) that hotwave uses. */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

/** A fact that must hold when the patch is applied, checked by the API server in the same write. */
export interface Precondition {
  readonly path: string;
  readonly value: unknown;
}

/**
 * A write that is safe to repeat: the API server refuses it unless every precondition holds, and when it was
 * applied before (the reply was lost), the wanted values are there, which counts as success.
 */
export interface GuardedPatch {
  readonly preconditions: readonly Precondition[];
  readonly changes: readonly PatchOperation[];
}

/** The object that a patch is for. */
export interface PatchTarget {
  readonly kind: 'GameServerSet' | 'GameServer';
  readonly namespace: string;
  readonly name: string;
}

/** What came of a guarded patch. Infrastructure trouble is an exception, a refused precondition is not. */
export type PatchOutcome =
  | { readonly kind: 'applied' }
  | { readonly kind: 'alreadyApplied' }
  | {
      readonly kind: 'preconditionFailed';
      readonly path: string;
      readonly expected: unknown;
      readonly actual: unknown;
      readonly manager?: string;
    }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'denied'; readonly message: string };

/** The JSON Patch body of a guarded patch: its preconditions as `test` operations, then the changes. */
export function jsonPatchBody(patch: GuardedPatch): object[] {
  return [...patch.preconditions.map(({ path, value }) => ({ op: 'test', path, value })), ...patch.changes];
}

/** The value that a JSON pointer (RFC 6901) names, or undefined. */
export function valueAt(document: unknown, pointer: string): unknown {
  let current: unknown = document;
  for (const token of pointer.split('/').slice(1)) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Record<string, unknown>)[token.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return current;
}

/** A key as a part of a JSON pointer. */
export function pointerToken(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Deep equality of JSON values; the order of keys does not matter, and null is what the API server calls absent. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right || (left ?? null) === (right ?? null)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const leftKeys = Object.keys(left);
  const rightKeys = Object.keys(right);
  return (
    leftKeys.length === rightKeys.length &&
    leftKeys.every((key) => sameJson((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key]))
  );
}

/**
 * Explains a refused patch from the object as it is now. The API server answers every failed `test` with the same
 * 422 and no details, so the reason has to be found out afterwards.
 */
export function explainRefusal(document: unknown, patch: GuardedPatch): PatchOutcome | undefined {
  const last = new Map(patch.changes.map((change) => [change.path, change]));
  const wanted = [...last.values()].every((change) =>
    sameJson(valueAt(document, change.path), change.op === 'remove' ? null : change.value),
  );
  if (wanted) return { kind: 'alreadyApplied' };
  for (const { path, value } of patch.preconditions) {
    const actual = valueAt(document, path);
    if (!sameJson(actual, value)) return { kind: 'preconditionFailed', path, expected: value, actual };
  }
  return undefined;
}

const CONTAINERS = '/spec/gameServerTemplate/spec/containers';
const STRATEGY = '/spec/updateStrategy';

/** The set as a release found it: what every later write is guarded by and what is put back at the end. */
export interface SetBaseline {
  readonly uid: string;
  readonly replicas: number;
  readonly container: string;
  readonly containerIndex: number;
  readonly oldImage: string;
  readonly newImage: string;
  /** The person's own, put back at the end. */
  readonly updateStrategy: UpdateStrategy;
  /** As it was read; another one than the person's own when an earlier release was left on hold. */
  readonly liveStrategy: UpdateStrategy;
  readonly templateImage: string;
}

/**
 * A partition that no set reaches: with it a scale-up, too, starts on the old revision. (With partition = replicas the
 * extra servers of a scale-up would start on the new one.)
 */
export const FROZEN = 2_147_483_647;

/** How hotwave holds the set while a release runs. */
export interface Hold {
  /** Servers that stay on the old revision. */
  readonly partition: number;
  /** Servers that may be unavailable at once, counted over the whole set as Kruise counts. */
  readonly maxUnavailable: number | string;
  readonly paused: boolean;
}

/** The patch target of a set. */
export function setTarget(ref: SetRef): PatchTarget {
  return { kind: 'GameServerSet', namespace: ref.namespace, name: ref.name };
}

/** The GameServerSet's baseline for one sidecar. Returns undefined when the container is not in the template. */
export function setBaseline(set: GameServerSetView, container: string, newImage: string): SetBaseline | undefined {
  const containerIndex = set.containers.findIndex((entry) => entry.name === container);
  const found = set.containers[containerIndex];
  if (!found) return undefined;
  return {
    uid: set.uid,
    replicas: set.replicas,
    container,
    containerIndex,
    oldImage: found.image,
    newImage,
    updateStrategy: recordedStrategy(set.annotations) ?? set.updateStrategy,
    liveStrategy: set.updateStrategy,
    templateImage: found.image,
  };
}

/**
 * `spec.updateStrategy` under a release. `InPlaceOnly`, so that Kruise refuses rather than recreates a pod;
 * fields that hotwave does not steer (grace period, minReadySeconds) stay as the person set them.
 */
export function heldStrategy(baseline: SetBaseline, hold: Hold): UpdateStrategy {
  return {
    type: 'RollingUpdate',
    rollingUpdate: {
      ...baseline.updateStrategy.rollingUpdate,
      podUpdatePolicy: 'InPlaceOnly',
      partition: hold.partition,
      maxUnavailable: hold.maxUnavailable,
      paused: hold.paused,
    },
  };
}

function identity(baseline: SetBaseline): Precondition[] {
  return [
    { path: '/metadata/uid', value: baseline.uid },
    { path: `${CONTAINERS}/${baseline.containerIndex}/name`, value: baseline.container },
  ];
}

const imagePath = (baseline: SetBaseline): string => `${CONTAINERS}/${baseline.containerIndex}/image`;

/** The first write of a release: the new image, and how the set is held. */
export function firstWavePatch(baseline: SetBaseline, replicas: number, hold: Hold): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: '/spec/replicas', value: replicas },
      { path: imagePath(baseline), value: baseline.templateImage },
      { path: STRATEGY, value: baseline.liveStrategy },
    ],
    changes: [
      { op: 'replace', path: imagePath(baseline), value: baseline.newImage },
      { op: 'replace', path: STRATEGY, value: heldStrategy(baseline, hold) },
    ],
  };
}

/** The same write, and the record of what is needed to go back. */
export function withReleaseRecord(
  patch: GuardedPatch,
  { annotations }: Pick<GameServerSetView, 'annotations'>,
  record: ReleaseRecord,
): GuardedPatch {
  const hasAnnotations = annotations !== undefined;
  return {
    preconditions: [...patch.preconditions, ...annotationsGuard(hasAnnotations)],
    changes: [...patch.changes, annotationChange(hasAnnotations, RELEASE_ANNOTATION, recordText(record))],
  };
}

/** The same write, and what the release came to in place of its record. */
export function withLastRelease(
  patch: GuardedPatch,
  { annotations }: Pick<GameServerSetView, 'annotations'>,
  last: LastRelease,
): GuardedPatch {
  const hasAnnotations = annotations !== undefined;
  const running = annotationPath(RELEASE_ANNOTATION);
  // Removing what is not there fails the whole patch: it is written first, so that a record that somebody deleted does
  // not matter.
  const removal: PatchOperation[] = [
    { op: 'add', path: running, value: '' },
    { op: 'remove', path: running },
  ];
  return {
    preconditions: [...patch.preconditions, ...annotationsGuard(hasAnnotations)],
    changes: [
      ...patch.changes,
      annotationChange(hasAnnotations, LAST_RELEASE_ANNOTATION, recordText(last)),
      ...(hasAnnotations ? removal : []),
    ],
  };
}

function annotationsGuard(hasAnnotations: boolean): Precondition[] {
  return hasAnnotations ? [] : [{ path: '/metadata/annotations', value: null }];
}

function annotationPath(key: string): string {
  return `/metadata/annotations/${pointerToken(key)}`;
}

/** Adding a key below a missing map fails, so the map comes with it; the caller guards that it is still missing. */
function annotationChange(hasAnnotations: boolean, key: string, value: string): PatchOperation {
  return hasAnnotations
    ? { op: 'add', path: annotationPath(key), value }
    : { op: 'add', path: '/metadata/annotations', value: { [key]: value } };
}

/** Moves the set from one hold to the next: a later wave's partition, a pause or a resume. */
export function holdPatch(baseline: SetBaseline, replicas: number, from: Hold, to: Hold): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: '/spec/replicas', value: replicas },
      { path: imagePath(baseline), value: baseline.newImage },
      { path: STRATEGY, value: heldStrategy(baseline, from) },
    ],
    changes: [{ op: 'replace', path: STRATEGY, value: heldStrategy(baseline, to) }],
  };
}

/**
 * Un-wedges and goes back in one write: the old image alone is not enough, because broken servers eat
 * maxUnavailable, a partition keeps them out of the candidates, and a paused set starts nothing.
 */
export function rollbackPatch(baseline: SetBaseline): GuardedPatch {
  return {
    preconditions: [...identity(baseline), { path: imagePath(baseline), value: baseline.newImage }],
    changes: [
      { op: 'replace', path: imagePath(baseline), value: baseline.oldImage },
      {
        op: 'replace',
        path: STRATEGY,
        value: heldStrategy(baseline, { partition: 0, maxUnavailable: '100%', paused: false }),
      },
    ],
  };
}

/** Puts the person's own updateStrategy back, once every server runs `image`. */
export function restorePatch(baseline: SetBaseline, image: string, hold: Hold): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: imagePath(baseline), value: image },
      { path: STRATEGY, value: heldStrategy(baseline, hold) },
    ],
    changes: [{ op: 'replace', path: STRATEGY, value: baseline.updateStrategy }],
  };
}

/** The key that OKG copies from a GameServer to its pod: the proof that the controller saw a write. */
export const SYNC_ANNOTATION = 'gs-sync/hotwave';

/** Sets a GameServer's updatePriority together with a fresh sync token. */
export function priorityPatch(
  server: { readonly uid: string; readonly hasAnnotations: boolean },
  priority: number | string,
  token: string,
): GuardedPatch {
  return {
    preconditions: [{ path: '/metadata/uid', value: server.uid }, ...annotationsGuard(server.hasAnnotations)],
    changes: [
      annotationChange(server.hasAnnotations, SYNC_ANNOTATION, token),
      { op: 'add', path: '/spec/updatePriority', value: priority },
    ],
  };
}
