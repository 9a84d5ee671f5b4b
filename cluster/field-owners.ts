import type { ManagedFields } from './object-meta.ts';
import { FIELD_MANAGER } from '../release/fleet/fleet.ts';

/**
 * Does this `fieldsV1` tree hold the field that a JSON pointer names, or a part of it? A leaf above it counts too:
 * lists without keys, such as the containers of a GameServerSet's schemaless template, are owned as a whole.
 */
function holds(fields: unknown, tokens: readonly string[]): boolean {
  if (typeof fields !== 'object' || fields === null) return false;
  const [token, ...rest] = tokens;
  if (token === undefined) return true;
  const entries = Object.entries(fields).filter(([key]) => key !== '.');
  if (entries.length === 0) return true;
  const member = entries.find(([key]) => key === `f:${token}`);
  if (member) return holds(member[1], rest);
  // Items of keyed lists are named by their keys, not by position: any of them may be the one.
  return /^\d+$/.test(token) && entries.some(([key, value]) => key.startsWith('k:') && holds(value, rest));
}

function tokensOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * For each pointer, the manager other than hotwave that applies it (server-side apply: GitOps). Plain updates, such as
 * `kubectl edit` or OpenKruiseGame's own, do not claim a field for good and are left out.
 */
export function foreignOwners(
  managedFields: readonly ManagedFields[],
  pointers: readonly string[],
): Record<string, string> {
  const appliers = managedFields.filter(({ operation, manager }) => operation === 'Apply' && manager !== FIELD_MANAGER);
  const owners: Record<string, string> = {};
  for (const pointer of pointers) {
    const owner = appliers.find(({ fieldsV1 }) => holds(fieldsV1, tokensOf(pointer)));
    if (owner) owners[pointer] = owner.manager;
  }
  return owners;
}

/**
 * The manager that changed a field, by who holds it now. Of several the last, and of several in the same second (times
 * are no finer) rather somebody else than hotwave. Undefined when nobody is on record.
 */
export function lastWriter(managedFields: readonly ManagedFields[], pointer: string): string | undefined {
  const rank = ({ manager, time }: ManagedFields): string => `${time} ${manager === FIELD_MANAGER ? 0 : 1}`;
  return managedFields
    .filter(({ fieldsV1, subresource }) => subresource === '' && holds(fieldsV1, tokensOf(pointer)))
    .sort((left, right) => rank(right).localeCompare(rank(left)))[0]?.manager;
}

/** For each pointer, who changed it last; pointers that nobody is on record for are left out. */
export function lastWriters(
  managedFields: readonly ManagedFields[],
  pointers: readonly string[],
): Record<string, string> {
  const found = pointers.map((pointer) => [pointer, lastWriter(managedFields, pointer)] as const);
  return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
