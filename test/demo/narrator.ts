import picocolors from 'picocolors';
import type { Column } from '../../client/render/table.ts';
import { renderTable } from '../../client/render/table.ts';
import { textWidth, wrapped } from '../../client/render/text-width.ts';
import type { Colours } from '../../client/render/view.ts';
import type { Check } from './checks.ts';

/** Where the story is told. */
export interface NarratorStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Wide enough for tables, narrow enough for every terminal and for a README. */
const width = 80;
/** Where the second line of something that does not fit goes on. */
const hanging = '      ';

/**
 * Tells the demo line by line, at most 80 columns wide, in colour only on a terminal. The words of hotwave, what was
 * seen without it and what the demo says itself look different, so that nobody takes one for the other.
 */
export class Narrator {
  readonly #stream: NarratorStream;
  readonly #colours: Colours;

  /** @param environment the variables of the process: NO_COLOR and TERM decide with the stream about colours */
  constructor(stream: NarratorStream, environment: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream;
    const colourful = stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
    this.#colours = picocolors.createColors(colourful);
  }

  /** The beginning of a part. */
  heading(text: string): void {
    this.#print('');
    for (const line of wrapped(text, width)) this.#print(this.#colours.bold(line));
    this.#print('='.repeat(Math.min(width, text.length)));
  }

  /** A paragraph of the demo's own. */
  say(text: string): void {
    this.#print('');
    for (const line of wrapped(text, width)) this.#print(line);
  }

  /** A step of the preparation that takes a while. */
  progress(text: string): void {
    this.#hang(`  ${text}`, this.#colours.dim);
  }

  /** Commands as a person would type them. They are never broken: it must be possible to copy them. */
  command(...texts: readonly string[]): void {
    this.#print('');
    for (const text of texts) this.#print(this.#colours.bold(`$ ${text}`));
  }

  /** One line that a command printed. */
  output(text: string): void {
    this.#hang(`    ${text}`, this.#colours.cyan);
  }

  /** Something that the demo saw by itself, without hotwave. */
  seen(text: string, at: Date): void {
    const time = at.toLocaleTimeString('en-GB', { hour12: false });
    this.#hang(`  seen ${time}  ${text}`, this.#colours.yellow);
  }

  /** Figures side by side. */
  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    const view = { columns: width - 2, colours: this.#colours, wide: false };
    for (const line of renderTable(columns, rows, view)) this.#print(`  ${line}`);
  }

  /** Whether something is as it should be. */
  check({ holds, what }: Check): void {
    const mark = holds ? this.#colours.green('  ok    ') : this.#colours.red('  WRONG ');
    const [first = '', ...rest] = wrapped(what, width - 8);
    this.#print(`${mark}${first}`);
    for (const line of rest) this.#print(`        ${line}`);
  }

  #hang(text: string, colour: (line: string) => string): void {
    if (textWidth(text) <= width) {
      this.#print(text.trim() === '' ? '' : colour(text));
      return;
    }
    const indent = /^ */.exec(text)?.[0] ?? '';
    const [first = '', ...rest] = wrapped(text.slice(indent.length), width - indent.length - hanging.length);
    this.#print(colour(`${indent}${first}`));
    for (const line of rest) this.#print(colour(`${indent}${hanging}${line}`));
  }

  #print(line: string): void {
    this.#stream.write(`${line}\n`);
  }
}
