import { commandRows } from './command-lines.ts';
import { textWidth, wrapped } from './text-width.ts';

/**
 * A line that is said beside the data, on as many lines as a terminal asks for: sentences are broken at spaces, commands so
 * that they can be pasted, and a link not at all.
 */
export function saidLines(line: string, columns: number): string[] {
  if (textWidth(line) <= columns || line.includes('://')) return [line];
  const text = line.trimStart();
  if (text.startsWith('hotwave ') && line.startsWith(' ')) return commandRows(text, columns);
  const indent = line.slice(0, line.length - text.length);
  return wrapped(text, columns - indent.length).map((piece) => `${indent}${piece}`);
}
