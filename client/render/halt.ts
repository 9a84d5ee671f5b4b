import type { HaltOfScope, HaltState } from '../../release/decisions/halt.ts';
import { exceptionTexts, haltSentence, scopeName, releasesText, unhaltCommand } from '../../release/decisions/halt.ts';
import { unreadableText } from '../../release/narrate/unreadable.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import { wrapped } from './text-width.ts';
import type { View } from './view.ts';

type Shown = HaltOfScope & Pick<Partial<HaltState>, 'releases' | 'trouble' | 'exceptions' | 'unreadable'>;

/** A halt that has just begun. */
export function renderHalt(halt: Shown, now: number, view: View): string {
  const left = formatDuration(Math.max(0, halt.until - now));
  return [
    ...wrapped(`the releases of ${scopeName(halt)} are halted for at most ${left}: ${halt.reason}`, view.columns).map(
      (line) => view.colours.yellow(line),
    ),
    ...detailLines(halt, view),
    `  ${unhaltCommand(halt)}`,
  ].join('\n');
}

/** The halts that hold releases. */
export function renderHalts(halts: readonly Shown[], _now: number, view: View): string {
  if (halts.length === 0) return 'no release is halted';
  return halts
    .map((halt) =>
      [
        ...wrapped(haltSentence(halt), view.columns).map((line) => view.colours.yellow(line)),
        ...detailLines(halt, view),
      ].join('\n'),
    )
    .join('\n\n');
}

function detailLines(halt: Shown, { columns }: View): string[] {
  const trouble = halt.trouble === undefined ? [] : wrapped(`trouble: ${halt.trouble}`, columns);
  const exceptions = exceptionTexts(halt).flatMap((text) => wrapped(text, columns));
  const unreadable = unreadableText(halt);
  const more = [...exceptions, ...trouble, ...(unreadable === '' ? [] : [unreadable])];
  return [...wrapped(releasesText(halt), columns), ...more];
}
