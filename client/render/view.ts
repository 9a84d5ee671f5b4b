import picocolors from 'picocolors';
import type { OutputFormat } from '../terminal/flags.ts';
import type { OutputStream } from '../terminal/io.ts';

/** Functions that colour text, or leave it alone. */
export type Colours = ReturnType<typeof picocolors.createColors>;

/** The means of a rendering. */
export interface View {
  /** Lines are at most this wide; Infinity when nothing limits them. */
  readonly columns: number;
  readonly colours: Colours;
  /** Show the columns that most people do not need. */
  readonly wide: boolean;
}

/** Narrower than this, tables leave columns out, and what has a name gets lines of its own. */
const NARROW = 60;

/** True when a terminal is too narrow for tables with several names in a row. */
export function isNarrow({ columns }: View): boolean {
  return columns < NARROW;
}

/** A view for tests and files: no colours, as wide as asked. */
export function plainView(columns = Infinity, wide = false): View {
  return { columns, colours: picocolors.createColors(false), wide };
}

/** The view that a stream offers: colours only on a terminal and without NO_COLOR, width only on a terminal. */
export function viewOf(
  stream: OutputStream,
  env: Readonly<Record<string, string | undefined>>,
  format: OutputFormat,
): View {
  const terminal = stream.isTTY === true;
  const colourful = terminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return {
    columns: terminal ? (stream.columns ?? 80) : Infinity,
    colours: picocolors.createColors(colourful),
    wide: format === 'wide',
  };
}
