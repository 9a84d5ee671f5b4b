import { createHash } from 'node:crypto';
import type { KeyRingSource } from '../../codec/key-ring.ts';

const keyOf = (name: string): Buffer => createHash('sha256').update(name).digest();

/** Keys of tests, as base64. */
export const KEYS = { old: keyOf('old').toString('base64'), new: keyOf('new').toString('base64') } as const;
type Name = keyof typeof KEYS;

/** The text of a file with these keys. */
export function keyRing(current: string, ...names: readonly Name[]): string {
  const keys = names.map((name) => `${name}: "${KEYS[name]}"`).join(', ');
  return `apiVersion: hotwave.dev/v1\nkind: KeyRing\ncurrent: ${current}\nkeys: {${keys === '' ? '' : ` ${keys} `}}\n`;
}

/** Keys without a file. */
export function keysOfTest(current: Name, ...others: readonly Name[]): KeyRingSource {
  const keys = new Map([current, ...others].map((name) => [name as string, keyOf(name)]));
  return { ring: () => Promise.resolve({ current, keys }), key: (name) => Promise.resolve(keys.get(name)) };
}
