import { headline, turnOf, why } from '../../release/narrate/narrate.ts';
import type { ReleaseState, WaveProgress } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { SeenRelease } from '../temporal/retries.ts';

/**
 * The release in one line for logs, without anything that changes merely because time passes: two equal lines mean
 * that nothing worth a line has happened.
 */
export function progressLine(state: SeenRelease): string {
  if (isFinal(state.phase)) return why(state, state.startedAt);
  const trouble = (state.retrying ?? []).map(({ reason }) => `the last attempt failed: ${reason}`);
  const parts = [headline(state), ...waveParts(state), cause(state), ...trouble];
  return parts.filter((part) => part !== '').join(' · ');
}

function waveParts({ wave, waves }: ReleaseState): string[] {
  const current = waves[wave - 1];
  if (!current) return [];
  const failed = current.failed > 0 ? `, ${current.failed} failed` : '';
  return [`${nameOf(current)}${current.ready}/${current.size} ready, ${current.proven} proven${failed}`];
}

/** The name of a wave says something only where a person has given it one: `2: 0/2 ready` would be a riddle. */
function nameOf({ name }: WaveProgress): string {
  return /^(\d+(\.\d+)?%?|rest)$/.test(name) ? '' : `${name}: `;
}

function cause(state: ReleaseState): string {
  const { wait, ...timeless } = state;
  if (wait && state.pausedBecause === undefined) return `${wait.for} (${turnOf(wait.for, wait.owner)})`;
  // Without the wait, `why` leaves out the times.
  return why(timeless, state.startedAt);
}
