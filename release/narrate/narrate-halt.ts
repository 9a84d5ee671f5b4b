import type { HaltState } from '../decisions/halt.ts';
import { exceptionTexts, scopeName, pointInTime, releasesText, unhaltCommand } from '../decisions/halt.ts';
import { commandMarkdown, escapeMarkdown, markdownPage } from './narrate.ts';
import { unreadableText } from './unreadable.ts';

/** The halt as Markdown for the Temporal UI's current details. */
export function haltMarkdown(state: HaltState): string {
  const { phase, endedBy, trouble } = state;
  const title =
    phase === 'halted'
      ? `**the releases of ${escapeMarkdown(scopeName(state))} are halted**`
      : `**the releases go on** — ${escapeMarkdown(endedBy?.actor ?? '')}: ${escapeMarkdown(endedBy?.reason ?? '')}`;
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
