import { agreed, counted } from '../spec/counted.ts';
import { TO_FILL_IN, clusterFlag, commandLine } from './shell.ts';
import { cutText, plainText } from '../spec/plain-text.ts';
import { pointInTime, unhaltCommand, unhaltOnlyCommand } from '../decisions/halt.ts';
import { isNoteworthy, rollbackSentence } from '../plan/rollback-target.ts';
import { formatDuration } from '../spec/quantity.ts';
import { approvalsMissing } from '../decisions/gate-votes.ts';
import { usefulVerbs } from '../decisions/verbs.ts';
import type { DecisionRecord, NamedServers, ReleaseState, Verb, WaveProgress } from '../progress/state.ts';
import { isFinal } from '../progress/state.ts';

/**
 * One line that says what a release waits for, since when and until when. The first line of `status`, of the Temporal
 * UI's current details and of every chat message: all come from here.
 * @param now milliseconds since the epoch; left out for a text that is read later than it is written, which then
 *   names points in time instead of "for 5s"
 */
export function why(state: ReleaseState, now?: number): string {
  if (isFinal(state.phase)) return `${OUTCOMES[state.phase]}${state.reason === '' ? '' : `: ${state.reason}`}`;
  const what =
    state.pausedBecause === undefined
      ? (state.wait?.for ?? state.step)
      : `${pauseText(state.pausedBecause)}${gateBeside(state)}`;
  if (!state.wait) return what;
  const { owner, since, until } = state.wait;
  if (now === undefined)
    return `${what} (${turnOf(what, owner)}, since ${pointInTime(since)}, until ${pointInTime(until)})`;
  const elapsed = now - since < LEAST_TOLD_MS ? '' : `for ${formatDuration(now - since)}, `;
  const left =
    now - until >= LEAST_TOLD_MS
      ? `${formatDuration(now - until)} longer than expected`
      : `${formatDuration(Math.max(0, until - now))} left`;
  return `${what} (${turnOf(what, owner)}, ${elapsed}${left})`;
}

/** The owner of the wait: `waits for Kruise`, or only who where the sentence says already that it waits. */
export function turnOf(what: string, owner: string): string {
  return what.startsWith('waits ') ? owner : `waits for ${owner}`;
}

/** Less than this has passed for nobody who reads, in milliseconds. */
const LEAST_TOLD_MS = 1_000;

/** `paused by ann: players complain`, `paused: duel-3: no proof`: a person's pause begins with who it was. */
function pauseText(because: string): string {
  return because.startsWith('by ') ? `paused ${because}` : `paused: ${because}`;
}

/** The gate at which a release stands while something else holds it as well. */
function gateBeside({ phase, gate }: ReleaseState): string {
  if (!gate || !STANDING.has(phase)) return '';
  const missing = approvalsMissing(gate);
  if (missing === undefined) return `; the gate before wave ${gate.wave} has its votes`;
  const votes = missing === '1 more' ? '1 more approval' : missing.endsWith(' more') ? `${missing} approvals` : missing;
  return `; the gate before wave ${gate.wave} is open, too (${votes})`;
}

const STANDING: ReadonlySet<ReleaseState['phase']> = new Set(['paused', 'pausing', 'halted']);

/**
 * The effect of each command where a release stands at a gate and is paused or halted besides, in the order in which
 * they are listed; undefined anywhere else.
 */
export function standingGate({ phase, gate }: ReleaseState): string | undefined {
  if (!gate || gate.rejected || !STANDING.has(phase)) return undefined;
  const [verb, hold, held] = phase === 'halted' ? ['unhalt', 'halt', 'halted'] : ['resume', 'pause', 'paused'];
  return approvalsMissing(gate) === undefined
    ? `${verb} ends the ${hold} and starts wave ${gate.wave}: its gate has its votes`
    : `two things hold wave ${gate.wave}: approve counts a vote, and moves nothing while it is ${held}; ${verb} ends the ${hold}, and the wave starts once its votes are there`;
}

const OUTCOMES = {
  done: 'done',
  'rolled-back': 'rolled back',
  failed: 'failed, left as it is',
  cancelled: 'cancelled',
  refused: 'refused, nothing was changed',
} as const;

/**
 * `1.0 → 2.0`: from which version to which. A rollback that still plans has nothing of its release to name beside the way
 * that it will go.
 */
export function versionsText({ phase, goesBack, previousVersion, version }: ReleaseState): string {
  const ends = phase === 'planning' && goesBack === true ? [version, previousVersion] : [previousVersion, version];
  return ends.filter((end) => end !== '').join(' → ');
}

/** Where the release is, in at most three words and a wave number. */
export function headline(state: ReleaseState): string {
  const wave = state.wave > 0 && !isFinal(state.phase) ? ` · wave ${state.wave} of ${state.waves.length}` : '';
  return `${state.phase}${wave}`;
}

/** `hotwave approve RELEASE --wave 2`: what to type for a verb. Each is complete: people paste them into a shell. */
function commandsFor(verb: Verb, state: ReleaseState): readonly string[] {
  const { set, cluster } = state;
  return flagsFor(verb, state).map((flags) =>
    commandLine(verb, `${set.namespace}/${set.name}`, ...flags, ...clusterFlag(cluster)),
  );
}

/** The ways in which a verb can be meant; most have one. */
function flagsFor(verb: Verb, { gate, wave, foreignEdit }: ReleaseState): readonly (readonly string[])[] {
  switch (verb) {
    case 'approve':
      return [['--wave', String(gate?.wave ?? wave)]];
    case 'reject':
      return [['--wave', String(gate?.wave ?? wave), '--reason', TO_FILL_IN]];
    case 'override-freeze':
      return [['--reason', TO_FILL_IN]];
    case 'cancel':
      return [
        ['--then', 'hold'],
        ['--then', 'rollback'],
      ];
    case 'resume':
      return waysToResume(foreignEdit);
    default:
      return [[]];
  }
}

function waysToResume(foreignEdit: ReleaseState['foreignEdit']): readonly (readonly string[])[] {
  if (!foreignEdit || foreignEdit.wins !== undefined) return [[]];
  if (foreignEdit.ofOthers) return [['--wins', 'edit']];
  const plain = foreignEdit.ofOrder ? [[]] : [];
  return [...plain, ['--wins', 'release'], ['--wins', 'edit']];
}

/** The commands that make sense now, one command a line. */
export function nextCommands(state: ReleaseState): readonly string[] {
  const { phase, halt, cluster, set } = state;
  const commands = usefulVerbs(state).flatMap((verb) => commandsFor(verb, state));
  return phase === 'halted' && halt
    ? [unhaltCommand({ ...halt, cluster }), unhaltOnlyCommand({ cluster, set }), ...commands]
    : commands;
}

/** `wave 2/3 (25%)`, for summaries in the Temporal UI. */
export function waveLabel(state: ReleaseState): string {
  const wave = state.waves[state.wave - 1];
  return wave ? `wave ${wave.number}/${state.waves.length} (${wave.name})` : 'before the first wave';
}

/**
 * Text of people or the cluster made safe for a Markdown table cell or a paragraph: plain, no markup, no line breaks,
 * bounded.
 */
export function escapeMarkdown(text: string, limit = 240): string {
  return plainText(text, limit).replaceAll(/[\\`*_{}[\]<>|#!~]/g, (character) =>
    character === '<' ? '&lt;' : `\\${character}`,
  );
}

const MARKDOWN_LIMIT = 4_000;
const SHOWN = 5;

/** The release as Markdown for the Temporal UI's current details: under 4 KB, because it travels in a URL there. */
export function detailsMarkdown(state: ReleaseState): string {
  const sections = [
    statusMarkdown(state),
    `${escapeMarkdown(state.set.namespace)}/${escapeMarkdown(state.set.name)}${imageMarkdown(state)}, started by ${escapeMarkdown(state.requester)}`,
    commandsMarkdown(state),
    wavesMarkdown(state),
    failuresMarkdown(state),
    [...rollbackSentences(state), ...apartSentences(state)]
      .map((sentence) => `- ${escapeMarkdown(sentence)}`)
      .join('\n'),
    decisionsMarkdown(state),
  ];
  return markdownPage(sections);
}

/** A rollback that has not read the set yet knows no image. */
function imageMarkdown(state: ReleaseState): string {
  if (state.image === '') return '';
  return ` → ${escapeMarkdown(state.image)} (${escapeMarkdown(versionsText(state))})`;
}

/** Sections as one page that is not too long for a URL. */
export function markdownPage(sections: readonly string[]): string {
  const page = sections.filter((section) => section !== '').join('\n\n');
  return cutText(page, MARKDOWN_LIMIT);
}

/** A command as Markdown. */
export function commandMarkdown(command: string): string {
  return `- \`${plainText(command).replaceAll('`', '')}\``;
}

function statusMarkdown(state: ReleaseState): string {
  const ended = isFinal(state.phase);
  const title = ended ? OUTCOMES[state.phase] : headline(state);
  const reason = escapeMarkdown(ended ? state.reason : why(state), 400);
  return `**${escapeMarkdown(title)}**${reason === '' ? '' : ` — ${reason}`}`;
}

function commandsMarkdown(state: ReleaseState): string {
  const commands = nextCommands(state).map(commandMarkdown).join('\n');
  const sentence = standingGate(state);
  return sentence === undefined ? commands : `${escapeMarkdown(sentence)}\n\n${commands}`;
}

function wavesMarkdown({ waves, phase }: ReleaseState): string {
  if (waves.length === 0) return '';
  const shown =
    waves.length <= 12
      ? waves
      : [
          ...waves.filter(({ status }) => status !== 'pending').slice(-8),
          ...waves.filter(({ status }) => status === 'pending').slice(0, 4),
        ];
  const rows = shown.map(({ number, name, size, status, ready, proven, failed }) => [
    String(number),
    escapeMarkdown(name, 40),
    waveStatus(status, phase),
    `${ready} of ${size}`,
    `${proven} of ${size}`,
    String(failed),
  ]);
  return tableMarkdown(['wave', 'name', 'state', 'ready', 'proven', 'failed'], rows);
}

/** The state of a wave in words: a wave that was never begun waits for nothing any more once its release has ended. */
export function waveStatus(status: WaveProgress['status'], phase: ReleaseState['phase']): string {
  return status === 'pending' && isFinal(phase) ? 'not started' : status;
}

/** The rollback target, while there may be one and where nobody would guess it. */
export function rollbackSentences({ phase, rollbackTo }: ReleaseState): string[] {
  return rollbackTo && !isFinal(phase) && isNoteworthy(rollbackTo) ? [rollbackSentence(rollbackTo)] : [];
}

/** Servers that do not go with the others, and why: one sentence for each reason. */
export function apartSentences(state: ReleaseState): string[] {
  const { unreadable } = state;
  const { deferred, returned, skipped = [], skippedWaves = [], keptForDebugging = [], previousVersion } = state;
  const { failedBefore = [] } = state;
  return [
    ...(unreadable ? [`${counted(unreadable.count, 'unreadable message')}, the last: ${unreadable.last}`] : []),
    ...(deferred ? [`reload deferred until their players are gone: ${listOf(deferred)}`] : []),
    ...skipped.slice(-SHOWN).map(({ server, actor, reason }) => `excluded: ${server}, skipped by ${actor} (${reason})`),
    ...(skipped.length > SHOWN ? [`excluded: ${counted(skipped.length - SHOWN, 'more skipped server')}`] : []),
    ...(skippedWaves.length > 0
      ? [`excluded: skipped ${agreed(skippedWaves.length, 'wave', 'waves')} ${skippedWaves.join(', ')}`]
      : []),
    ...(failedBefore.length > 0
      ? [
          `had failed, and ${agreed(failedBefore.length, 'proves', 'prove')} ${previousVersion} now: ${pastOf(failedBefore)}`,
        ]
      : []),
    ...(returned ? [`back on ${previousVersion} by an override: ${listOf(returned)}`] : []),
    ...(keptForDebugging.length > 0 ? [`kept as they are for debugging: ${keptForDebugging.join(', ')}`] : []),
  ];
}

/** `duel-9 (version), duel-8 (reload), ...` */
function pastOf(failures: NonNullable<ReleaseState['failedBefore']>): string {
  const named = failures.slice(-SHOWN).map(({ server, class: kind }) => `${server} (${kind})`);
  return `${named.join(', ')}${failures.length > named.length ? `, and ${failures.length - named.length} more` : ''}`;
}

/** `3 servers (duel-1, duel-2, ...)` */
function listOf({ count, servers }: NamedServers): string {
  const names = servers.slice(0, SHOWN);
  return `${counted(count, 'server')} (${names.join(', ')}${count > names.length ? ', ...' : ''})`;
}

function failuresMarkdown({ failures }: ReleaseState): string {
  if (failures.length === 0) return '';
  const rows = failures
    .slice(-SHOWN)
    .map(({ server, class: kind, reason }) => [escapeMarkdown(server, 63), kind, escapeMarkdown(reason)]);
  return tableMarkdown(['failed server', 'class', 'reason'], rows);
}

/** The Temporal UI leaves no room between the columns of a table: a wide space, which is not trimmed, makes some. */
const COLUMN_GAP = '\u2003';

function tableMarkdown(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(`${COLUMN_GAP} | `)} |`;
  return [line(titles), `|${':---|'.repeat(titles.length)}`, ...rows.map(line)].join('\n');
}

/** `ann via slack, vouched for by the key of slack`, or `ann via cli, claimed` when nothing vouches for the name. */
export function whoDecided({
  actor,
  channel,
  vouchedBy,
}: Pick<DecisionRecord, 'actor' | 'channel' | 'vouchedBy'>): string {
  const how = vouchedBy === undefined ? 'claimed' : `vouched for by ${vouchedBy}`;
  return `${actor} via ${channel}, ${how}`;
}

function decisionsMarkdown({ decisions }: ReleaseState): string {
  return decisions
    .slice(-SHOWN)
    .map(
      ({ verb, accepted, answer, ...who }) =>
        `- ${verb} by ${escapeMarkdown(whoDecided(who), 120)}: ${accepted ? '' : 'refused, '}${escapeMarkdown(answer, 160)}`,
    )
    .join('\n');
}
