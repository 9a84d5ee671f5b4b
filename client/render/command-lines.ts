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
