import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Places } from './places.ts';

/** The fields that every kubelet sets when it starts; there is no way to tell it not to. */
const tunables = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

/** Like the tunables themselves this folder lasts until the machine restarts. */
const folder = '/run/hotwave-kernel-tunables';
const original = join(folder, 'original.json');

/** Records the kernel tunables before the first truth lab of this machine changes them. */
export function rememberTunables(places: Places): void {
  mkdirSync(folder, { recursive: true });
  // From here on no other lab that ends removes the folder.
  writeFileSync(join(folder, places.network), '');
  // With another lab at work the values are the kubelet's already, and the file is there.
  if (existsSync(original)) return;
  const values = tunables.map((name) => [name, readFileSync(join('/proc/sys', name), 'utf8')]);
  writeFileSync(original, JSON.stringify(values));
}

/** Puts the kernel tunables back when the last truth lab of this machine ends. */
export function restoreTunables(places: Places): void {
  rmSync(join(folder, places.network), { force: true });
  // The name of the record alone: no lab is left, and there is one to restore.
  if (!existsSync(original) || readdirSync(folder).length > 1) return;
  const values = JSON.parse(readFileSync(original, 'utf8')) as [name: string, value: string][];
  for (const [name, value] of values) writeFileSync(join('/proc/sys', name), value);
  rmSync(folder, { recursive: true });
}
