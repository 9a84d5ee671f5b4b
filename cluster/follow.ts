import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { ListRequest } from './lists.ts';
import { listAll, readAs } from './lists.ts';
import { byOrdinal } from './object-meta.ts';
import type { ApiClient } from './request.ts';
import { ClusterFailure } from '../activities/ports/failure.ts';

/**
 * A watch ends after this time and a list begins anew: it bounds how long a connection that died without a word, or a
 * change that nobody told of, can keep somebody waiting.
 */
const WATCH_SECONDS = 10;
const WATCH_TIMEOUT_MS = 15_000;
/** Changes within this time of the last view come together in one. */
const GATHER_MS = 30;
/** Without any change the view comes again, so that whoever waits for it can look at the clock. */
const IDLE_MS = 1_000;
/** A watch that ends at once is not begun again at once. */
const SHORTEST_WATCH_MS = 500;

const eventSchema = z.object({ type: z.string(), object: z.unknown() });

interface Named {
  readonly name: string;
}

/** The effect on the objects of a list. */
export interface Followed<View> {
  readonly project: (object: unknown) => View;
  /** Whom the caller wants to see; what happens to the others is no news. Default all. */
  readonly wants?: (view: View) => boolean;
}

/**
 * The objects of a list, and all of them again whenever one has changed, until the caller stops. One list and one watch
 * every ten seconds, however many objects there are and however often they change.
 *
 * @throws ClusterFailure like a list; the reason of the request's signal when the caller gave up
 */
export async function* follow<View extends Named>(
  client: ApiClient,
  request: ListRequest,
  { project, wants = () => true }: Followed<View>,
): AsyncGenerator<readonly View[], void> {
  for (;;) {
    const started = Date.now();
    const { items, resourceVersion } = await listAll(client, request, project);
    const watch = new Watch(client, request, { project, wants, resourceVersion, items: items.filter(wants) });
    try {
      do yield watch.view();
      while (await watch.changed());
    } finally {
      watch.stop();
    }
    request.signal?.throwIfAborted();
    await delay(Math.max(0, started + SHORTEST_WATCH_MS - Date.now()));
  }
}

interface WatchStart<View> extends Required<Followed<View>> {
  readonly resourceVersion: string;
  readonly items: readonly View[];
}

/** One watch from a list on. */
class Watch<View extends Named> {
  readonly #start: WatchStart<View>;
  readonly #objects: Map<string, View>;
  readonly #abort = new AbortController();
  #ended = false;
  #isStale = false;
  #trouble: ClusterFailure | undefined;
  #news = Promise.withResolvers<undefined>();
  #viewedAt = 0;

  constructor(client: ApiClient, { path, labelSelector, fieldSelector, signal }: ListRequest, start: WatchStart<View>) {
    this.#start = start;
    this.#objects = new Map(start.items.map((item) => [item.name, item]));
    const { resourceVersion } = start;
    const timeoutSeconds = String(WATCH_SECONDS);
    const query = { watch: 'true', timeoutSeconds, labelSelector, fieldSelector, resourceVersion };
    const signals = [this.#abort.signal, ...(signal ? [signal] : [])];
    const options = { query, timeoutMs: WATCH_TIMEOUT_MS, signal: AbortSignal.any(signals) };
    void this.#run(client, path, options);
  }

  view(): readonly View[] {
    this.#viewedAt = Date.now();
    this.#isStale = false;
    return byOrdinal([...this.#objects.values()]);
  }

  /**
   * Resolves when there is something to look at: a change or, for lack of one, a second gone by. False when the watch
   * has come to its end.
   */
  async changed(): Promise<boolean> {
    const idle = new AbortController();
    const second = delay(IDLE_MS, undefined, { signal: idle.signal }).catch(() => undefined);
    await Promise.race([this.#news.promise, second]);
    idle.abort();
    await delay(Math.max(0, this.#viewedAt + GATHER_MS - Date.now()));
    if (this.#trouble) throw this.#trouble;
    if (!this.#ended) this.#news = Promise.withResolvers();
    return this.#isStale || !this.#ended;
  }

  stop(): void {
    this.#abort.abort();
  }

  async #run(client: ApiClient, path: string, options: Parameters<ApiClient['read']>[1]): Promise<void> {
    try {
      const lines = new Lines((line) => this.#take(line));
      const refusal = await client.read(path, options, (piece) => lines.take(piece));
      // 410: what was to be followed from is too old; the list that comes next is not.
      if (refusal && refusal.code !== 410) client.refuse(refusal);
    } catch (error) {
      // A connection that broke is for the list that comes next to complain of.
      if (error instanceof ClusterFailure && !error.retryable) this.#trouble = error;
    }
    this.#ended = true;
    this.#news.resolve(undefined);
  }

  /** Takes one event; false when the API server has nothing more to tell. */
  #take(line: string): boolean {
    const { type, object } = readAs('watch event', (json) => eventSchema.parse(json), JSON.parse(line));
    if (type === 'ERROR') return false;
    if (type === 'BOOKMARK') return true;
    const view = this.#start.project(object);
    if (!this.#start.wants(view)) return true;
    if (type === 'DELETED') this.#objects.delete(view.name);
    else this.#objects.set(view.name, view);
    this.#isStale = true;
    this.#news.resolve(undefined);
    return true;
  }
}

/** Cuts a stream into lines. */
class Lines {
  readonly #decoder = new TextDecoder();
  readonly #line: (line: string) => boolean;
  #rest = '';

  constructor(line: (line: string) => boolean) {
    this.#line = line;
  }

  /** Takes a piece; false once a line wants no more. */
  take(piece: Buffer): boolean {
    const lines = (this.#rest + this.#decoder.decode(piece, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.every((line) => this.#line(line));
  }
}
