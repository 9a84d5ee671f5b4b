import { stripVTControlCharacters } from 'node:util';

/** Characters that take two cells: East Asian scripts, full-width forms and emoji. */
const TWO_CELLS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]/u;
const NO_CELL = /\p{Mark}|[\u200B\u200C]|\u200D|\uFE0E|\uFE0F/u;

/** How many terminal cells a text takes, escape sequences not counted. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += cells(character);
  return width;
}

/** The text cut to a width, with an ellipsis where something is missing. A text that must be cut loses its colours. */
export function fitted(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const character of stripVTControlCharacters(text)) {
    used += cells(character);
    if (used > width - 1) break;
    kept += character;
  }
  return width > 0 ? `${kept}…` : '';
}

/** A text broken at spaces into lines of a width; a word that is longer than a line is broken too. */
export function wrapped(text: string, width: number): string[] {
  if (!Number.isFinite(width)) return [text];
  const lines: string[] = [''];
  for (const word of text.split(' ').flatMap((entry) => pieces(entry, width))) {
    const last = lines.at(-1) ?? '';
    const joined = last === '' ? word : `${last} ${word}`;
    if (textWidth(joined) <= width) lines[lines.length - 1] = joined;
    else lines.push(word);
  }
  return lines;
}

/** Counted character by character: a word may be as long as whoever sent it liked. */
function pieces(word: string, width: number): string[] {
  if (word.length <= width && textWidth(word) <= width) return [word];
  const found = [''];
  let used = 0;
  for (const character of word) {
    const more = cells(character);
    if (used + more <= width) found[found.length - 1] = `${found.at(-1) ?? ''}${character}`;
    else found.push(character);
    used = used + more <= width ? used + more : more;
  }
  return found;
}

function cells(character: string): number {
  if (NO_CELL.test(character)) return 0;
  return TWO_CELLS.test(character) ? 2 : 1;
}
