import type { GameServerSetView, UpdateStrategy } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import { readRecords, recordedStrategy } from '../record/record.ts';
import { FENCE_ANNOTATION } from './fence.ts';
import { sameJson } from './guarded-patch.ts';
import { templateFields } from './template.ts';
import type { TemplateFields } from './template.ts';

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
  /** As it was read; another one than the person's own when an earlier release was left half-way. */
  readonly liveStrategy: UpdateStrategy;
  readonly hasUpdateStrategy: boolean;
  readonly templateImage: string;
  /** Everything else in the template: whoever moves gets that, too. */
  readonly template: TemplateFields;
  /** The mark of the write before this release's first one; null when there was none. See fence.ts. */
  readonly fence: string | null;
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
    template: templateFields(set.template, container),
    fence: set.annotations?.[FENCE_ANNOTATION] ?? null,
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

/** The image that the template of a set has for the container of a release. */
export function imageIn({ containers }: GameServerSetView, { container }: SetBaseline): string | undefined {
  return containerOf(containers, container)?.image;
}

/** The strategy of a set; null when it has none. */
export function strategyIn({ hasUpdateStrategy, updateStrategy }: GameServerSetView): UpdateStrategy | null {
  return hasUpdateStrategy ? updateStrategy : null;
}

/** True when the set has the new image and this strategy: a write of the release has arrived, whatever became of its mark. */
export function isHeldAs(live: GameServerSetView, baseline: SetBaseline, strategy: UpdateStrategy): boolean {
  return imageIn(live, baseline) === baseline.newImage && sameJson(live.updateStrategy, strategy);
}

/** True when the set has this image and the person's own strategy: there is nothing to put back any more. */
export function isRestored(live: GameServerSetView, baseline: SetBaseline, image: string): boolean {
  if (imageIn(live, baseline) !== image || live.hasUpdateStrategy !== baseline.hasUpdateStrategy) return false;
  return sameJson(live.updateStrategy, baseline.updateStrategy);
}

/**
 * True when a strategy keeps some servers from nothing: the set is not closed, and whoever is not as the template says may
 * move at any time.
 */
export function letsSomebodyMove(strategy: UpdateStrategy | null, replicas: number): boolean {
  const { type = 'RollingUpdate', rollingUpdate = {} } = strategy ?? {};
  const { partition = 0, paused = false } = rollingUpdate;
  return type === 'RollingUpdate' && !paused && partition < replicas;
}

/** True when a strategy keeps no server of a set on the revision that it has. */
export function letsEverybodyMove({ type = 'RollingUpdate', rollingUpdate = {} }: UpdateStrategy): boolean {
  const { partition = 0, paused = false, podUpdatePolicy = 'ReCreate' } = rollingUpdate;
  return type === 'RollingUpdate' && partition === 0 && !paused && podUpdatePolicy.startsWith('InPlace');
}
