import type { GameServerView, Override, SetRef } from '../fleet/fleet.ts';
import { shellWord } from '../narrate/shell.ts';
import { withOverride } from '../patches/overrides.ts';

// Commands that mend what a plan is refused for. They are the person's own writes: hotwave makes none of them.

/** `kubectl scale gameserverset duel -n arena --replicas 3`: a command to paste, each of its words quoted where needed. */
function kubectl(...words: readonly string[]): string {
  return ['kubectl', ...words.map(shellWord)].join(' ');
}

/** With blanks between its parts, so that a long one can be broken there and is still the same. */
function json(value: unknown): string {
  return JSON.stringify(value, undefined, 1).replaceAll(/\s*\n\s*/g, ' ');
}

/** Which sets there are. */
export const LIST_SETS = kubectl('get', 'gameserversets', '--all-namespaces');

/** Changes fields of a set. */
export function patchSet({ namespace, name }: SetRef, change: object): string {
  return kubectl('patch', 'gameserverset', name, '-n', namespace, '--type', 'merge', '-p', json(change));
}

/** Gives a set servers. */
export function scaleSet({ namespace, name }: SetRef): string {
  return kubectl('scale', 'gameserverset', name, '-n', namespace, '--replicas', '3');
}

/** Returns when a set is gone. */
export function awaitDeletion({ namespace, name }: SetRef): string {
  return kubectl('wait', '--for=delete', `gameserverset/${name}`, '-n', namespace);
}

/** Puts an image into the template of a set; `field` is a JSON pointer. */
export function setTemplateImage({ namespace, name }: SetRef, field: string, image: string): string {
  const patch = [{ op: 'replace', path: field, value: image }];
  return kubectl('patch', 'gameserverset', name, '-n', namespace, '--type', 'json', '-p', json(patch));
}

/** As many names as a command is given: it has to be readable. */
export const MOST_NAMES = 20;

/** Takes the image of one container out of the overrides of GameServers; a command for each kind of list that they have. */
export function clearOverrides(namespace: string, container: string, gameServers: readonly GameServerView[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { name, overrides = [] } of gameServers.slice(0, MOST_NAMES)) {
    const flags = clearingFlags(overrides, container);
    groups.set(flags, [...(groups.get(flags) ?? []), name]);
  }
  return [...groups].map(([flags, names]) => `${kubectl('patch', 'gameserver', ...names, '-n', namespace)} ${flags}`);
}

/** Entries of others, and other fields of the same entry, stay. */
function clearingFlags(overrides: readonly Override[], container: string): string {
  const index = overrides.findIndex(({ name }) => name === container);
  const kept = withOverride(overrides, container, undefined);
  if (kept.length === 0) return `--type merge -p ${shellWord(json({ spec: { containers: null } }))}`;
  const entry = `/spec/containers/${index}`;
  const path = kept.length < overrides.length ? entry : `${entry}/image`;
  return `--type json -p ${shellWord(json([{ op: 'remove', path }]))}`;
}

/** Gives the worker what it lacks in a namespace; deploy/rbac.yaml has the roles, and binds them in `default`. */
export function grantRights(namespace: string, subresources: readonly (string | undefined)[]): string[] {
  if (namespace === 'default') return [kubectl('apply', '-f', 'deploy/rbac.yaml')];
  const roles = new Set(subresources.map((subresource) => ROLES[subresource ?? ''] ?? 'hotwave'));
  return [...roles].map((role) =>
    kubectl('-n', namespace, 'create', 'rolebinding', role, '--clusterrole', role, '--serviceaccount', ACCOUNT),
  );
}

const ROLES: Readonly<Record<string, string>> = { exec: 'hotwave-exec', log: 'hotwave-logs' };
const ACCOUNT = 'hotwave-system:hotwave';
