import { agreed, counted } from '../spec/counted.ts';
import type { MonitorEvent, MonitorProblem, MonitorState } from '../monitor/monitor.ts';
import { pointInTime } from '../decisions/halt.ts';
import { commandMarkdown, escapeMarkdown, markdownPage } from './narrate.ts';
import { commandLine, setWords } from './shell.ts';
import { unreadableText } from './unreadable.ts';
import { formatDuration } from '../spec/quantity.ts';

/** One line that says what a monitor does and what is wrong; the first line wherever a monitor is shown. */
export function monitorWhy(state: MonitorState, now: number): string {
  const { phase, version, servers, until, problems, reason } = state;
  if (phase === 'ended') return `ended: ${reason}`;
  const left = formatDuration(Math.max(0, until - now));
  const wrong =
    problems.length === 0
      ? 'nothing is wrong'
      : `${counted(problems.length, 'server')} ${agreed(problems.length, 'is', 'are')} not proved`;
  return `watches ${version} on ${counted(servers, 'server')} for another ${left}; ${wrong}`;
}

/** The command that ends a monitor. */
export function stopMonitorCommand(state: Pick<MonitorState, 'set' | 'cluster'>): string {
  return commandLine('guard', ...setWords(state), '--stop');
}

/** `duel-3: not loaded: runs 1.0, files 2.0 (container engine was started again)`. */
function problemText({ server, mismatch, reason, cause }: MonitorProblem): string {
  const what = mismatch === '' ? 'is to be looked at' : `${mismatch}: ${reason}`;
  return `${server}: ${what} (${cause})`;
}

/** `duel-3: proves 2.0, 12s after: its pod was recreated`. */
export function eventText({ server, text }: MonitorEvent): string {
  return server === undefined ? text : `${server}: ${text}`;
}

const SHOWN = 8;

/** The monitor as Markdown for the Temporal UI's current details: under 4 KB, because it travels in a URL there. */
export function monitorMarkdown(state: MonitorState, now: number): string {
  const { set, release, image, problems, events, counts } = state;
  const numbers = Object.entries(counts)
    .filter(([, count]) => (count as number) > 0)
    .map(([kind, count]) => `${kind} ${String(count)}`);
  const sections = [
    `**monitor** — ${escapeMarkdown(monitorWhy(state, now), 400)}`,
    `${escapeMarkdown(`${set.namespace}/${set.name}`)} after release ${escapeMarkdown(release)} (${escapeMarkdown(image)})`,
    state.phase === 'ended' ? '' : commandMarkdown(stopMonitorCommand(state)),
    unreadableText(state),
    numbers.join(' · '),
    problems
      .slice(0, SHOWN)
      .map((problem) => `- ${escapeMarkdown(problemText(problem))}`)
      .join('\n'),
    events
      .slice(-SHOWN)
      .map((event) => `- ${pointInTime(event.at)} ${escapeMarkdown(eventText(event))}`)
      .join('\n'),
  ];
  return markdownPage(sections);
}
