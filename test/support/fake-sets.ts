import { checkedName } from '../../cluster/paths.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { FakeServer } from './fake-server.ts';
import type { FakeSet } from './fake-set.ts';

/** The sets of a cluster, and where their servers are found. */
export class FakeSets {
  readonly #sets = new Map<string, FakeSet>();
  readonly #addresses = new Map<string, FakeServer>();

  add(set: FakeSet): void {
    this.#sets.set(`${set.ref.namespace}/${set.ref.name}`, set);
  }

  all(): readonly FakeSet[] {
    return [...this.#sets.values()];
  }

  find(ref: SetRef): FakeSet | undefined {
    return this.#sets.get(`${checkedName(ref.namespace)}/${checkedName(ref.name)}`);
  }

  /** The set of a server, in whatever namespace. @throws Error when there is no such server */
  with(server: string): FakeSet {
    const found = this.all().find(({ servers }) => servers.has(server));
    if (!found) throw new Error(`there is no server ${server}`);
    return found;
  }

  serverIn(namespace: string, name: string): FakeServer | undefined {
    const sets = this.all().filter(({ ref }) => ref.namespace === namespace);
    return sets.map(({ servers }) => servers.get(name)).find((server) => server !== undefined);
  }

  setOf(server: FakeServer): FakeSet | undefined {
    return this.all().find(({ servers }) => servers.get(server.name) === server);
  }

  /** The server whose engine answers at an address. */
  serverAt(host: string): FakeServer | undefined {
    const known = this.#addresses.get(host);
    if (known && !known.deleting && known.isStarted) return known;
    this.#addresses.clear();
    for (const { servers } of this.all())
      for (const server of servers.values()) if (server.isStarted) this.#addresses.set(server.ip, server);
    return this.#addresses.get(host);
  }
}
