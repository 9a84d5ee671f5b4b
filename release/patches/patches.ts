import type { GameServerView, SetRef, UpdateStrategy } from '../fleet/fleet.ts';
import type { SetBaseline } from './baseline.ts';
import { annotationChange, sameJson } from './guarded-patch.ts';
import type { GuardedPatch, PatchOperation, PatchTarget, Precondition } from './guarded-patch.ts';

export * from './baseline.ts';
export * from './guarded-patch.ts';

const CONTAINERS = '/spec/gameServerTemplate/spec/containers';
/** The JSON pointer of the strategy by which a release holds the set. */
export const STRATEGY = '/spec/updateStrategy';

/**
 * A partition that no set reaches: with it a scale-up, too, starts on the old revision. (With partition = replicas the
 * extra servers of a scale-up would start on the new one.)
 */
export const FROZEN = 2_147_483_647;

/** How hotwave holds the set while a release runs. */
export interface SetControls {
  /** Servers that stay on the old revision. */
  readonly partition: number;
  /** Servers that may be unavailable at once, counted over the whole set as Kruise counts. */
  readonly maxUnavailable: number | string;
  readonly paused: boolean;
}

/** How the first write of a rolling release holds the set: nobody who exists moves. */
export function firstControls(maxUnavailable: SetControls['maxUnavailable']): SetControls {
  return { partition: FROZEN, maxUnavailable, paused: false };
}

/** The patch target of a set. */
export function setTarget(ref: SetRef): PatchTarget {
  return { kind: 'GameServerSet', namespace: ref.namespace, name: ref.name };
}

/**
 * `spec.updateStrategy` under a release. `InPlaceOnly`, so that Kruise refuses rather than recreates a pod;
 * fields that hotwave does not steer (grace period, minReadySeconds) stay as the person set them. `paused` is only there when
 * it is true: OpenKruiseGame v1.0.0 drops a false one whenever it writes the set (opsState Kill), which would look like an edit.
 */
export function controlledStrategy(baseline: SetBaseline, hold: SetControls): UpdateStrategy {
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

/** The first write of a release: the new image and the set controls. */
export function firstWavePatch(baseline: SetBaseline, replicas: number, hold: SetControls): GuardedPatch {
  return firstPatch(baseline, replicas, controlledStrategy(baseline, hold));
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
    ...unchangedNewServersPatch(baseline),
    changes: [{ op: 'replace', path: imagePath(baseline), value: baseline.templateImage }],
  };
}

/**
 * Changes nothing: refused, with the reason, when the set's template is not what the plan found (dry run).
 * @param image what it is to ask for; default what the plan found
 */
export function unchangedTemplatePatch(baseline: SetBaseline, image = baseline.templateImage): GuardedPatch {
  return {
    preconditions: [...identity(baseline), { path: imagePath(baseline), value: image }],
    changes: [],
  };
}

/** Changes nothing: refused, with the reason, when the set is not as hotwave wrote and holds it (dry run). */
export function unchangedControlsPatch(baseline: SetBaseline, hold: SetControls): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: imagePath(baseline), value: baseline.newImage },
      { path: STRATEGY, value: controlledStrategy(baseline, hold) },
    ],
    changes: [],
  };
}

/** Changes nothing: refused, with the reason, when the set is not as a release of new servers leaves it. */
export function unchangedNewServersPatch(baseline: SetBaseline): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: imagePath(baseline), value: baseline.newImage },
      { path: STRATEGY, value: NEW_SERVERS_ONLY },
    ],
    changes: [],
  };
}

/** Puts the person's own strategy back after a release of new servers was taken back and no server is on the new one. */
export function newServersRestorePatch(baseline: SetBaseline): GuardedPatch {
  return restoring(baseline, baseline.templateImage, NEW_SERVERS_ONLY);
}

/** Moves the set from one hold to the next: a later wave's partition, a pause or a resume. */
export function controlsPatch(
  baseline: SetBaseline,
  replicas: number,
  from: SetControls,
  to: SetControls,
): GuardedPatch {
  return {
    preconditions: [
      ...identity(baseline),
      { path: '/spec/replicas', value: replicas },
      { path: imagePath(baseline), value: baseline.newImage },
      { path: STRATEGY, value: controlledStrategy(baseline, from) },
    ],
    changes: [{ op: 'replace', path: STRATEGY, value: controlledStrategy(baseline, to) }],
  };
}

/**
 * Takes the release's own pause out of a strategy that somebody has applied around it: what a manifest does not mention
 * stays, so the set would be left paused for ever.
 */
export function withoutPausePatch(baseline: SetBaseline, { image, updateStrategy }: SeenValues): GuardedPatch {
  const { paused: _ours, ...rollingUpdate } = updateStrategy?.rollingUpdate ?? {};
  return {
    preconditions: seenPreconditions(baseline, { image, updateStrategy }),
    changes: [{ op: 'replace', path: STRATEGY, value: { ...updateStrategy, rollingUpdate } }],
  };
}

/**
 * Un-wedges and goes back in one write: the old image alone is not enough, because broken servers eat
 * maxUnavailable, a partition keeps them out of the candidates, and a paused set starts nothing.
 * @param found what it replaces
 */
export function rollbackPatch(baseline: SetBaseline, found: SeenValues): GuardedPatch {
  return {
    preconditions: seenPreconditions(baseline, found),
    changes: [
      { op: 'replace', path: imagePath(baseline), value: baseline.oldImage },
      { op: 'add', path: STRATEGY, value: controlledStrategy(baseline, OPEN) },
    ],
  };
}

/** How a rollback holds the set: not at all. */
export const OPEN: SetControls = { partition: 0, maxUnavailable: '100%', paused: false };

/**
 * True when a strategy is nobody else's: the person's own as the release found it, or any by which a release holds the
 * set.
 */
export function isKnownStrategy(baseline: SetBaseline, strategy: UpdateStrategy | null): boolean {
  const { partition = 0, maxUnavailable = 1, paused = false } = strategy?.rollingUpdate ?? {};
  const held = controlledStrategy(baseline, { partition, maxUnavailable, paused });
  const known = [held, NEW_SERVERS_ONLY, baseline.liveStrategy, baseline.updateStrategy];
  return known.some((one) => sameJson(one, strategy)) || (strategy === null && !baseline.hasUpdateStrategy);
}

/** A value of somebody else over the release's, as it was shown to the person who decided about it. */
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
export function reassertPatch(baseline: SetBaseline, seen: SeenValues, held: ControlledValues): GuardedPatch {
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

/** The values that a release has written and keeps until it writes again. */
export interface ControlledValues {
  readonly image: string;
  /** Absent when the release leaves it to its owner. */
  readonly updateStrategy?: UpdateStrategy | undefined;
}

/** Puts the person's own updateStrategy back, once every server runs `image`. */
export function restorePatch(baseline: SetBaseline, image: string, hold: SetControls): GuardedPatch {
  return restoring(baseline, image, controlledStrategy(baseline, hold));
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

/** Sets a GameServer's updatePriority, in place of the one that was read, together with a fresh sync token. */
export function priorityPatch(
  server: Pick<GameServerView, 'uid' | 'hasAnnotations' | 'updatePriority' | 'hasPriority'>,
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
