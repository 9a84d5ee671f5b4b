import { formatDuration } from './quantity.ts';
import { usefulVerbs } from './decision.ts';
import type { ReleaseState, Verb, WaveProgress } from './state.ts';
import { isFinal } from './state.ts';

/**
 * One line that says what a release waits for, since when and until when. The first line of `status`, of the Temporal
 * UI's current details and of every chat message: all come from here.
 */
export function why(state: ReleaseState, now: number): string {
  if (isFinal(state.phase)) return `${OUTCOMES[state.phase]}${state.reason === '' ? '' : `: ${state.reason}`}`;
  const what = state.pausedBecause === undefined ? (state.wait?.for ?? state.step) : `paused: ${state.pausedBecause}`;
  if (!state.wait) return what;
  const { owner, since, until } = state.wait;
  return `${what} (on ${owner}, for ${formatDuration(Math.max(0, now - since))}, ${formatDuration(Math.max(0, until - now))} left)`;
}

const OUTCOMES = {
  done: 'done',
  'rolled-back': 'rolled back',
  failed: 'failed, left as it is',
  cancelled: 'cancelled',
  refused: 'refused, nothing was changed',
} as const;

/** Where the release is, in at most three words and a wave number. */
export function headline(state: ReleaseState): string {
  const wave = state.wave > 0 && !isFinal(state.phase) ? ` · wave ${state.wave} of ${state.waves.length}` : '';
  return `${state.phase}${wave}`;
}

/** `hotwave approve RELEASE --wave 2`: what to type for a verb. Each is complete: people paste them into a shell. */
function commandsFor(verb: Verb, { set, cluster, gate, wave }: ReleaseState): readonly string[] {
  const command = `hotwave ${verb} ${set.namespace}/${set.name}`;
  const where = cluster === 'default' ? '' : ` --cluster ${cluster}`;
  if (verb === 'approve' || verb === 'reject') return [`${command} --wave ${gate?.wave ?? wave}${where}`];
  return verb === 'cancel'
    ? ['hold', 'rollback'].map((then) => `${command} --then ${then}${where}`)
    : [command + where];
}

/** What a person can do now, one command a line. */
export function nextCommands(state: ReleaseState): readonly string[] {
  return usefulVerbs(state.phase).flatMap((verb) => commandsFor(verb, state));
}

/** `wave 2/3 (25%)`, for summaries in the Temporal UI. */
export function waveLabel(state: ReleaseState): string {
  const wave = state.waves[state.wave - 1];
  return wave ? `wave ${wave.number}/${state.waves.length} (${wave.name})` : 'before the first wave';
}

/** Text of people or the cluster made safe for a Markdown table cell or a paragraph: no markup, no line breaks, bounded. */
export function escapeMarkdown(text: string, limit = 240): string {
  const line = text.replaceAll(/\s+/g, ' ').slice(0, limit);
  return line.replaceAll(/[\\`*_{}[\]<>|#!~]/g, (character) => (character === '<' ? '&lt;' : `\\${character}`));
}

const MARKDOWN_LIMIT = 4_000;
const SHOWN = 5;

/** The release as Markdown for the Temporal UI's current details: under 4 KB, because it travels in a URL there. */
export function detailsMarkdown(state: ReleaseState, now: number): string {
  const sections = [
    `**${escapeMarkdown(headline(state))}** — ${escapeMarkdown(why(state, now), 400)}`,
    `${escapeMarkdown(state.set.namespace)}/${escapeMarkdown(state.set.name)} → ${escapeMarkdown(state.image)} (${escapeMarkdown(state.previousVersion)} → ${escapeMarkdown(state.version)}), started by ${escapeMarkdown(state.requester)}`,
    commandsMarkdown(state),
    wavesMarkdown(state.waves),
    failuresMarkdown(state),
    decisionsMarkdown(state),
  ];
  return sections
    .filter((section) => section !== '')
    .join('\n\n')
    .slice(0, MARKDOWN_LIMIT);
}

function commandsMarkdown(state: ReleaseState): string {
  const commands = nextCommands(state);
  return commands.length === 0 ? '' : commands.map((command) => `- \`${command.replaceAll('`', '')}\``).join('\n');
}

function wavesMarkdown(waves: readonly WaveProgress[]): string {
  if (waves.length === 0) return '';
  const shown =
    waves.length <= 12
      ? waves
      : [
          ...waves.filter(({ status }) => status !== 'pending').slice(-8),
          ...waves.filter(({ status }) => status === 'pending').slice(0, 4),
        ];
  const rows = shown.map(
    ({ number, name, size, status, ready, proven, failed }) =>
      `| ${number} | ${escapeMarkdown(name, 40)} | ${size} | ${status} | ${ready} | ${proven} | ${failed} |`,
  );
  return ['| wave | name | servers | state | ready | proven | failed |', '|---|---|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

function failuresMarkdown({ failures }: ReleaseState): string {
  if (failures.length === 0) return '';
  const rows = failures
    .slice(-SHOWN)
    .map(
      ({ server, class: kind, reason }) => `| ${escapeMarkdown(server, 63)} | ${kind} | ${escapeMarkdown(reason)} |`,
    );
  return ['| failed server | class | reason |', '|---|---|---|', ...rows].join('\n');
}

function decisionsMarkdown({ decisions }: ReleaseState): string {
  return decisions
    .slice(-SHOWN)
    .map(
      ({ verb, actor, channel, accepted, answer }) =>
        `- ${verb} by ${escapeMarkdown(actor, 60)} (${escapeMarkdown(channel, 20)}): ${accepted ? '' : 'refused, '}${escapeMarkdown(answer, 160)}`,
    )
    .join('\n');
}
