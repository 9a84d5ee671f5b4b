import { setTimeout as delay } from 'node:timers/promises';

/** A client that follows many servers is told of many changes at once. */
const LOOK_MS = 2;
const LOOK_MS_PER_SERVER = 0.2;
/** The view comes again after so many looks at which nothing had changed. */
const LOOKS_WITHOUT_CHANGE = 100;

/** The object that is followed: how to read it, and what changes when it has changed. */
export interface Followed<Item> {
  readonly list: () => Promise<readonly Item[]>;
  readonly version: () => number;
  readonly servers: number;
  readonly signal?: AbortSignal | undefined;
}

/** The value in memory as it is, and again whenever something has changed. */
export async function* followList<Item>(followed: Followed<Item>): AsyncGenerator<readonly Item[], void> {
  const { list, version, servers, signal } = followed;
  let seen: number | undefined;
  for (let look = 0; ; look += 1) {
    if (seen !== version() || look % LOOKS_WITHOUT_CHANGE === 0) {
      seen = version();
      yield await list();
    }
    await delay(LOOK_MS + servers * LOOK_MS_PER_SERVER);
    signal?.throwIfAborted();
  }
}

/** How often a set in memory is looked at. */
const SET_LOOK_MS = 20;

/** A set in memory as it is, and again whenever something has changed. */
export async function* followOne<View>({
  read,
  version,
  signal,
}: {
  readonly read: () => Promise<View>;
  readonly version: () => unknown;
  readonly signal?: AbortSignal | undefined;
}): AsyncGenerator<View, void> {
  let seen: unknown;
  for (let look = 0; ; look += 1) {
    if (look === 0 || seen !== version() || look % LOOKS_WITHOUT_CHANGE === 0) {
      seen = version();
      yield await read();
    }
    await delay(SET_LOOK_MS);
    signal?.throwIfAborted();
  }
}

/** Makes something else of each item. */
export async function* eachAs<Item, Result>(
  items: AsyncIterable<Item>,
  make: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void> {
  for await (const item of items) yield await make(item);
}
