import type { GameServerView, ServerView } from './fleet.ts';
import { PRIORITY_LABEL } from './fleet.ts';
import { priorityValue } from './order.ts';
import type { ServerCriteria } from '../spec/spec.ts';

const RANGE = /^(\d+)-(\d+)$/;

/** `5-9` as its first and last ordinal; undefined when the text is no range. */
function ordinalRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const match = RANGE.exec(text);
  return match ? { first: Number(match[1]), last: Number(match[2]) } : undefined;
}

function isNamed(server: ServerView, wanted: number | string): boolean {
  if (typeof wanted === 'number') return server.ordinal === wanted;
  const range = ordinalRange(wanted);
  return range ? server.ordinal >= range.first && server.ordinal <= range.last : server.name === wanted;
}

type Criterion = (server: ServerView, criteria: ServerCriteria, gameServer: GameServerView | undefined) => boolean;

const CRITERIA: readonly Criterion[] = [
  (server, { servers }) => servers?.some((wanted) => isNamed(server, wanted)) ?? true,
  (server, { labels = {} }) => Object.entries(labels).every(([key, value]) => server.labels[key] === value),
  (_server, { opsState }, gameServer) => opsState?.includes(gameServer?.opsState ?? 'None') ?? true,
  (server, { updatePriority: { min = 0, max = Infinity } = {} }) => {
    const priority = priorityValue(server.labels[PRIORITY_LABEL] ?? '');
    return priority >= min && priority <= max;
  },
];

/** True when the server meets every criterion that is given. */
export function isSelected(
  server: ServerView,
  criteria: ServerCriteria,
  gameServers: ReadonlyMap<string, GameServerView>,
): boolean {
  const gameServer = gameServers.get(server.name);
  return CRITERIA.every((holds) => holds(server, criteria, gameServer));
}

/** Names, ordinals and ranges of a selection that no server of the set answers to. */
export function unknownServers({ servers: wanted }: ServerCriteria, servers: readonly ServerView[]): string[] {
  return (wanted ?? []).filter((entry) => !servers.some((server) => isNamed(server, entry))).map(String);
}
