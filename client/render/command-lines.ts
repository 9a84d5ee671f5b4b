import { textWidth } from './text-width.ts';

/**
 * A command that can be pasted, broken at blanks into lines of a width: outside quotes a backslash goes on in the next
 * line. Inside quotes a line break is one more blank of JSON. A word that is too long stays whole: a cut command is a
 * wrong command.
 */
export function commandLines(command: string, width: number): string[] {
  const lines = [''];
  let isQuoted = false;
  for (const word of command.split(' ')) {
    const last = lines.at(-1) ?? '';
    const joined = last === '' ? word : `${last} ${word}`;
    // Room for the backslash.
    if (last === '' || textWidth(joined) <= width - 2) lines[lines.length - 1] = joined;
    else {
      lines[lines.length - 1] = isQuoted ? last : `${last} \\`;
      lines.push(word);
    }
    if ((word.split("'").length - 1) % 2 === 1) isQuoted = !isQuoted;
  }
  return lines;
}

const INDENT = '  ';
/** Words of a command line, with what is in quotes as one. */
const WORDS = /(?:'[^']*'|"[^"]*"|[^\s'"])+/g;

/**
 * A command to type, indented, on as many lines as the width asks for. It is never cut, because a cut command is a wrong
 * one: lines that go on end in a backslash, so that all of them together can be pasted into a shell.
 */
export function commandRows(command: string, columns: number): string[] {
  const rows: string[] = [];
  let row = INDENT;
  // Each line but the last ends with ` \`.
  const room = columns - 2;
  for (const word of command.match(WORDS) ?? []) {
    const joined = row.trim() === '' ? `${row}${word}` : `${row} ${word}`;
    if (textWidth(joined) <= room || row === INDENT) row = joined;
    else {
      rows.push(`${row} \\`);
      row = `${INDENT}${INDENT}${word}`;
    }
    while (textWidth(row) > columns && !/['"]/.test(row)) {
      // Within a word a backslash joins two lines, when the second begins at its edge.
      rows.push(`${row.slice(0, columns - 1)}\\`);
      row = row.slice(columns - 1);
    }
  }
  return [...rows, row];
}
