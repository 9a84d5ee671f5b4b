import {
  apartSentences,
  headline,
  nextCommands,
  rollbackSentences,
  versionsText,
  waveStatus,
  whoDecided,
  why,
  standingGate,
} from '../../release/narrate/narrate.ts';
import { commandLine, setWords } from '../../release/narrate/shell.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { Phase, ReleaseState, WaveProgress } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { SeenRelease } from '../temporal/retries.ts';
import { commandRows } from './command-lines.ts';
import type { Column } from './table.ts';
import { renderTable } from './table.ts';
import { fitted, wrapped } from './text-width.ts';
import type { Colours, View } from './view.ts';

/** Why the release is where it is, coloured by its phase. */
export function whyLines(state: ReleaseState, now: number, view: View): string[] {
  const colour = phaseColour(state.phase, view.colours);
  return wrapped(why(state, now), view.columns).map((line) => colour(line));
}

/** The call that it fails at now and tries again. */
export function retryLines({ retrying = [] }: Pick<SeenRelease, 'retrying'>, { columns, colours }: View): string[] {
  return retrying.flatMap(({ activity, attempt, reason }) =>
    wrapped(`attempt ${attempt} of ${activity}; the one before failed: ${reason}`, columns).map((line) =>
      colours.red(line),
    ),
  );
}

/** The images, the target and the headline. */
export function titleLines(state: ReleaseState, now: number, { columns, colours }: View): string[] {
  const took = Math.max(0, (state.endedAt ?? now) - state.startedAt);
  const isNew = !isFinal(state.phase) && took < 1_000;
  const ago = isNew ? '' : `, ${isFinal(state.phase) ? 'took' : 'for'} ${formatDuration(took)}`;
  return [
    fitted(
      `${colours.bold(state.release)} on ${state.set.namespace}/${state.set.name} · ${versionsText(state)}`,
      columns,
    ),
    fitted(`${headline(state)} · ${state.strategy}, started by ${state.requester}${ago}`, columns),
  ];
}

const WAVE_COLUMNS: readonly Column[] = [
  { title: 'WAVE', align: 'right' },
  { title: 'NAME', flexible: true },
  { title: 'SERVERS', align: 'right' },
  { title: 'STATE' },
  { title: 'READY', align: 'right' },
  { title: 'PROVEN', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'TOOK', align: 'right' },
];

/** The waves as a table; with a limit on its rows, those around the wave at work. */
export function waveTable(state: ReleaseState, now: number, view: View, limit = Infinity): string[] {
  if (state.waves.length === 0 || limit < 2) return [];
  const { shown, before, after } = windowAround(state.waves, state.wave, limit - 1);
  const table = renderTable(
    WAVE_COLUMNS,
    shown.map((wave) => waveRow(wave, state, now, view.colours)),
    view,
  );
  return [...table, ...hiddenLine(before, after, view)];
}

/** How many waves a table leaves out; no line where it has them all. */
export function hiddenLine(before: number, after: number, { colours, columns }: View): string[] {
  const hidden = [before > 0 ? `${before} before` : '', after > 0 ? `${after} after` : ''].filter(
    (part) => part !== '',
  );
  return hidden.length === 0 ? [] : [colours.dim(fitted(`… ${hidden.join(', ')}`, columns))];
}

function waveRow(wave: WaveProgress, { phase, endedAt }: ReleaseState, now: number, colours: Colours): string[] {
  const took =
    wave.startedAt === undefined ? '' : formatDuration(Math.max(0, (wave.endedAt ?? endedAt ?? now) - wave.startedAt));
  return [
    String(wave.number),
    wave.name,
    String(wave.size),
    statusColour(wave.status, colours)(waveStatus(wave.status, phase)),
    String(wave.ready),
    String(wave.proven),
    wave.failed > 0 ? colours.red(String(wave.failed)) : '0',
    took,
  ];
}

/** The part of the waves that fits, with the current one in it and a row left to say what is missing. */
export function windowAround(
  waves: readonly WaveProgress[],
  current: number,
  rows: number,
): { readonly shown: readonly WaveProgress[]; readonly before: number; readonly after: number } {
  if (waves.length <= rows) return { shown: waves, before: 0, after: 0 };
  const size = Math.max(1, rows - 1);
  const start = Math.max(0, Math.min(waves.length - size, current - 1 - Math.floor(size / 2)));
  const shown = waves.slice(start, start + size);
  return { shown, before: start, after: waves.length - start - shown.length };
}

/** The newest failed servers and their reasons. */
export function failureLines({ failures }: ReleaseState, view: View, limit = Infinity): string[] {
  if (failures.length === 0 || limit < 2) return [];
  const rows = failures.slice(-(limit - 1)).map(({ server, class: kind, reason }) => [server, kind, reason]);
  const columns: Column[] = [{ title: 'FAILED SERVER' }, { title: 'CLASS' }, { title: 'REASON', flexible: true }];
  return renderTable(columns, rows, view);
}

/** The commands that explain the classes of the failed servers. */
export function adviceLines({ failures }: ReleaseState): string[] {
  return [...new Set(failures.map((failure) => failure.class))].map((kind) => `to do: ${commandLine('explain', kind)}`);
}

/** The decisions, oldest first. */
export function decisionLines({ decisions }: ReleaseState, view: View, limit = Infinity): string[] {
  return decisions.slice(-limit).map(({ at, verb, wave, accepted, answer, reason, ...who }) => {
    const about = wave === undefined ? verb : `${verb} wave ${wave}`;
    const because = reason === undefined ? '' : ` (${reason})`;
    const outcome = accepted ? answer : `refused, ${answer}`;
    return fitted(`${clockTime(at)}  ${about} by ${whoDecided(who)}${because}: ${outcome}`, view.columns);
  });
}

/** Until when servers may be of two versions, while there is a limit. */
export function mixedLines({ mixedUntil }: ReleaseState, now: number, { columns }: View): string[] {
  if (mixedUntil === undefined) return [];
  const left = mixedUntil - now;
  return wrapped(
    left > 0
      ? `servers may be of two versions for another ${formatDuration(left)}`
      : `servers are of two versions for ${formatDuration(-left)} longer than they may`,
    columns,
  );
}

/** Warnings, each on its own lines. */
export function warningLines({ warnings }: Pick<ReleaseState, 'warnings'>, view: View): string[] {
  return warnings.flatMap((warning) =>
    wrapped(`warning: ${warning}`, view.columns).map((line) => view.colours.yellow(line)),
  );
}

/** The rollback target where nobody would guess it, and servers that do not go with the others. */
export function apartLines(state: ReleaseState, view: View): string[] {
  return [...rollbackSentences(state), ...apartSentences(state)].flatMap((sentence) => wrapped(sentence, view.columns));
}

/** The servers excluded by a release that ended half-way, and how to see it. */
export function leftoverLines({ phase, waves, set, cluster }: ReleaseState, { columns }: View): string[] {
  const moved = waves.some(({ status }) => status === 'running' || status === 'done' || status === 'failed');
  if (!moved || (phase !== 'cancelled' && phase !== 'failed')) return [];
  const words = setWords({ set, cluster });
  return [
    ...wrapped('every server stays on the version it has, until another release or a rollback on the set', columns),
    ...commandRows(commandLine('versions', ...words), columns),
    ...commandRows(commandLine('rollback', ...words), columns),
  ];
}

/** The effect of the commands below, where two things hold a release. */
export function standingGateLines(state: ReleaseState, { columns }: View): string[] {
  const sentence = standingGate(state);
  return sentence === undefined ? [] : wrapped(sentence, columns);
}

/** The commands that a person can type now, the likeliest first. */
export function commandLines(state: ReleaseState, { columns }: View): string[] {
  return nextCommands(state).flatMap((command) => commandRows(command, columns));
}

/** `12:03:04`, the time of the day where the person is. */
export function clockTime(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString('en-GB', { hour12: false });
}

const WAITING: ReadonlySet<Phase> = new Set<Phase>(['paused', 'waiting-approval', 'frozen', 'halted']);

function phaseColour(phase: Phase, colours: Colours): (text: string) => string {
  if (phase === 'done') return colours.green;
  if (phase === 'failed' || phase === 'refused') return colours.red;
  if (isFinal(phase) || phase === 'rolling-back') return colours.magenta;
  return WAITING.has(phase) ? colours.yellow : colours.cyan;
}

/** The colour of the state of a wave. */
export function statusColour(status: WaveProgress['status'], colours: Colours): (text: string) => string {
  const of = {
    pending: colours.dim,
    skipped: colours.dim,
    running: colours.cyan,
    done: colours.green,
    failed: colours.red,
  };
  return status === 'rolled-back' ? colours.magenta : of[status];
}
