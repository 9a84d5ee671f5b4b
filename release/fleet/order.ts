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

/** The effect of opening the set by a partition. */
export interface Opening {
  /** `spec.updateStrategy.rollingUpdate.partition`: servers that stay old. */
  readonly partition: number;
  /** The servers that Kruise would start to update, in its order. */
  readonly moves: readonly string[];
}

/** The servers that may move in a wave. */
export interface Movers {
  /** Servers of the wave. */
  readonly wave: ReadonlySet<string>;
  /** Planned for a later wave: where Kruise takes it first, it can take the place of one of this wave. */
  readonly isLater: (server: ServerView) => boolean;
  /** Came while the release ran: they may move along, because Kruise would not move the wave without them. */
  readonly isNewcomer: (server: ServerView) => boolean;
}

/** Servers of later waves that move in a wave, and those of the wave in whose place they do; names. */
export interface Instead {
  readonly taken: readonly string[];
  readonly left: readonly string[];
}

/** The servers that move when a set is opened for a wave. */
export interface Moving {
  /** How many servers have to be let through. */
  readonly count: number;
  /** Newcomers that move along. */
  readonly joined: readonly string[];
  /** The first that is in no wave that is to come, and must not move. */
  readonly stranger?: string;
  /** The servers that change places, because Kruise's order is not the plan's any more. */
  readonly instead: Instead;
}

/**
 * How many servers have to be let through for a wave to move: as many as it has, in Kruise's order, and newcomers that
 * Kruise takes before the last of them. A server of a later wave that is at the revision already took somebody's place
 * when this was asked before, so that asking again says the same.
 *
 * | update order | wave | newcomers | later | count | instead | stranger |
 * |---|---|---|---|---|---|---|
 * | 3 2 1 | 3 2 | | 1 | 2 | | |
 * | 5 4 3 2 1 | 3 2 | 5 4 | 1 | 4 | | |
 * | 3 2 1 5 | 3 2 | 5 | 1 | 2 | | |
 * | 3 2 1 | 3 1 | | | 3 | | 2 |
 * | 1 3 2 | 3 2 | | 1 | 2 | 1 for 2 | |
 */
export function moversOf(
  servers: readonly ServerView[],
  revision: string,
  { wave, isLater, isNewcomer }: Movers,
): Moving {
  const present = servers.filter((server) => !server.deleting);
  const isOfLater = (server: ServerView): boolean => !wave.has(server.name) && !isNewcomer(server) && isLater(server);
  const already = present.filter((server) => server.revision === revision && isOfLater(server));
  const waiting = updateOrder(present.filter((server) => server.revision !== revision));
  const members = waiting.filter(({ name }) => wave.has(name));
  const mayMove = waiting.filter((server) => wave.has(server.name) || isOfLater(server));
  const chosen = mayMove.slice(0, Math.max(0, members.length - already.length));
  const last = chosen.at(-1);
  const through = last ? waiting.slice(0, waiting.indexOf(last) + 1) : [];
  const others = through.filter((server) => !chosen.includes(server));
  const stranger = others.find((server) => !isNewcomer(server))?.name;
  return {
    count: through.length,
    joined: others.map(({ name }) => name),
    instead: {
      taken: [...already, ...chosen].filter(({ name }) => !wave.has(name)).map(({ name }) => name),
      left: members.filter((server) => !chosen.includes(server)).map(({ name }) => name),
    },
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
  const alive = servers.filter(({ deleting }) => !deleting);
  // Those that go because the set is to have fewer are none of its replicas any more.
  const terminating = Math.min(servers.length - alive.length, Math.max(0, replicas - alive.length));
  const used = terminating + alive.filter(usesQuota).length;
  const partition = Math.max(0, replicas - used - count);
  const waiting = updateOrder(servers.filter((server) => !usesQuota(server)));
  return { partition, moves: waiting.slice(0, Math.max(0, replicas - partition - used)).map((server) => server.name) };
}
