import type { GameServerSetView, UpdateStrategy } from '../fleet/fleet.ts';
import { FIELD_MANAGER } from '../fleet/fleet.ts';
import { strategyIn } from './baseline.ts';
import type { SetBaseline } from './baseline.ts';
import { editsOf } from './foreign-edit.ts';
import { STRATEGY, controlledStrategy, identity, imagePath, sameJson } from './patches.ts';
import type { GuardedPatch, SetControls } from './patches.ts';

/** The last write of a rollback: the strategy that the set then has, and what of it is not as the release found it. */
export interface HandBack {
  readonly patch: GuardedPatch;
  /** The changes of others to the strategy that stay, as a sentence; absent when nothing does. */
  readonly kept?: string;
}

/**
 * Gives the strategy back to its owner field by field: what has still the value by which the release holds the set gets
 * the owner's, and what others have written since stays. A manager that applies one field of it (server-side apply
 * leaves the others) does not stop a rollback that way. Only for a set that lets nobody move whatever the strategy is:
 * its template asks for what every server runs.
 * @param image what every server runs; refused when the set asks for another one by then
 */
export function handBack(
  baseline: SetBaseline,
  live: GameServerSetView,
  { image, hold }: { readonly image: string; readonly hold: SetControls },
): HandBack {
  const found = strategyIn(live);
  const strategy = found && ownersAgain(baseline, found, controlledStrategy(baseline, hold));
  const preconditions = [
    ...identity(baseline),
    { path: imagePath(baseline), value: image },
    { path: STRATEGY, value: found },
  ];
  const change = strategy
    ? { op: 'replace' as const, path: STRATEGY, value: strategy }
    : { op: 'remove' as const, path: STRATEGY };
  const kept = keptText(baseline, live, strategy);
  return {
    patch: { preconditions, changes: sameJson(strategy, found) ? [] : [change] },
    ...(kept === undefined ? {} : { kept }),
  };
}

/** Null when nothing but what the release wrote is left of a strategy that the set did not have. */
function ownersAgain(baseline: SetBaseline, live: UpdateStrategy, held: UpdateStrategy): UpdateStrategy | null {
  // Of another type nothing is the release's any more.
  if (live.type !== held.type) return live;
  const [owners, now, ours] = [baseline.updateStrategy, live, held].map(({ rollingUpdate = {} }) => rollingUpdate);
  const fields = Object.keys({ ...owners, ...now, ...ours });
  const isOurs = (field: string): boolean => sameJson(now?.[field], ours?.[field]);
  if (!baseline.hasUpdateStrategy && fields.every(isOurs)) return null;
  const entries = fields.map((field) => [field, isOurs(field) ? owners?.[field] : now?.[field]] as const);
  const rollingUpdate = Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== null));
  return { ...baseline.updateStrategy, type: live.type ?? 'RollingUpdate', rollingUpdate };
}

function keptText(
  baseline: SetBaseline,
  { ref, lastWriters }: GameServerSetView,
  strategy: UpdateStrategy | null,
): string | undefined {
  const before = baseline.hasUpdateStrategy ? baseline.updateStrategy : undefined;
  if (sameJson(strategy, before)) return undefined;
  const { [STRATEGY]: by, ...others } = lastWriters;
  const writers = by === undefined || by === FIELD_MANAGER ? others : lastWriters;
  const image = baseline.oldImage;
  const holding = { name: ref.name, baseline, held: { image, updateStrategy: before ?? {} } };
  return `${editsOf(holding, { image, updateStrategy: strategy, replicas: 0 }, writers).join('; ')}, and it stays so`;
}
