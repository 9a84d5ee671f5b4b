import { fitted, textWidth } from './text-width.ts';
import type { View } from './view.ts';

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Gives up width first when the table is too wide. */
  readonly flexible?: boolean;
}

const GAP = 2;
const NARROWEST = 8;

/** A table without lines, as wide as its content and never wider than the view. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[], view: View): string[] {
  const widths = columnWidths(columns, rows, view.columns);
  const line = (cells: readonly string[]): string => {
    const padded = columns.map(({ align }, index) => aligned(cells[index] ?? '', widths[index] ?? 0, align));
    return fitted(padded.join(' '.repeat(GAP)).trimEnd(), view.columns);
  };
  return [line(columns.map(({ title }) => view.colours.dim(title))), ...rows.map(line)];
}

/** A cell of a width in terminal cells, whatever its characters are. */
function aligned(text: string, width: number, align: Column['align']): string {
  const shown = fitted(text, width);
  const room = ' '.repeat(width - textWidth(shown));
  return align === 'right' ? `${room}${shown}` : `${shown}${room}`;
}

function columnWidths(columns: readonly Column[], rows: readonly (readonly string[])[], limit: number): number[] {
  const widths = columns.map(({ title }, index) =>
    rows.reduce((widest, row) => Math.max(widest, textWidth(row[index] ?? '')), textWidth(title)),
  );
  const spare = columns.map(({ title, flexible }, index) =>
    flexible === true ? (widths[index] ?? 0) - Math.max(NARROWEST, textWidth(title)) : 0,
  );
  const sum = widths.reduce((total, width) => total + width, GAP * (columns.length - 1));
  // The column with the most to spare gives up a cell, again and again: no short column is cut for the sake of a long one.
  for (let excess = sum - limit; excess > 0 && Math.max(...spare) > 0; excess -= 1) {
    const widest = spare.indexOf(Math.max(...spare));
    spare[widest] = (spare[widest] ?? 0) - 1;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}
