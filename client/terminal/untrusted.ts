import { stripVTControlCharacters } from 'node:util';

/** Control characters, and the invisible ones that reorder or hide text on a terminal. */
const UNSAFE = /[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/gu;
/** Those that JSON leaves in its texts; line breaks can only be its own indentation. */
const UNSAFE_BUT_LINE_BREAKS = new RegExp(`(?!\n)${UNSAFE.source}`, 'gu');

/**
 * Text of people or the cluster made safe for a terminal: no escape sequences, no control characters, no invisible
 * direction marks; line breaks become spaces. A reason must not be able to repaint the screen of the person on call.
 */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/\s+/g, ' ').replaceAll(UNSAFE, '').trim();
}

/** The same value with every text in it, keys included, made plain. For JSON-like values. */
export function plainDeep<Value>(value: Value): Value {
  return plain(value) as Value;
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [plainText(key), plain(entry)]));
}

/** JSON text in which everything unsafe for a terminal is written as an escape: no information is lost. */
export function terminalSafeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(UNSAFE_BUT_LINE_BREAKS, unicodeEscape);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
