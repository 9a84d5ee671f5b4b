import { setTimeout as pause } from 'node:timers/promises';
import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import type { Servers } from '../ports/servers.ts';

/** Those who ask within this time share one request: a list by name costs the API server a look at every pod. */
const COLLECT_MS = 50;

/** Reads single servers of a set again and again, with few requests. */
export class FreshServers {
  readonly #cluster: Servers;
  readonly #set: SetRef;
  readonly #signal: AbortSignal;
  #names = new Set<string>();
  #round: Promise<ReadonlyMap<string, ServerView>> | undefined;
  #notOlderThan: string | undefined;

  constructor(cluster: Servers, set: SetRef, signal: AbortSignal) {
    this.#cluster = cluster;
    this.#set = set;
    this.#signal = signal;
  }

  /** The server as it is after this call was made; undefined when it has no pod. @throws ClusterFailure */
  async read(name: string): Promise<ServerView | undefined> {
    this.#names.add(name);
    this.#round ??= this.#readCollected();
    return (await this.#round).get(name);
  }

  async #readCollected(): Promise<ReadonlyMap<string, ServerView>> {
    await pause(COLLECT_MS);
    const names = [...this.#names];
    this.#names = new Set();
    this.#round = undefined;
    const scope = this.#notOlderThan === undefined ? { names } : { names, notOlderThan: this.#notOlderThan };
    const { servers, resourceVersion } = await this.#cluster.listServers(this.#set, scope, this.#signal);
    this.#notOlderThan = resourceVersion;
    return new Map(servers.map((server) => [server.name, server]));
  }
}
