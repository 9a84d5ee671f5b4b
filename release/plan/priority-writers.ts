import type { GameServerSetView, PriorityWriter } from '../fleet/fleet.ts';
import { plainText } from '../spec/plain-text.ts';
import type { ReleaseSpec } from '../spec/spec.ts';

const MOST_NAMED = 5;
const LONGEST_NAME = 60;

/**
 * The warning about service qualities whose actions write `updatePriority`: OpenKruiseGame does that whenever a
 * probe has a new result, also while a release runs, and the waves were made by the priorities of the plan. Where one wave
 * holds every server, no order counts.
 */
export function priorityWarnings(
  { strategy }: Pick<ReleaseSpec, 'strategy'>,
  { priorityWriters = [] }: Pick<GameServerSetView, 'priorityWriters'>,
  groups: number,
): string[] {
  if (strategy !== 'rolling' || groups < 2) return [];
  return priorityWriters.slice(0, MOST_NAMED).map(warningOf);
}

function warningOf({ name, priorities }: PriorityWriter): string {
  const values = inWords(priorities.slice(0, MOST_NAMED).map(valueText));
  return `service quality ${plainText(name, LONGEST_NAME)} may write updatePriority ${values} while the release runs, and Kruise's order can change with it: the release then pauses before a server moves out of turn, and resume lets Kruise's order count from there on, each wave as large as planned`;
}

/** A number, or a template that the result of the probe is put into. */
function valueText(priority: number | string): string {
  const text = plainText(String(priority), LONGEST_NAME);
  return /^-?\d+$/.test(text) ? text : `${text} (by the result of its probe)`;
}

/** `5, 10 or 20` */
function inWords(values: readonly string[]): string {
  const last = values.at(-1) ?? '';
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`;
}
