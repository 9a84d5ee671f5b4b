import CliTable from 'cli-table3';
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
const NO_LINES = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((name) => [name, '']),
);

/** A table without lines, as wide as its content and never wider than the view. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[], view: View): string[] {
  const table = new CliTable({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [], compact: true },
    head: columns.map(({ title }) => view.colours.dim(title)),
    colWidths: columnWidths(columns, rows, view.columns),
    colAligns: columns.map(({ align }) => align ?? 'left'),
  });
  table.push(...rows.map((row) => [...row]));
  return (
    table
      .toString()
      .split('\n')
      // The library cuts a character of two units in halves.
      .map((line) => fitted(line.trimEnd().toWellFormed(), view.columns))
  );
}

function columnWidths(columns: readonly Column[], rows: readonly (readonly string[])[], limit: number): number[] {
  const widths = columns.map(
    ({ title }, index) => GAP + Math.max(textWidth(title), ...rows.map((row) => textWidth(row[index] ?? ''))),
  );
  const spare = columns.map(({ title, flexible }, index) =>
    flexible === true ? (widths[index] ?? 0) - GAP - Math.max(NARROWEST, textWidth(title)) : 0,
  );
  const sum = widths.reduce((total, width) => total + width, 0);
  // The column with the most to spare gives up a cell, again and again: no short column is cut for the sake of a long one.
  for (let excess = sum - GAP - limit; excess > 0 && Math.max(...spare) > 0; excess -= 1) {
    const widest = spare.indexOf(Math.max(...spare));
    spare[widest] = (spare[widest] ?? 0) - 1;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}
