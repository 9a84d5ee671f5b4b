import type { SetFacts, StrayPriority, Writers } from '../../release/patches/foreign-edit.ts';
import { factsOf, sameButReplicas } from '../../release/patches/foreign-edit.ts';
import { imagePath, sameJson, STRATEGY } from '../../release/patches/patches.ts';
import { TEMPLATE } from '../../release/patches/template.ts';
import { cancellation, demandRunning, heartbeat } from '../runtime.ts';
import type { Sets } from '../ports/set.ts';
import type { Servers } from '../ports/servers.ts';
import type { GameServers } from '../ports/game-servers.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { SetBaseline } from '../../release/patches/patches.ts';

/** Tell when a set is not as it is known to be. */
export interface WatchSetInput {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly known: SetFacts;
  /** The updatePriorities that servers were given; empty when the release gave none. */
  readonly priorities: readonly number[];
  /** The knowledge of servers with another one. */
  readonly knownStrays: readonly StrayPriority[];
  /** Also tell when only the number of servers is another one. */
  readonly tellsReplicas: boolean;
  /** Return by then also when nothing has changed; milliseconds since the epoch. */
  readonly until: number;
}

/** The findings of a watch of a set; the same as was known when the time was over. */
export interface SetSighting {
  readonly facts: SetFacts;
  readonly writers: Writers;
  readonly strays: readonly StrayPriority[];
}

/** Priorities are asked for this often: a small answer from the API server's cache. */
const PRIORITIES_MS = 2_000;
/** A number of servers that changes goes on changing: it is told once it has stayed the same for so long. */
const REPLICAS_MS = 2_000;
/** So many GameServers are looked at one by one to see who wrote their priority; more would tell nothing new. */
const MOST_STRAYS = 50;

/**
 * Watches a set until it is not as it is known to be, or until the time is over. It changes nothing and remembers nothing:
 * what it saw is in its result, so a worker may die at any time.
 */
export function watchSet(
  cluster: Sets & Servers & GameServers,
  isStopping: () => boolean,
): (input: WatchSetInput) => Promise<SetSighting> {
  return async (input) => {
    const { set, baseline, known } = input;
    const controlsStrategy = known.updateStrategy !== undefined;
    const priorities = new Priorities(cluster, input);
    const replicas = new Settling(known.replicas);
    for await (const view of cluster.followSet(set, cancellation())) {
      const facts = factsOf(view, baseline, controlsStrategy);
      const strays = await priorities.look();
      const isNews =
        !sameButReplicas(facts, known) ||
        !sameJson(strays, input.knownStrays) ||
        (input.tellsReplicas && replicas.hasChanged(facts.replicas));
      if (isNews || Date.now() >= input.until) return { facts, writers: writersOf(view, facts, input), strays };
      heartbeat({ v: 1, set: set.name });
      demandRunning(isStopping);
    }
    return { facts: known, writers: {}, strays: input.knownStrays };
  };
}

function writersOf(
  view: { readonly lastWriters: Readonly<Record<string, string>> } | undefined,
  { template = {} }: SetFacts,
  { baseline }: WatchSetInput,
): SetSighting['writers'] {
  const edited = Object.keys(template).map((pointer) => `${TEMPLATE}${pointer}`);
  const wanted = [imagePath(baseline), STRATEGY, '/spec/replicas', ...edited];
  return Object.fromEntries(
    wanted.flatMap((pointer) => {
      const by = view?.lastWriters[pointer];
      return by === undefined ? [] : [[pointer, by]];
    }),
  );
}

/** A number that counts once it has stayed the same for a while. */
class Settling {
  readonly #known: number;
  #latest: number;
  #since = 0;

  constructor(known: SetFacts['replicas']) {
    this.#known = known;
    this.#latest = known;
  }

  hasChanged(now: number): boolean {
    if (now !== this.#latest) this.#since = Date.now();
    this.#latest = now;
    return now !== this.#known && Date.now() - this.#since >= REPLICAS_MS;
  }
}

/** Which servers have another priority than the release gave them. */
class Priorities {
  readonly #cluster: Sets & Servers & GameServers;
  readonly #input: WatchSetInput;
  #lookedAt = 0;
  #found: readonly StrayPriority[];

  constructor(cluster: Sets & Servers & GameServers, input: WatchSetInput) {
    this.#cluster = cluster;
    this.#input = input;
    this.#found = input.knownStrays;
  }

  /** Pods show a priority when Kruise would heed it; their GameServers say who wrote it. */
  async look(): Promise<readonly StrayPriority[]> {
    const { set, priorities } = this.#input;
    if (priorities.length === 0 || Date.now() - this.#lookedAt < PRIORITIES_MS) return this.#found;
    this.#lookedAt = Date.now();
    const names = await this.#cluster.serversWithOtherPriority(set, priorities, cancellation());
    if (names.length === 0) return (this.#found = []);
    const gameServers = await this.#cluster.listGameServers(set, names.slice(0, MOST_STRAYS), cancellation());
    this.#found = gameServers
      .filter(({ updatePriority }) => !priorities.map(String).includes(String(updatePriority)))
      .map(({ name, createdAt, updatePriority: priority, priorityBy: by }) => ({
        name,
        createdAt,
        priority,
        ...(by === undefined ? {} : { by }),
      }));
    return this.#found;
  }
}
