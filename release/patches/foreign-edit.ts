import { counted } from '../spec/counted.ts';
import { plainText } from '../spec/plain-text.ts';
import type { GameServerSetView, UpdateStrategy } from '../fleet/fleet.ts';
import type { ControlledValues, SetBaseline } from './patches.ts';
import { STRATEGY, firstDifference, imagePath, sameJson, valueAt } from './patches.ts';
import type { Plan, PriorityChange } from '../plan/plan.ts';
import type { TemplateFields } from './template.ts';
import { changedTemplateFields, templateEditText, templateEdits } from './template.ts';

/** The fields of a set that a release lives by. */
export interface SetFacts {
  /** Why there is no such set: it is gone, about to go, or another one has its name. */
  readonly gone?: string | undefined;
  /** Absent when the container is not where it was. */
  readonly image?: string | undefined;
  /** Null when the set has none; absent when the release leaves it to its owner. */
  readonly updateStrategy?: UpdateStrategy | null | undefined;
  readonly replicas: number;
  /**
   * The fields of the template that are not as the plan found them, beside the release's own image; absent when
   * nothing is.
   */
  readonly template?: TemplateFields | undefined;
}

/** The manager that wrote a field last, by JSON pointer. */
export type Writers = Readonly<Record<string, string>>;

/** A GameServer that has another updatePriority than the release gave it. */
export interface StrayPriority {
  readonly name: string;
  /** When the GameServer was made, in milliseconds since the epoch. */
  readonly createdAt: number;
  readonly priority: number | string;
  /** Field manager; absent when nobody is on record. */
  readonly by?: string | undefined;
}

/** The facts of a set as it is; `controlsStrategy` says whether the updateStrategy is the release's. */
export function factsOf(
  view: GameServerSetView | undefined,
  baseline: SetBaseline,
  controlsStrategy: boolean,
): SetFacts {
  if (view?.uid !== baseline.uid)
    return { gone: view ? 'was deleted and made anew' : 'does not exist any more', replicas: 0 };
  const { replicas } = view;
  if (view.deleting) return { gone: 'is being deleted', replicas };
  const container = view.containers[baseline.containerIndex];
  const template = changedTemplateFields(baseline, view);
  return {
    ...(container?.name === baseline.container ? { image: container.image } : {}),
    ...(controlsStrategy ? { updateStrategy: view.hasUpdateStrategy ? view.updateStrategy : null } : {}),
    replicas,
    ...(Object.keys(template).length > 0 ? { template } : {}),
  };
}

/** The facts of a set that nobody else has touched. */
export function heldFacts(held: ControlledValues, replicas: number): SetFacts {
  return { ...held, replicas };
}

/** True when nothing differs but, maybe, how many servers there are to be. */
export function sameButReplicas(left: SetFacts, right: SetFacts): boolean {
  const { replicas: _left, ...before } = left;
  const { replicas: _right, ...after } = right;
  return sameJson(before, after);
}

/** The set of a release, and the name of the release. */
interface Holding {
  readonly name: string;
  readonly baseline: SetBaseline;
  readonly held: ControlledValues;
}

/** The changes of others to the release's values, one sentence each. The number of servers is nobody's. */
export function editsOf({ name, baseline, held }: Holding, facts: SetFacts, writers: Writers): string[] {
  if (facts.gone !== undefined) return [`GameServerSet ${name} ${facts.gone}`];
  const inTemplate = templateEdits(baseline, facts.template ?? {}).map((edit) =>
    templateEditText(edit, name, writers[edit.field]),
  );
  const ofRelease = changedValues({ baseline, held }, facts).map(([pointer, before, now]) => {
    const field = firstDifference(before, now, pointer);
    const within = field.slice(pointer.length);
    const by = writers[pointer] ?? 'somebody';
    return `${by} changed ${field} of ${name} from ${shown(valueAt(before, within))} to ${shown(valueAt(now, within))}`;
  });
  return [...ofRelease, ...inTemplate];
}

/**
 * The manager that has changed what the release writes, by the first field that differs; undefined when nobody is on
 * record.
 */
export function editorOf(
  holding: Pick<Holding, 'baseline' | 'held'>,
  facts: SetFacts,
  writers: Writers,
): string | undefined {
  if (facts.gone !== undefined) return undefined;
  return changedValues(holding, facts)
    .map(([pointer]) => writers[pointer])
    .find((by) => by !== undefined);
}

/** The fields that the release writes and that have other values, with these and its own. */
function changedValues(
  { baseline, held }: Pick<Holding, 'baseline' | 'held'>,
  facts: SetFacts,
): readonly (readonly [pointer: string, before: unknown, now: unknown])[] {
  const compared: readonly (readonly [string, unknown, unknown])[] = [
    [imagePath(baseline), held.image, facts.image],
    ...(held.updateStrategy === undefined ? [] : [[STRATEGY, held.updateStrategy, facts.updateStrategy] as const]),
  ];
  return compared.filter(([, before, now]) => !sameJson(before, now));
}

/** True for what no release writes over: another field of the template than its image, or the set itself. */
export function isOfOthers(baseline: SetBaseline, { gone, template = {} }: SetFacts): boolean {
  return gone !== undefined || templateEdits(baseline, template).length > 0;
}

/**
 * The stray priorities that somebody has edited: of servers that are the ones to which the release gave another one. A
 * GameServer that was recreated since the plan starts without, which is nobody's edit.
 */
export function editedPriorities(
  { priorities, youngestGameServer = Infinity }: Pick<Plan, 'priorities' | 'youngestGameServer'>,
  strays: readonly StrayPriority[],
): (StrayPriority & Pick<PriorityChange, 'to'>)[] {
  const given = new Map(priorities.map((change) => [change.name, change]));
  return strays.flatMap((stray) => {
    const change = given.get(stray.name);
    if (stray.createdAt > youngestGameServer) return [];
    return change && String(change.to) !== String(stray.priority) ? [{ ...stray, to: change.to }] : [];
  });
}

const NAMED = 3;

/** The sentences about edited priorities. */
export function priorityEdits(edited: ReturnType<typeof editedPriorities>): string[] {
  const named = edited
    .slice(0, NAMED)
    .map(
      ({ name, to, priority, by = 'somebody' }) =>
        `${by} changed /spec/updatePriority of ${name} from ${to} to ${priority}`,
    );
  return edited.length > NAMED ? [...named, `and of ${counted(edited.length - NAMED, 'more server')}`] : named;
}

/** The sentence about a set that is to have more or fewer servers than before. */
export function replicasText(name: string, from: number, to: number, by = 'somebody'): string {
  const what = to > from ? 'the new servers are proved before the release ends' : 'servers that go are not waited for';
  return `${by} changed /spec/replicas of ${name} from ${from} to ${to}: ${what}`;
}

function shown(value: unknown): string {
  return value === undefined || value === null ? 'nothing' : plainText(JSON.stringify(value), 160);
}
