import type { PlannedServer } from '../plan/plan.ts';
import type { SetRef } from './fleet.ts';
import { serverName, shortUid } from './identity.ts';
import { packOrdinals, unpackOrdinals } from './ordinals.ts';
import type { ContainerRun } from './run.ts';

declare const packed: unique symbol;

/**
 * Servers of one set as one text, about 45 bytes each: Temporal keeps what a workflow hands to an activity, and a server
 * written out takes 200 bytes each time.
 *
 * `0 engine scripts|9-8|0f3c2a1b9d4e 0:4be1c09a77d2 1:77d24be1c09a|5f2d7e6b1c90 0:0ab1c09a77d2 0:d24be1c09a77`: the form, the
 * names of the containers once, the ordinals as runs, then for each server its short uid and the run of each container. A
 * container that a server does not have is an empty field.
 */
export type ServerRows = string & { readonly [packed]: 'servers' };

/** The form of the text, so that another one is refused rather than misread. */
const FORM = '0';

/** Packs servers; what `unpackServers` gives has the same order. */
export function packServers(servers: readonly PlannedServer[]): ServerRows {
  const names = [...new Set(servers.flatMap(({ containers }) => Object.keys(containers)))];
  const ordinals = packOrdinals(servers.map(({ ordinal }) => ordinal));
  const rows = servers.map(({ uid, containers }) =>
    [shortUid(uid), ...names.map((name) => escaped(containers[name] ?? ''))].join(' '),
  );
  return [[FORM, ...names.map(escaped)].join(' '), ordinals, ...rows].join('|') as ServerRows;
}

/** The servers of such a text. @throws Error when it is none; what it holds is then not half-way read */
export function unpackServers(set: Pick<SetRef, 'name'>, text: ServerRows): PlannedServer[] {
  const [head = '', runs = '', ...rows] = String(text).split('|');
  const [form, ...names] = head.split(' ').map(unescaped);
  const ordinals = unpackOrdinals(runs);
  if (form !== FORM || ordinals.length !== rows.length) throw notServers(text);
  return rows.map((row, index) => {
    const [uid = '', ...fields] = row.split(' ').map(unescaped);
    const ordinal = ordinals[index] ?? 0;
    if (uid === '' || fields.length !== names.length) throw notServers(text);
    return { name: serverName(set, ordinal), ordinal, uid, containers: runsOf(names, fields) };
  });
}

/** How many servers such a text holds. */
export function countServers(text: ServerRows): number {
  return Math.max(0, text.split('|').length - 2);
}

function runsOf(names: readonly string[], fields: readonly string[]): Record<string, ContainerRun> {
  return Object.fromEntries(names.flatMap((name, index) => (fields[index] ? [[name, fields[index]] as const] : [])));
}

/** Runtimes choose their container ids: what parts the fields must not be in them. */
function escaped(text: string): string {
  return text.replaceAll(/[% |]/g, (character) => `%${character.charCodeAt(0).toString(16)}`);
}

function unescaped(text: string): string {
  return text.replaceAll(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

function notServers(text: string): Error {
  return new Error(`this is no list of servers: ${JSON.stringify(text.slice(0, 60))}`);
}
