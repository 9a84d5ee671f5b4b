import { createRequire } from 'node:module';
import { stripVTControlCharacters } from 'node:util';
import type stringWidth from 'string-width';
import type wrapAnsi from 'wrap-ansi';

/** A text of these alone is as wide as it is long. Nearly all that a release says is, and a start is 20 ms shorter then. */
const PLAIN = /^[ -~]*$/;

const load = createRequire(import.meta.url);
const clusters = new Intl.Segmenter();

/** How many terminal cells a text takes, escape sequences not counted. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  const { default: width } = load('string-width') as { readonly default: typeof stringWidth };
  return width(text);
}

/** The text cut to a width, with an ellipsis where something is missing. A text that must be cut loses its colours. */
export function fitted(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  // By what a person sees as one character: half a flag or half a family is another picture.
  for (const { segment } of clusters.segment(stripVTControlCharacters(text))) {
    used += textWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return width > 0 ? `${kept}…` : '';
}

/** A text broken at spaces into lines of a width; a word that is longer than a line is broken too. */
export function wrapped(text: string, width: number): string[] {
  if (!Number.isFinite(width) || textWidth(text) <= width) return [text];
  const { default: wrap } = load('wrap-ansi') as { readonly default: typeof wrapAnsi };
  return wrap(text, Math.max(1, width), { hard: true }).split('\n');
}
