import pLimit from 'p-limit';
import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import type { GuardedPatch, PatchOutcome } from '../../release/patches/patches.ts';
import { cancellation, executionKey, heartbeat, pause } from '../runtime.ts';
import { BATCH_SIZE } from '../servers/servers-input.ts';
import type { Servers } from '../ports/servers.ts';
import type { GameServerRecord, GameServers } from '../ports/game-servers.ts';

/** Writes of GameServers that are under way at once. */
export const WRITES_AT_ONCE = 16;
const LOOK_MS = 250;
/** A write that the controller has not shown by then was lost: it is written again. */
const REWRITE_MS = 5_000;
/** A write that was seen to be undone is written again, but not more often than this. */
const UNDONE_MS = 500;

interface Written {
  readonly token: string;
  readonly at: number;
  /** The object that was written, as it was before. */
  readonly before: string;
}

/** The wanted values of one GameServer. */
export interface Wish {
  /** The write that makes it so. */
  readonly patch: (gameServer: GameServerRecord, token: string) => GuardedPatch;
  /** The object, and its pod where that matters, are as wished. */
  readonly holds: (gameServer: GameServerRecord, pod: ServerView | undefined) => boolean;
  /** A value of the object that is somebody else's and is not written over. Default: nothing is. */
  readonly isForeign?: (gameServer: GameServerRecord) => boolean;
}

/**
 * Writes GameServers so that the writes last.
 *
 * OpenKruiseGame v1.0.0 sends the whole spec of a GameServer from its cache at every reconcile, so a write can be
 * undone by an older state (45 of 200 were, in one run). Each write therefore carries a fresh token that the controller
 * copies to the pod: once the pod shows the token of the latest write, the controller has seen that write, and what it
 * sends later is not older. Only token and object together count; anything else is written again.
 */
export class GameServerWriter {
  readonly #cluster: Servers & GameServers;
  readonly #set: SetRef;
  readonly #token: string;
  readonly #written = new Map<string, Written>();
  #round = 0;

  /** `token` says which release and step writes; the execution of the activity makes it unlike any other. */
  constructor(cluster: Servers & GameServers, set: SetRef, token: string) {
    this.#cluster = cluster;
    this.#set = set;
    this.#token = token;
  }

  /** True when the controller has shown that it saw the latest write of this server. */
  hasArrived(name: string, pod: ServerView | undefined): boolean {
    const token = this.#written.get(name)?.token;
    return token !== undefined && pod?.syncToken === token;
  }

  /** True when this server was never written, or the controller has not shown the write for too long. */
  needsWrite(name: string, now: number): boolean {
    return now - (this.#written.get(name)?.at ?? -Infinity) > REWRITE_MS;
  }

  /**
   * True when a record comes after the latest write and does not show it: an older state, or somebody, has undone it. A
   * watch that still shows what was written over says nothing.
   */
  isUndone({ name, resourceVersion, syncToken }: GameServerRecord, holds: boolean, now: number): boolean {
    const written = this.#written.get(name);
    if (!written || now - written.at < UNDONE_MS || resourceVersion === written.before) return false;
    return !holds || syncToken !== written.token;
  }

  /** The latest write of this server does not count any more. */
  forget(name: string): void {
    this.#written.delete(name);
  }

  /** Writes these GameServers; what came of each, by name. */
  async write(gameServers: readonly GameServerRecord[], patchOf: Wish['patch']): Promise<Map<string, PatchOutcome>> {
    const outcomes = await pLimit(WRITES_AT_ONCE).map(
      gameServers,
      async (gameServer) => [gameServer.name, await this.writeOne(gameServer, patchOf)] as const,
    );
    return new Map(outcomes);
  }

  /** Writes one GameServer. */
  async writeOne(gameServer: GameServerRecord, patchOf: Wish['patch']): Promise<PatchOutcome> {
    const { name, resourceVersion: before } = gameServer;
    this.#round += 1;
    const token = `${this.#token}.${executionKey()}.${this.#round}`;
    const target = { kind: 'GameServer', namespace: this.#set.namespace, name } as const;
    const outcome = await this.#cluster.patch(target, patchOf(gameServer, token), { signal: cancellation() });
    if (outcome.kind === 'applied' || outcome.kind === 'alreadyApplied')
      this.#written.set(name, { token, at: Date.now(), before });
    return outcome;
  }
}

/** Which GameServers to assert, and until when. */
export interface Assertion {
  readonly set: SetRef;
  readonly wishes: ReadonlyMap<string, Wish>;
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/** The GameServers that are not as wished. */
export interface Unasserted {
  /** Not by the deadline. */
  readonly late: readonly GameServerRecord[];
  /** They hold what is somebody else's. */
  readonly foreign: readonly GameServerRecord[];
  /** Why the API server takes the write of some of the late ones from nobody, as sentences by name. */
  readonly denied: ReadonlyMap<string, string>;
}

/**
 * Writes GameServers until each is as wished and the controller has shown that it knows, but for those that are foreign,
 * and those whose write is denied: an admission webhook says the same the next time.
 */
export async function assertGameServers(
  cluster: Servers & GameServers,
  { set, wishes, token, deadline }: Assertion,
): Promise<Unasserted> {
  const writer = new GameServerWriter(cluster, set, token);
  const names = [...wishes.keys()];
  const scope = names.length <= BATCH_SIZE ? { names } : {};
  const denied = new Map<string, string>();
  for (;;) {
    const [{ servers }, gameServers] = await Promise.all([
      cluster.listServers(set, scope, cancellation()),
      cluster.listGameServers(set, names, cancellation()),
    ]);
    const pods = new Map(servers.map((server) => [server.name, server]));
    const open = gameServers.filter((gameServer) => {
      const pod = pods.get(gameServer.name);
      return !(writer.hasArrived(gameServer.name, pod) && wishes.get(gameServer.name)?.holds(gameServer, pod) === true);
    });
    const foreign = open.filter((gameServer) => wishOf(wishes, gameServer).isForeign?.(gameServer) === true);
    const late = open.filter((gameServer) => !foreign.includes(gameServer));
    if (late.every(({ name }) => denied.has(name)) || Date.now() >= deadline) return { late, foreign, denied };
    const lost = late.filter(({ name }) => !denied.has(name) && writer.needsWrite(name, Date.now()));
    const outcomes = await writer.write(lost, (gameServer, fresh) =>
      wishOf(wishes, gameServer).patch(gameServer, fresh),
    );
    for (const [name, outcome] of outcomes)
      if (outcome.kind === 'denied')
        denied.set(name, `the API server refuses the write of GameServer ${name}: ${outcome.message}`);
    heartbeat({ v: 1, open: late.length });
    await pause(LOOK_MS);
  }
}

function wishOf(wishes: ReadonlyMap<string, Wish>, { name }: GameServerRecord): Wish {
  const wish = wishes.get(name);
  if (!wish) throw new Error(`nothing is wished of ${name}`);
  return wish;
}
