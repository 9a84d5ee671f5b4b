import type { Admission } from '../spec/admission-spec.ts';
import type { GameServerView } from '../fleet/fleet.ts';

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

const COLLECTED = 0.01;
/** Names that a wave passes to its looks and back, over all of them: a history has room for 50 MiB. */
const MOST_NAMES = 50_000;

/**
 * How long those whose players have left are collected before they reload together, in milliseconds: players leave one by
 * one, and each reload of one server is a step of its own. A hundredth of the time that is left, more when the wave is so
 * large that a hundred looks at it would fill the history.
 */
export function collectingTime(left: number, servers: number): number {
  return Math.ceil(Math.max(0, left) * Math.min(1, Math.max(COLLECTED, servers / MOST_NAMES)));
}
