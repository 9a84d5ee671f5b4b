import type { ServerView } from './fleet.ts';
import { PRIORITY_LABEL } from './fleet.ts';

/**
 * The number that Kruise 1.8 reads from a priority label: its trailing digits, 0 without any.
 * `10` -> 10, `abc-7` -> 7, `high` -> 0.
 */
export function priorityValue(label: string): number {
  const digits = /\d+$/.exec(label);
  const value = digits ? Number(digits[0]) : 0;
  return Number.isSafeInteger(value) ? value : 0;
}

/**
 * Servers in the order in which Kruise 1.8 updates them: without the priority label first (its own API comment says
 * the opposite), then higher priority, then higher ordinal.
 *
 * | label | ordinals | order |
 * |---|---|---|
 * | all `0` | 0 1 2 | 2 1 0 |
 * | `0` `9` `0` | 0 1 2 | 1 2 0 |
 * | `0`, none, `9` | 0 1 2 | 1 2 0 |
 */
export function updateOrder(servers: readonly ServerView[]): ServerView[] {
  return [...servers].sort((left, right) => {
    const labels = [left.labels[PRIORITY_LABEL], right.labels[PRIORITY_LABEL]] as const;
    const unlabelled = Number(labels[0] !== undefined) - Number(labels[1] !== undefined);
    if (unlabelled !== 0) return unlabelled;
    const byPriority = priorityValue(labels[1] ?? '') - priorityValue(labels[0] ?? '');
    return byPriority !== 0 ? byPriority : right.ordinal - left.ordinal;
  });
}

/** What opening the set by a partition would do. */
export interface Opening {
  /** `spec.updateStrategy.rollingUpdate.partition`: servers that stay old. */
  readonly partition: number;
  /** The servers that Kruise would start to update, in its order. */
  readonly moves: readonly string[];
}

/** Who may move in a wave. */
export interface Movers {
  /** Servers of the wave that are still to move. */
  readonly wave: ReadonlySet<string>;
  /** Came while the release ran: they may move along, because Kruise would not move the wave without them. */
  readonly isNewcomer: (server: ServerView) => boolean;
}

/**
 * How many servers have to be let through for a wave to move: those of the wave, and newcomers that Kruise takes before the
 * last of them. `stranger` is the first that is neither, and must not move.
 *
 * | update order | wave | newcomers | count | stranger |
 * |---|---|---|---|---|
 * | 3 2 1 | 3 2 | | 2 | |
 * | 5 4 3 2 1 | 3 2 | 5 4 | 4 | |
 * | 3 2 1 5 | 3 2 | 5 | 2 | |
 * | 3 2 1 | 3 1 | | 3 | 2 |
 */
export function moversOf(
  servers: readonly ServerView[],
  revision: string,
  { wave, isNewcomer }: Movers,
): { readonly count: number; readonly joined: readonly string[]; readonly stranger?: string } {
  const waiting = updateOrder(servers.filter((server) => !server.deleting && server.revision !== revision));
  const last = waiting.findLastIndex(({ name }) => wave.has(name));
  const through = waiting.slice(0, last + 1);
  const others = through.filter(({ name }) => !wave.has(name));
  const stranger = others.find((server) => !isNewcomer(server))?.name;
  return {
    count: through.length,
    joined: others.map(({ name }) => name),
    ...(stranger === undefined ? {} : { stranger }),
  };
}

/**
 * The partition that lets exactly `count` more servers move, and which ones those would be.
 *
 * Kruise's quota is `replicas - partition`. Servers already at the update revision, and terminating ones whatever
 * their revision, use it up before any other; what is left goes to the rest in update order.
 *
 * | replicas | at the revision | terminating | count | partition |
 * |---|---|---|---|---|
 * | 10 | 0 | 0 | 1 | 9 |
 * | 10 | 1 | 0 | 3 | 6 |
 * | 10 | 1 | 1 (old) | 3 | 5 |
 * | 10 | 7 | 0 | 3 | 0 |
 */
export function openingFor(servers: readonly ServerView[], revision: string, replicas: number, count: number): Opening {
  const usesQuota = (server: ServerView): boolean => server.deleting || server.revision === revision;
  const used = servers.filter(usesQuota).length;
  const partition = Math.max(0, replicas - used - count);
  const waiting = updateOrder(servers.filter((server) => !usesQuota(server)));
  return { partition, moves: waiting.slice(0, Math.max(0, replicas - partition - used)).map((server) => server.name) };
}
