import { textWidth } from './text-width.ts';

/** Words of a command line, with what is in quotes as one. */
const WORDS = /(?:'[^']*'|"[^"]*"|[^\s'"])+/g;
/** JSON in quotes: a line break between its words is one more blank of it. */
const JSON_WORD = /^'[[{].*'$/s;

/** A piece of a command that stays on one line. `isInside` a quoted word, where no backslash may stand. */
interface Piece {
  readonly text: string;
  readonly isInside: boolean;
}

/**
 * A command to type, indented, on as many lines as the width asks for. It is never cut, because a cut command is a wrong
 * one: lines that go on end in a backslash, so that all of them together can be pasted into a shell.
 */
export function commandRows(command: string, columns: number, indent = '  '): string[] {
  const rows: string[] = [];
  let row = indent;
  // Each line but the last ends with ` \`.
  const room = columns - 2;
  for (const { text, isInside } of piecesOf(command)) {
    const joined = row.trim() === '' ? `${row}${text}` : `${row} ${text}`;
    if (textWidth(joined) <= room || row === indent) row = joined;
    else {
      rows.push(isInside ? row : `${row} \\`);
      row = `${indent}  ${text}`;
    }
    while (textWidth(row) > columns && !/['"]/.test(row)) {
      // Within a word a backslash joins two lines, when the second begins at its edge.
      rows.push(`${row.slice(0, columns - 1)}\\`);
      row = row.slice(columns - 1);
    }
  }
  return [...rows, row];
}

function piecesOf(command: string): readonly Piece[] {
  return (command.match(WORDS) ?? []).flatMap((word) =>
    (JSON_WORD.test(word) ? word.split(' ') : [word]).map((text, index) => ({ text, isInside: index > 0 })),
  );
}
