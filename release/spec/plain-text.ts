import { redacted } from './redact.ts';

/** `ESC [ 31 m` and its kind: what a terminal carries out and does not show. */
// eslint-disable-next-line no-control-regex -- these characters are what is looked for
const COMMANDS = /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]/g;
/** `ESC ] 0;title BEL` and its kind: the title of a window, a link. */
// eslint-disable-next-line no-control-regex -- these characters are what is looked for
const TITLES = /(?:\u001B\]|\u009D)[^\u0007\u001B\u009C\u009D]*(?:\u0007|\u001B\\|\u009C)/g;
/** Control characters, invisible ones that hide or reorder text, and halves of characters. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;
const UNSAFE_BUT_BLANKS = new RegExp(`(?!\\s)${UNSAFE.source}`, 'gu');

/**
 * Foreign text as one harmless line: what people, clusters, engines and other programs say passes through here before
 * it is kept or shown. No escape sequences, no control characters, no marks that reorder text, no halves of characters;
 * line breaks become spaces, and what looks like a credential is left out. A reason must not be able to repaint the screen
 * of the person on call, and must not carry what an engine, a proxy or a webhook has let slip.
 * @param limit most characters (UTF-16 units) of the result
 */
export function plainText(text: string, limit = Infinity): string {
  const line = text.replaceAll(TITLES, '').replaceAll(COMMANDS, '').replaceAll(UNSAFE_BUT_BLANKS, '');
  return cutText(redacted(line.replaceAll(/\s+/g, ' ').trim()), limit);
}

/** The first characters of a text; a character of two units is kept whole or left out. */
export function cutText(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(0, limit).replace(/[\uD800-\uDBFF]$/, '');
}

/** True when a text is what {@link plainText} would make of it, but for blanks. */
export function isPlain(text: string): boolean {
  return !UNSAFE.test(text);
}
