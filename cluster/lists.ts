import { ZodError } from 'zod';
import { listSchema } from './object-meta.ts';
import type { ApiClient } from './request.ts';
import { ClusterFailure } from '../activities/ports/failure.ts';

/** A page is parsed in one go, and parsing blocks the event loop: 500 pods take about 40 ms. */
const PAGE_SIZE = 500;
/** A list whose continue token expires is begun anew, this many times at most. */
const MOST_RESTARTS = 3;
const PAGE_TIMEOUT_MS = 30_000;

/** Which objects to read. */
export interface ListRequest {
  readonly path: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Any state at least as new as this resource version will do, so the API server's cache may answer. */
  readonly notOlderThan?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Projected objects, and the resource version of the first page. */
export interface Listed<Item> {
  readonly items: Item[];
  readonly resourceVersion: string;
}

/**
 * Reads an object with a schema.
 *
 * @throws ClusterFailure `invalid` that names the object and the first field that is not as expected.
 */
export function readAs<View>(kind: string, read: (object: unknown) => View, object: unknown): View {
  try {
    return read(object);
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    const issue = error.issues[0];
    const where = issue ? `${issue.path.join('.')}: ${issue.message}` : 'unknown shape';
    throw new ClusterFailure('invalid', `hotwave does not understand this ${kind} (${where})`, { retryable: false });
  }
}

interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  readonly next: string;
}

/** One page; undefined when the continue token is too old (410). */
async function readPage(
  client: ApiClient,
  list: ListRequest,
  how: Readonly<Record<string, string | undefined>>,
): Promise<Page | undefined> {
  const answer = await client.request('GET', list.path, {
    query: { labelSelector: list.labelSelector, fieldSelector: list.fieldSelector, ...how },
    signal: list.signal,
    timeoutMs: PAGE_TIMEOUT_MS,
  });
  if (answer.kind === 'refused') return answer.refusal.code === 410 ? undefined : client.refuse(answer.refusal);
  const { metadata, items } = readAs('list', (body) => listSchema.parse(body), answer.body);
  return { items: items ?? [], resourceVersion: metadata.resourceVersion, next: metadata.continue };
}

/** Resource versions are numbers that grow, in every Kubernetes up to and including 1.34; anything else is "no". */
function isAtLeast(resourceVersion: string, wanted: string): boolean {
  return [resourceVersion, wanted].every((text) => /^\d+$/.test(text)) && BigInt(resourceVersion) >= BigInt(wanted);
}

/**
 * The list from the API server's cache, if the cache has come as far as wanted. Not `resourceVersionMatch=NotOlderThan`:
 * while nothing happens to pods, their cache does not learn of newer versions, and the API server then waits 3 s
 * before it refuses (measured on 1.30).
 */
async function readCache<Item>(
  client: ApiClient,
  list: ListRequest,
  project: (object: unknown) => Item,
): Promise<Listed<Item> | undefined> {
  if (list.notOlderThan === undefined) return undefined;
  const page = await readPage(client, list, { resourceVersion: '0' });
  if (!page || page.next !== '' || !isAtLeast(page.resourceVersion, list.notOlderThan)) return undefined;
  return { items: page.items.map(project), resourceVersion: page.resourceVersion };
}

async function readPages<Item>(
  client: ApiClient,
  list: ListRequest,
  project: (object: unknown) => Item,
): Promise<Listed<Item> | undefined> {
  const items: Item[] = [];
  let resourceVersion = '';
  let token = '';
  do {
    const how = { limit: String(PAGE_SIZE), continue: token === '' ? undefined : token };
    const page = await readPage(client, list, how);
    if (!page) return undefined;
    for (const object of page.items) items.push(project(object));
    resourceVersion ||= page.resourceVersion;
    token = page.next;
  } while (token !== '');
  return { items, resourceVersion };
}

/**
 * Reads a whole list page by page and keeps only what `project` makes of each object, so that memory does not grow
 * with the size of the objects.
 *
 * @throws ClusterFailure; `gone` when the list expired again and again.
 */
export async function listAll<Item>(
  client: ApiClient,
  list: ListRequest,
  project: (object: unknown) => Item,
): Promise<Listed<Item>> {
  const cached = await readCache(client, list, project);
  if (cached) return cached;
  for (let restart = 0; restart <= MOST_RESTARTS; restart += 1) {
    const listed = await readPages(client, list, project);
    if (listed) return listed;
  }
  throw new ClusterFailure('gone', 'the list expired at the API server before it was read to its end', {
    retryable: true,
  });
}
