import { counted } from '../../release/spec/counted.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import type { SeenRelease } from '../temporal/retries.ts';
import {
  adviceLines,
  apartLines,
  commandLines,
  decisionLines,
  failureLines,
  leftoverLines,
  retryLines,
  standingGateLines,
  mixedLines,
  titleLines,
  warningLines,
  waveTable,
  whyLines,
} from './release.ts';
import type { View } from './view.ts';

/** The whole release on paper: as long as it needs to be. */
export function renderStatus(state: SeenRelease, now: number, view: View): string {
  const sections = [
    [
      ...whyLines(state, now, view),
      ...retryLines(state, view),
      ...titleLines(state, now, view),
      ...mixedLines(state, now, view),
      ...warningLines(state, view),
    ],
    waveTable(state, now, view),
    [...failureLines(state, view), ...adviceLines(state)],
    apartLines(state, view),
    decisionLines(state, view),
    leftoverLines(state, view),
    standingGateLines(state, view),
    commandLines(state, view),
  ];
  return join(sections).join('\n');
}

/** A release that has just been planned or refused: what will happen, not yet what has. */
export function renderStarted(state: ReleaseState, now: number, view: View): string {
  const servers = state.waves.reduce((sum, wave) => sum + wave.size, 0);
  const summary =
    state.waves.length === 0 ? [] : [`${counted(servers, 'server')} in ${counted(state.waves.length, 'wave')}`];
  const head = [
    ...whyLines(state, now, view),
    ...titleLines(state, now, view),
    ...summary,
    ...warningLines(state, view),
  ];
  return join([head, waveTable(state, now, view)]).join('\n');
}

function join(sections: readonly (readonly string[])[]): string[] {
  return sections
    .filter((section) => section.length > 0)
    .flatMap((section, index) => (index === 0 ? section : ['', ...section]));
}
