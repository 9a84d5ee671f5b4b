import type { OutputFormat } from './flags.ts';
import type { Io } from './io.ts';
import { withTimes } from './times.ts';
import { plainDeep, terminalSafeJson } from './untrusted.ts';
import type { View } from '../render/view.ts';
import { viewOf } from '../render/view.ts';

/**
 * Prints a value on the standard output in the wanted format. `render` is given the value with every text made plain,
 * so that no rendering can forget it.
 */
export async function print<Value>(
  io: Io,
  format: OutputFormat,
  value: Value,
  render: (value: Value, view: View) => string,
): Promise<void> {
  const text = await formatted(value, format, () => render(plainDeep(value), viewOf(io.stdout, io.env, format)));
  if (text !== '') io.stdout.write(`${text}\n`);
}

/** True when the format is for people. */
export function isForPeople(format: OutputFormat): boolean {
  return format === 'text' || format === 'wide';
}

async function formatted(value: unknown, format: OutputFormat, render: () => string): Promise<string> {
  if (isForPeople(format)) return render();
  const told = withTimes(value);
  if (format === 'json') return terminalSafeJson(told, 2);
  if (format === 'jsonl')
    return Array.isArray(told) ? told.map((entry) => terminalSafeJson(entry)).join('\n') : terminalSafeJson(told);
  // YAML has no escapes outside quotes, so its texts are made plain.
  const { stringify } = await import('yaml');
  return `---\n${stringify(plainDeep(told), { aliasDuplicateObjects: false, lineWidth: 0 }).trimEnd()}`;
}
