import type { GameServerSetView, GameServerView, SetRef, UpdateStrategy } from '../fleet/fleet.ts';
import { readRecords, recordedStrategy } from '../record/record.ts';

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
function pointerToken(key: string): string {
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

/** The first place where two JSON values differ, as a JSON pointer; `pointer` is where both are. */
export function firstDifference(expected: unknown, actual: unknown, pointer: string): string {
  if (typeof expected !== 'object' || typeof actual !== 'object' || expected === null || actual === null)
    return pointer;
  const [before, now] = [expected as Record<string, unknown>, actual as Record<string, unknown>];
  const key = Object.keys({ ...now, ...before }).find((name) => !sameJson(before[name], now[name]));
  return key === undefined ? pointer : firstDifference(before[key], now[key], `${pointer}/${pointerToken(key)}`);
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
  if (wanted && last.size > 0) return { kind: 'alreadyApplied' };
  for (const { path, value } of patch.preconditions) {
    const actual = valueAt(document, path);
    if (!sameJson(actual, value)) return { kind: 'preconditionFailed', path, expected: value, actual };
  }
  return undefined;
}

const CONTAINERS = '/spec/gameServerTemplate/spec/containers';
/** The JSON pointer of the strategy by which a release holds the set. */
export const STRATEGY = '/spec/updateStrategy';

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
  readonly hasUpdateStrategy: boolean;
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
    updateStrategy: personsStrategy(set),
    liveStrategy: set.updateStrategy,
    hasUpdateStrategy: set.hasUpdateStrategy,
    templateImage: found.image,
  };
}

/**
 * The updateStrategy to put back: the one on record while a release holds the set, and the one that a release before
 * could not put back as long as nobody has changed what it left there; else what is there.
 */
function personsStrategy(set: GameServerSetView): UpdateStrategy {
  const held = recordedStrategy(set.annotations);
  if (held) return held;
  const owed = readRecords(set.annotations).last?.putBack;
  return owed && sameJson(owed.from, set.updateStrategy) ? owed.to : set.updateStrategy;
}

/**
 * `spec.updateStrategy` under a release. `InPlaceOnly`, so that Kruise refuses rather than recreates a pod;
 * fields that hotwave does not steer (grace period, minReadySeconds) stay as the person set them. `paused` is only there when
 * it is true: OpenKruiseGame v1.0.0 drops a false one whenever it writes the set (opsState Kill), which would look like an edit.
 */
export function heldStrategy(baseline: SetBaseline, hold: Hold): UpdateStrategy {
  const { paused: _theirs, ...theirs } = baseline.updateStrategy.rollingUpdate ?? {};
  return {
    type: 'RollingUpdate',
    rollingUpdate: {
      ...theirs,
      podUpdatePolicy: 'InPlaceOnly',
      partition: hold.partition,
      maxUnavailable: hold.maxUnavailable,
      ...(hold.paused ? { paused: true } : {}),
    },
  };
}

/** The set is the one that was planned, and the container is where it was. */
export function identity(baseline: SetBaseline): Precondition[] {
  return [
    { path: '/metadata/uid', value: baseline.uid },
    { path: `${CONTAINERS}/${baseline.containerIndex}/name`, value: baseline.container },
  ];
}

/** The JSON pointer of the image that the release changes. */
export const imagePath = (baseline: Pick<SetBaseline, 'containerIndex'>): string =>
  `${CONTAINERS}/${baseline.containerIndex}/image`;

/** The first write of a release: the new image, and how the set is held. */
export function firstWavePatch(baseline: SetBaseline, replicas: number, hold: Hold): GuardedPatch {
  return firstPatch(baseline, replicas, heldStrategy(baseline, hold));
}

/**
 * The strategy under which nothing that exists moves and everything that is created gets the template as it is.
 * OpenKruiseGame v1.0.0 takes it for a rolling update as soon as there is a `rollingUpdate` beside it.
 */
export const NEW_SERVERS_ONLY: UpdateStrategy = { type: 'OnDelete' };

/** The only write of a release of new servers: strategy and image together, so that no server moves in between. */
export function newServersPatch(baseline: SetBaseline, replicas: number): GuardedPatch {
  return firstPatch(baseline, replicas, NEW_SERVERS_ONLY);
}

function firstPatch(baseline: SetBaseline, replicas: number, strategy: UpdateStrategy): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: '/spec/replicas', value: replicas },
      { path: imagePath(baseline), value: baseline.templateImage },
      { path: STRATEGY, value: baseline.hasUpdateStrategy ? baseline.liveStrategy : null },
    ],
    changes: [
      { op: 'replace', path: imagePath(baseline), value: baseline.newImage },
      { op: 'add', path: STRATEGY, value: strategy },
    ],
  };
}

/** Takes the new image back from servers that are still to be created. Nobody moves: the strategy stays. */
export function newServersRollbackPatch(baseline: SetBaseline): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: imagePath(baseline), value: baseline.newImage },
      { path: STRATEGY, value: NEW_SERVERS_ONLY },
    ],
    changes: [{ op: 'replace', path: imagePath(baseline), value: baseline.templateImage }],
  };
}

/** Changes nothing: refused, with the reason, when the set's template is not what the plan found (dry run). */
export function unchangedTemplatePatch(baseline: SetBaseline): GuardedPatch {
  return {
    preconditions: [...identity(baseline), { path: imagePath(baseline), value: baseline.templateImage }],
    changes: [],
  };
}

/** Changes nothing: refused, with the reason, when the set is not as hotwave wrote and holds it (dry run). */
export function unchangedHoldPatch(baseline: SetBaseline, hold: Hold): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: imagePath(baseline), value: baseline.newImage },
      { path: STRATEGY, value: heldStrategy(baseline, hold) },
    ],
    changes: [],
  };
}

/** Puts the person's own strategy back after a release of new servers was taken back and no server is on the new one. */
export function newServersRestorePatch(baseline: SetBaseline): GuardedPatch {
  return restoring(baseline, baseline.templateImage, NEW_SERVERS_ONLY);
}

/** The JSON pointer of an annotation. */
export function annotationPath(key: string): string {
  return `/metadata/annotations/${pointerToken(key)}`;
}

/** Adding a key below a missing map fails, so the map comes with it; the caller guards that it is still missing. */
export function annotationChange(hasAnnotations: boolean, key: string, value: string): PatchOperation {
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
export function rollbackPatch(baseline: SetBaseline, seen?: SeenValues): GuardedPatch {
  return {
    preconditions: seen
      ? seenPreconditions(baseline, seen)
      : [...identity(baseline), { path: imagePath(baseline), value: baseline.newImage }],
    changes: [
      { op: 'replace', path: imagePath(baseline), value: baseline.oldImage },
      {
        // Also where there is none: its owner may never have written one.
        op: 'add',
        path: STRATEGY,
        value: heldStrategy(baseline, { partition: 0, maxUnavailable: '100%', paused: false }),
      },
    ],
  };
}

/** What somebody else has written over the release's values, as it was shown to the person who decided about it. */
export interface SeenValues {
  readonly image: string;
  /** Null when the set has none; absent when the release does not hold it. */
  readonly updateStrategy?: UpdateStrategy | null | undefined;
}

function seenPreconditions(baseline: SetBaseline, { image, updateStrategy }: SeenValues): Precondition[] {
  return [
    ...identity(baseline),
    { path: imagePath(baseline), value: image },
    ...(updateStrategy === undefined ? [] : [{ path: STRATEGY, value: updateStrategy }]),
  ];
}

/** Writes the release's values over an edit that was seen; a later edit that nobody has seen is not overwritten. */
export function reassertPatch(baseline: SetBaseline, seen: SeenValues, held: HeldValues): GuardedPatch {
  return {
    preconditions: seenPreconditions(baseline, seen),
    changes: [
      { op: 'replace', path: imagePath(baseline), value: held.image },
      ...(held.updateStrategy === undefined
        ? []
        : [{ op: 'add' as const, path: STRATEGY, value: held.updateStrategy }]),
    ],
  };
}

/** What a release has written and keeps until it writes again. */
export interface HeldValues {
  readonly image: string;
  /** Absent when the release leaves it to its owner. */
  readonly updateStrategy?: UpdateStrategy | undefined;
}

/** Puts the person's own updateStrategy back, once every server runs `image`. */
export function restorePatch(baseline: SetBaseline, image: string, hold: Hold): GuardedPatch {
  return restoring(baseline, image, heldStrategy(baseline, hold));
}

function restoring(baseline: SetBaseline, image: string, strategy: UpdateStrategy): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: imagePath(baseline), value: image },
      { path: STRATEGY, value: strategy },
    ],
    changes: [
      baseline.hasUpdateStrategy
        ? { op: 'replace', path: STRATEGY, value: baseline.updateStrategy }
        : { op: 'remove', path: STRATEGY },
    ],
  };
}

/** The key that OKG copies from a GameServer to its pod: the proof that the controller saw a write. */
export const SYNC_ANNOTATION = 'gs-sync/hotwave';

/** Sets a GameServer's updatePriority, if it is still the one that was read, together with a fresh sync token. */
export function priorityPatch(
  server: Pick<GameServerView, 'uid' | 'hasAnnotations' | 'hasPriority' | 'updatePriority'>,
  priority: number | string,
  token: string,
): GuardedPatch {
  return {
    preconditions: [
      { path: '/metadata/uid', value: server.uid },
      { path: '/spec/updatePriority', value: server.hasPriority ? server.updatePriority : null },
      ...(server.hasAnnotations ? [] : [{ path: '/metadata/annotations', value: null }]),
    ],
    changes: [
      syncTokenChange(server.hasAnnotations, token),
      { op: 'add', path: '/spec/updatePriority', value: priority },
    ],
  };
}

/** Gives a GameServer a fresh sync token. */
export function syncTokenChange(hasAnnotations: boolean, token: string): PatchOperation {
  return annotationChange(hasAnnotations, SYNC_ANNOTATION, token);
}
