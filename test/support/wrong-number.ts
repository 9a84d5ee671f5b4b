const NOUNS =
  'server|wave|engine|approval|message|failure|decision|release|retry|attempt|notice|warning|chat|range|version';
/** Words between a count and its noun, as in `2 more skipped servers`. */
const BETWEEN = '(?:(?:more|new|other|older|chosen|failed|skipped|unreadable|updated|whole) )*';
/** Not the end of another number or of a version: `v1.1 servers`, `11 servers`, `wave 1 servers`. */
const ALONE = '(?<![\\w.,:/-]|wave )';
const PLURAL_OF_ONE = new RegExp(`${ALONE}1 ${BETWEEN}(?:${NOUNS}|retrie|other)s\\b`, 'g');
const SINGULAR_OF_MANY = new RegExp(`${ALONE}(?:0|[2-9]|\\d{2,}) ${BETWEEN}(?:${NOUNS})\\b(?!s)`, 'g');
const VERB_OF_MANY = new RegExp(
  `(?<!of )${ALONE}1 ${BETWEEN}(?:${NOUNS}) (?:are|have|do|were|prove|run|keep|stay)\\b`,
  'g',
);

/** Where a text has a noun or a verb in the wrong number, such as `1 servers`. */
export function wrongNumbers(text: string): readonly string[] {
  return [PLURAL_OF_ONE, SINGULAR_OF_MANY, VERB_OF_MANY].flatMap((wrong) => text.match(wrong) ?? []);
}
