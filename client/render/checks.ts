import type { PreflightLine } from '../../workflows/messages.ts';
import { commandRows } from './command-lines.ts';
import { commandLine } from '../../release/narrate/shell.ts';
import { topicOf } from '../../release/narrate/advice.ts';
import { textWidth, wrapped } from './text-width.ts';
import type { View } from './view.ts';

/** How each status is shown: three words that `grep` finds. */
const WORDS: Readonly<Record<PreflightLine['status'], string>> = { ok: 'ok', warning: 'warn', refused: 'FAIL' };
const INDENT = ' '.repeat(6);

/** Checks in order, a line each, with what mends them; what does not fit goes on below, indented. */
export function checkLines(lines: readonly PreflightLine[], view: View): string[] {
  const titleWidth = Math.max(0, ...lines.map(({ title }) => textWidth(title)));
  return lines.flatMap(({ title, status, detail, commands = [] }) => {
    const rows = besideOrBelow(title, detail, { titleWidth, columns: view.columns - INDENT.length });
    const word = colour(status, view)(WORDS[status].padEnd(INDENT.length));
    const mending = commands.flatMap((command) => commandRows(command, view.columns, INDENT));
    return [...rows.map((row, index) => (index === 0 ? word : INDENT) + row), ...mending];
  });
}

/** The checks that are not ok, in full; of the others their number. Wide, all of them. */
export function checkSummary(lines: readonly PreflightLine[], view: View): string[] {
  if (view.wide) return checkLines(lines, view);
  const count = lines.filter(({ status }) => status === 'ok').length;
  const others = lines.filter(({ status }) => status !== 'ok');
  const sentence = `${count} ${count === 1 ? 'check is' : 'checks are'} ok (-o wide lists ${count === 1 ? 'it' : 'them'})`;
  const summary = wrapped(sentence, view.columns).map((line) => colour('ok', view)(line));
  return [...(count === 0 ? [] : summary), ...checkLines(others, view)];
}

/** The commands that explain the checks that refuse and have no command that mends them. */
export function refusalAdvice(lines: readonly PreflightLine[]): string[] {
  const refusing = lines.filter(
    ({ title, status, commands }) => status === 'refused' && commands === undefined && topicOf(title) !== undefined,
  );
  return refusing.map(({ title }) => `to do: ${commandLine('explain', title.replaceAll(' ', '-'))}`);
}

function besideOrBelow(title: string, detail: string, room: { titleWidth: number; columns: number }): string[] {
  if (detail === '') return wrapped(title, room.columns);
  const beside = `${title}${' '.repeat(room.titleWidth - textWidth(title) + 2)}${detail}`;
  if (textWidth(beside) <= room.columns) return [beside];
  return [...wrapped(title, room.columns), ...wrapped(detail, room.columns - 2).map((line) => `  ${line}`)];
}

function colour(status: PreflightLine['status'], { colours }: View): (text: string) => string {
  if (status === 'ok') return colours.green;
  return status === 'warning' ? colours.yellow : colours.red;
}
