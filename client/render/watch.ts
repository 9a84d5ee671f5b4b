import { atTheDeadline } from '../../release/narrate/explain.ts';
import { nextCommands, waveStatus } from '../../release/narrate/narrate.ts';
import { workLeft } from '../../release/narrate/pace.ts';
import type { ReleaseState, WaveProgress } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import { counted } from '../../release/spec/counted.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { SeenRelease } from '../temporal/retries.ts';
import { commandRows } from './command-lines.ts';
import {
  decisionLines,
  hiddenLine,
  mixedLines,
  retryLines,
  statusColour,
  titleLines,
  whyLines,
  windowAround,
} from './release.ts';
import { renderTable } from './table.ts';
import type { Column } from './table.ts';
import { fitted, wrapped } from './text-width.ts';
import { isNarrow } from './view.ts';
import type { Colours, View } from './view.ts';

/** The size of the terminal, and when the state was read if that is some time ago. */
export interface FrameView extends View {
  readonly rows: number;
  /** Milliseconds since a worker last answered; 0 when it has just done so. */
  readonly silentFor?: number;
}

/** Lines that waves need to be of use: the head, the wave at work and what is hidden. */
const SMALLEST_TABLE = 3;
const FAILING = 6;
const DECISIONS = 3;

/**
 * The release as a frame that is redrawn: never higher than the terminal less one line, because a frame that scrolls
 * cannot be overwritten, and never wider. The most urgent lines come first: why and until when, the waves, servers that
 * fail, decisions, what to type. Where room is short, decisions go first, then the less likely commands, then waves.
 */
export function renderFrame(state: SeenRelease, now: number, view: FrameView): string {
  const height = Math.max(1, view.rows - 1);
  const head = [
    ...silenceLine(view),
    ...whyLines(state, now, view).slice(0, 3),
    ...retryLines(state, view).slice(0, 2),
    ...titleLines(state, now, view),
    ...timeLines(state, now, view),
  ];
  const failing = failingLines(state, view, Math.min(FAILING, Math.floor(height / 4)));
  const most = Math.max(1, height - head.length - withGap(failing) - SMALLEST_TABLE - 2);
  const commands = commandsThatFit(nextCommands(state), view.columns, Math.min(most, Math.ceil(height / 3)));
  const room = height - head.length - withGap(failing) - withGap(commands) - 1;
  const decisions = room - SMALLEST_TABLE - DECISIONS > 1 ? decisionLines(state, view, DECISIONS) : [];
  const waves = waveBars(state, now, view, Math.max(SMALLEST_TABLE, room - withGap(decisions)));
  return joined([head, waves, failing, decisions, commands])
    .slice(0, height)
    .map((line) => fitted(line, view.columns))
    .join('\n');
}

function silenceLine({ silentFor, colours }: FrameView): string[] {
  if (silentFor === undefined || silentFor === 0) return [];
  return [colours.red(`no answer for ${Math.round(silentFor / 1_000)}s; below is what was last known`)];
}

/** How long it will still take, and what comes when the wait is over: each only where it is known. */
function timeLines(state: SeenRelease, now: number, view: View): string[] {
  const left = workLeft(state, now);
  const done = state.waves.filter(({ status }) => status === 'done').length;
  const pace =
    left === undefined ? [] : [`about ${roughly(left)} of work left, by the pace of ${counted(done, 'wave')}`];
  return [
    ...pace.map((line) => fitted(line, view.columns)),
    ...countdown(state, now, view),
    ...soFar(state, view),
    ...(isFinal(state.phase) ? [] : mixedLines(state, now, view).slice(0, 1)),
  ];
}

/** How far the step at work is, before the state knows it. */
function soFar({ underWay, phase }: SeenRelease, { columns }: View): string[] {
  if (!underWay || isFinal(phase) || underWay.right === 0) return [];
  return [fitted(`so far: ${underWay.right} of ${counted(underWay.of, 'server')}`, columns)];
}

const CLOCK_CELLS = 10;

/** `[██████░░░░] 48s, then the wave is done`: how much of a wait is over. */
function countdown(state: ReleaseState, now: number, { columns, colours }: View): string[] {
  const { wait } = state;
  const [next] = atTheDeadline(state)?.split(',') ?? [];
  if (!wait || next === undefined) return [];
  const left = Math.max(0, wait.until - now);
  const part = Math.min(1, Math.max(0, (now - wait.since) / Math.max(1, wait.until - wait.since)));
  const clock = barOf([[Math.floor(part * CLOCK_CELLS), FULL]], CLOCK_CELLS);
  return [fitted(`${colours.dim(clock)} ${formatDuration(Math.round(left / 1_000) * 1_000)}, then ${next}`, columns)];
}

/** Nobody knows it to the second: `50s`, `3m`, `2h10m`. */
function roughly(milliseconds: number): string {
  const step = milliseconds < 120_000 ? 10_000 : milliseconds < 3_600_000 ? 60_000 : 600_000;
  return formatDuration(Math.max(step, Math.round(milliseconds / step) * step));
}

const FULL = '█';
const HALF = '▒';
const EMPTY = '░';
const LONGEST_BAR = 40;
const SHORTEST_BAR = 6;

/** Cells of each kind, then empty ones up to the length. */
function barOf(parts: readonly (readonly [number, string])[], length: number): string {
  const drawn = parts.map(([cells, sign]) => sign.repeat(Math.min(length, Math.max(0, cells)))).join('');
  return drawn.slice(0, length).padEnd(length, EMPTY);
}

const COLUMNS: readonly Column[] = [
  { title: 'WAVE', align: 'right' },
  { title: 'NAME', flexible: true },
  { title: '' },
  { title: 'PROVEN', align: 'right' },
  { title: 'STATE' },
  { title: 'TOOK', align: 'right' },
];

/** A bar for each wave, those around the wave at work where not all fit. */
function waveBars(state: SeenRelease, now: number, view: View, limit: number): string[] {
  if (state.waves.length === 0) return [];
  const { shown, before, after } = windowAround(state.waves, state.wave, limit - 1);
  const length = Math.max(SHORTEST_BAR, Math.min(LONGEST_BAR, view.columns - 60));
  const rows = shown.map((wave) => {
    const row = barRow(wave, { state, now, length, colours: view.colours });
    return isNarrow(view) ? row.filter(isOnNarrow) : row;
  });
  const columns = isNarrow(view) ? COLUMNS.filter(isOnNarrow) : COLUMNS;
  return [...renderTable(columns, rows, view), ...hiddenLine(before, after, view)];
}

/** On a narrow terminal the name of a wave and its time are left out. */
function isOnNarrow(_cell: unknown, index: number): boolean {
  return index !== 1 && index !== 5;
}

interface Drawing {
  readonly state: SeenRelease;
  readonly now: number;
  readonly length: number;
  readonly colours: Colours;
}

function barRow(wave: WaveProgress, { state, now, length, colours }: Drawing): string[] {
  const { number, name, size, proven, failed, startedAt, endedAt } = wave;
  const { phase } = state;
  const cellsOf = (count: number): number => (size === 0 ? 0 : Math.floor((Math.min(count, size) / size) * length));
  const ready = Math.max(wave.ready, proven);
  const bar = barOf(
    [
      [cellsOf(proven), FULL],
      [cellsOf(ready) - cellsOf(proven), HALF],
    ],
    length,
  );
  const word = `${waveStatus(wave.status, phase)}${failed > 0 ? `, ${failed} failed` : ''}`;
  const took =
    startedAt === undefined ? '' : formatDuration(Math.max(0, (endedAt ?? state.endedAt ?? now) - startedAt));
  const colour = failed > 0 ? colours.red : statusColour(wave.status, colours);
  return [String(number), name, colour(bar), `${proven}/${size}`, colour(word), took];
}

/** Servers that are not right while a step is at work, and those that have failed: by name, with what they said last. */
function failingLines(state: SeenRelease, view: View, limit: number): string[] {
  const { failures, underWay } = state;
  const failed = new Set(failures.map(({ server }) => server));
  const notYet = (underWay?.notYet ?? []).filter(({ server }) => !failed.has(server));
  const rows = [
    ...notYet.map(({ server, reason }) => [server, 'not yet', reason]),
    ...failures.toReversed().map(({ server, class: kind, reason }) => [server, kind, reason]),
  ];
  if (rows.length === 0) return [];
  const all = rows.length + Math.max(0, (underWay?.count ?? 0) - (underWay?.notYet.length ?? 0));
  const fits = all <= limit - 1 ? rows.length : Math.max(1, limit - 2);
  const shown = rows.slice(0, fits);
  const columns: Column[] = [
    { title: 'SERVER', flexible: true },
    { title: 'FAILS' },
    { title: 'REASON', flexible: true },
  ];
  const more = all - shown.length;
  return [
    ...renderTable(columns, shown, view).map((line, index) => (index === 0 ? line : view.colours.red(line))),
    ...(more > 0 ? [view.colours.dim(`and ${more} more`)] : []),
  ];
}

/** The likeliest commands in so many lines; the last line says that there are more. */
function commandsThatFit(commands: readonly string[], columns: number, limit: number): string[] {
  const rows = commands.map((command) => commandRows(command, columns));
  if (rows.flat().length <= limit) return rows.flat();
  const kept: string[] = [];
  let shown = 0;
  for (const of of rows) {
    if (kept.length + of.length > limit - 1) break;
    kept.push(...of);
    shown += 1;
  }
  // One command is shown whatever it takes: without it the frame tells nobody what to do.
  if (shown === 0) return rows[0]?.slice(0, limit) ?? [];
  return [
    ...kept,
    ...wrapped(`  and ${counted(rows.length - shown, 'more command')}: hotwave explain`, columns).slice(0, 1),
  ];
}

function withGap(lines: readonly string[]): number {
  return lines.length === 0 ? 0 : lines.length + 1;
}

/** Sections with an empty line between them. */
function joined(sections: readonly (readonly string[])[]): string[] {
  return sections
    .filter((section) => section.length > 0)
    .flatMap((section, index) => (index === 0 ? section : ['', ...section]));
}
