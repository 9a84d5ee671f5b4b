import type { LineState } from '../decisions/halt.ts';
import { exceptionTexts, lineName, pointInTime, releasesText, unhaltCommand } from '../decisions/halt.ts';
import { commandMarkdown, escapeMarkdown, markdownPage } from './narrate.ts';
import { unreadableText } from './unreadable.ts';

/** The halt as Markdown for the Temporal UI's current details. */
export function lineMarkdown(state: LineState): string {
  const { phase, endedBy, trouble } = state;
  const title =
    phase === 'halted'
      ? `**the line of ${escapeMarkdown(lineName(state))} is stopped**`
      : `**the line goes on** — ${escapeMarkdown(endedBy?.actor ?? '')}: ${escapeMarkdown(endedBy?.reason ?? '')}`;
  return markdownPage([
    title,
    `${escapeMarkdown(state.actor)}: ${escapeMarkdown(state.reason, 1_000)}, since ${pointInTime(state.since)}, until ${pointInTime(state.until)}`,
    escapeMarkdown(releasesText(state), 2_000),
    ...exceptionTexts(state)
      .slice(0, 20)
      .map((text) => escapeMarkdown(text)),
    ...(trouble === undefined ? [] : [`trouble: ${escapeMarkdown(trouble)}`]),
    ...(phase === 'halted' ? [commandMarkdown(unhaltCommand(state))] : []),
    unreadableText(state),
  ]);
}
