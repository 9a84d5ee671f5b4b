import type { SetRef } from '../../release/fleet/fleet.ts';
import type { OutputFormat } from './flags.ts';
import type { Io } from './io.ts';
import { withTimes } from './times.ts';
import { plainDeep, plainText, terminalSafeJson } from './untrusted.ts';
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
  const usual = io.env['HOTWAVE_CLUSTER'] || 'default';
  const text = await formatted(value, { format, usual }, () =>
    render(plainDeep(value), viewOf(io.stdout, io.env, format)),
  );
  if (text !== '') io.stdout.write(`${text}\n`);
}

/** True when the format is for people. */
export function isForPeople(format: OutputFormat): boolean {
  return format === 'text' || format === 'wide';
}

/** A release, in a list or as its state. */
interface OfSet {
  readonly cluster: string;
  readonly set: string | SetRef;
}

/** The names that other verbs take for SET, each once: with its cluster where that is another one than a command would take. */
function setsOf(value: unknown, usual: string): string[] {
  const releases = (Array.isArray(value) ? value : [value]) as readonly OfSet[];
  const names = releases.map(({ cluster, set }) => {
    const name = typeof set === 'string' ? set : `${set.namespace}/${set.name}`;
    return plainText(cluster === usual ? name : `hotwave/${cluster}/${name}`);
  });
  return [...new Set(names)];
}

interface Wanted {
  readonly format: OutputFormat;
  /** The cluster that a command takes when none is named. */
  readonly usual: string;
}

async function formatted(value: unknown, { format, usual }: Wanted, render: () => string): Promise<string> {
  if (isForPeople(format)) return render();
  if (format === 'name') return setsOf(value, usual).join('\n');
  const told = withTimes(value);
  if (format === 'json') return terminalSafeJson(told, 2);
  if (format === 'jsonl')
    return Array.isArray(told) ? told.map((entry) => terminalSafeJson(entry)).join('\n') : terminalSafeJson(told);
  // YAML has no escapes outside quotes, so its texts are made plain.
  const { stringify } = await import('yaml');
  return `---\n${stringify(plainDeep(told), { aliasDuplicateObjects: false, lineWidth: 0 }).trimEnd()}`;
}
