import { headline, why } from '../../release/narrate.ts';
import type { ReleaseState } from '../../release/state.ts';
import { isFinal } from '../../release/state.ts';

/**
 * The release in one line for logs, without anything that changes merely because time passes: two equal lines mean
 * that nothing worth a line has happened.
 */
export function progressLine(state: ReleaseState): string {
  if (isFinal(state.phase)) return why(state, state.startedAt);
  const parts = [headline(state), ...waveParts(state), cause(state)];
  return parts.filter((part) => part !== '').join(' · ');
}

function waveParts({ wave, waves }: ReleaseState): string[] {
  const current = waves[wave - 1];
  if (!current) return [];
  const failed = current.failed > 0 ? `, ${current.failed} failed` : '';
  return [`${current.name}: ${current.ready}/${current.size} ready, ${current.proven} proven${failed}`];
}

function cause(state: ReleaseState): string {
  const { wait, ...timeless } = state;
  if (wait && state.pausedBecause === undefined) return `${wait.for} (on ${wait.owner})`;
  // Without the wait, `why` leaves out the times.
  return why(timeless, state.startedAt);
}
