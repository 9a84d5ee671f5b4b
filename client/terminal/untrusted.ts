import { plainText } from '../../release/spec/plain-text.ts';

export { plainText };

/** Control characters, and the invisible ones that reorder or hide text on a terminal. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;
/** Those that JSON leaves in its texts; line breaks can only be its own indentation. */
const UNSAFE_BUT_LINE_BREAKS = new RegExp(`(?!\n)${UNSAFE.source}`, 'gu');

/** The same value with every text in it, keys included, made plain. For JSON-like values. */
export function plainDeep<Value>(value: Value): Value {
  return plain(value) as Value;
}

/** No answer of hotwave is nested so deeply, and what is must not exhaust the stack. */
const DEEPEST = 100;

function plain(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return plainText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEEPEST) return '…';
  if (Array.isArray(value)) return value.map((entry) => plain(entry, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [plainText(key), plain(entry, depth + 1)]));
}

/** JSON text in which everything unsafe for a terminal is written as an escape: no information is lost. */
export function terminalSafeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(UNSAFE_BUT_LINE_BREAKS, unicodeEscape);
}

function unicodeEscape(character: string): string {
  // By units, not characters: JSON spells those beyond the first plane as two.
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
