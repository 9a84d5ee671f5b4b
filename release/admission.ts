import type { Admission } from './admission-spec.ts';
import type { GameServerView } from './fleet.ts';

/** Annotations that say "nobody is here" as plainly as none at all. */
const IDLE_VALUES: ReadonlySet<string> = new Set(['', '0', 'false']);

/**
 * True when a server has players that a reload would disturb: one criterion that is given is enough.
 *
 * | busy | GameServer | busy? |
 * |---|---|---|
 * | opsState [Allocated] | opsState Allocated | yes |
 * | opsState [Allocated] | opsState None | no |
 * | annotation players | players: "0" | no |
 * | annotation players | players: "3" | yes |
 * | annotation match = running | match: "over" | no |
 */
export function isBusy(
  busy: Admission['busy'],
  { opsState, annotations = {} }: Pick<GameServerView, 'opsState' | 'annotations'>,
): boolean {
  if (busy.opsState?.includes(opsState) === true) return true;
  if (!busy.annotation) return false;
  const value = annotations[busy.annotation.name] ?? '';
  return busy.annotation.value === undefined ? !IDLE_VALUES.has(value) : value === busy.annotation.value;
}
