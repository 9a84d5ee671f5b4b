import { counted } from '../../release/spec/counted.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import type { SeenRelease } from '../temporal/retries.ts';
import {
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
    failureLines(state, view),
    apartLines(state, view),
    decisionLines(state, view),
    leftoverLines(state, view),
    standingGateLines(state, view),
    commandLines(state),
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

/** The size of the terminal, and when the state was read if that is some time ago. */
export interface FrameView extends View {
  readonly rows: number;
  /** Milliseconds since a worker last answered; 0 when it has just done so. */
  readonly silentFor?: number;
}

/** Lines that a wave table needs to be of use: its head, the wave at work and what is hidden. */
const SMALLEST_TABLE = 3;
const FAILURES = 4;
const DECISIONS = 3;

/**
 * The release as a frame that is redrawn: never higher than the terminal less one line, because a frame that scrolls
 * cannot be overwritten. The most urgent lines come first: why, what to type, then waves, failures, decisions.
 */
export function renderFrame(state: SeenRelease, now: number, view: FrameView): string {
  const height = Math.max(1, view.rows - 1);
  const head = [
    ...silenceLine(view),
    ...whyLines(state, now, view).slice(0, 3),
    ...retryLines(state, view).slice(0, 2),
    ...titleLines(state, now, view),
  ];
  const commands = commandLines(state);
  const failures = failureLines(state, view, FAILURES);
  const decisions = decisionLines(state, view, DECISIONS);
  const spare = height - join([head, commands]).length - 1;
  const forTable = Math.max(SMALLEST_TABLE, spare - lengthWithGap(failures) - lengthWithGap(decisions));
  const waves = waveTable(state, now, view, forTable);
  return join([head, waves, failures, decisions, commands]).slice(0, height).join('\n');
}

function silenceLine({ silentFor, colours }: FrameView): string[] {
  if (silentFor === undefined || silentFor === 0) return [];
  return [colours.red(`no answer for ${Math.round(silentFor / 1_000)}s; below is what was last known`)];
}

function lengthWithGap(lines: readonly string[]): number {
  return lines.length === 0 ? 0 : lines.length + 1;
}

function join(sections: readonly (readonly string[])[]): string[] {
  return sections
    .filter((section) => section.length > 0)
    .flatMap((section, index) => (index === 0 ? section : ['', ...section]));
}
