import { readFileSync } from 'node:fs';
import { Agent, fetch } from 'undici';
import type { Response } from 'undici';
import { parse } from 'yaml';
import type { KubernetesObject, ObjectList } from './kubernetes-objects.ts';

/** How a patch body is meant. Custom resources do not take `strategic`; `apply` needs a `fieldManager` in the path's query. */
export type PatchType = 'merge' | 'json' | 'strategic' | 'apply';

/** One line of a watch. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** An answer of the API server other than 2xx. */
class ApiError extends Error {
  /** The HTTP status, such as 404. */
  readonly status: number;
  /** The Kubernetes reason, such as `NotFound` or `Invalid`; empty when the answer was not a Status object. */
  readonly reason: string;

  constructor(call: string, status: number, body: string) {
    const details = statusOf(body);
    super(`${call}: ${status} ${details.reason}: ${details.message}`);
    this.status = status;
    this.reason = details.reason;
  }
}

/** The clients, and the API server of each. */
export interface ApiCredentials {
  /** `https://127.0.0.1:PORT`, no slash at the end. */
  readonly server: string;
  readonly token: string;
  /** PEM. */
  readonly certificateAuthority: string;
}

const patchContentTypes: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/**
 * A minimal client of the Kubernetes API for the lab and its tests. It is on purpose not the one of hotwave: tests
 * use it to check independently what hotwave did. Paths are full API paths, such as
 * `/api/v1/namespaces/default/pods?labelSelector=a%3Db`. Every call throws {@link ApiError} on an answer other than 2xx.
 */
export class Api {
  readonly credentials: ApiCredentials;
  readonly #agent: Agent;

  /** @param credentials who speaks; the connection is opened with the first call */
  constructor(credentials: ApiCredentials) {
    this.credentials = credentials;
    // A watch is silent for as long as nothing changes: no body timeout.
    this.#agent = new Agent({ connect: { ca: credentials.certificateAuthority }, connections: 32, bodyTimeout: 0 });
  }

  /** Reads one object. */
  async get<T = KubernetesObject>(path: string): Promise<T> {
    return (await this.#send('GET', path)) as T;
  }

  /** Reads one object, or undefined when it does not exist. */
  async find<T = KubernetesObject>(path: string): Promise<T | undefined> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Reads a collection, without pages. */
  async list<T = KubernetesObject>(path: string): Promise<ObjectList<T>> {
    return (await this.#send('GET', path)) as ObjectList<T>;
  }

  /** Creates an object in a collection; a string is sent as YAML as it is. */
  async create<T = KubernetesObject>(path: string, object: object | string): Promise<T> {
    const type = typeof object === 'string' ? 'application/yaml' : 'application/json';
    return (await this.#send('POST', path, { type, body: object })) as T;
  }

  /** Writes a whole object in the place of the one that is there. @throws ApiError when it was changed meanwhile */
  async replace<T = KubernetesObject>(path: string, object: object): Promise<T> {
    return (await this.#send('PUT', path, { type: 'application/json', body: object })) as T;
  }

  /** Patches one object; `fieldManager` names the writer in managedFields. */
  async patch<T = KubernetesObject>(path: string, body: object, type: PatchType = 'merge'): Promise<T> {
    return (await this.#send('PATCH', path, { type: patchContentTypes[type], body })) as T;
  }

  /** Deletes one object or a collection; an object that is gone already is fine. */
  async delete(path: string, options: object = {}): Promise<void> {
    try {
      await this.#send('DELETE', path, { type: 'application/json', body: options });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  /** The text of a path that does not answer JSON, such as `/readyz`. */
  async text(path: string): Promise<string> {
    return (await this.#call('GET', path)).text();
  }

  /**
   * Follows a collection from a resource version on, until the signal aborts, the server ends the connection or
   * the version is too old (the iterator then just ends: list again and follow from there).
   */
  async *watch<T = KubernetesObject>(
    path: string,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const query = `${path.includes('?') ? '&' : '?'}watch=1&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
    try {
      const response = await this.#call('GET', path + query, undefined, signal);
      if (!response.body) return;
      for await (const line of linesOf(response.body)) {
        const event = JSON.parse(line) as WatchEvent<T> | { readonly type: 'ERROR' };
        if (event.type === 'ERROR') return;
        yield event;
      }
    } catch (error) {
      // A server that is stopped cuts the connection in the middle of a line.
      if (error instanceof ApiError && error.status !== 410) throw error;
    }
  }

  /** Closes the connections at once; watches end. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send(method: string, path: string, content?: { type: string; body: object | string }): Promise<unknown> {
    return (await this.#call(method, path, content)).json();
  }

  async #call(
    method: string,
    path: string,
    content?: { type: string; body: object | string },
    signal: AbortSignal | null = null,
  ): Promise<Response> {
    const { server, token } = this.credentials;
    const response = await fetch(server + path, {
      method,
      dispatcher: this.#agent,
      signal: signal ?? AbortSignal.timeout(30_000),
      headers: { authorization: `Bearer ${token}`, ...(content && { 'content-type': content.type }) },
      body: typeof content?.body === 'object' ? JSON.stringify(content.body) : (content?.body ?? null),
    });
    if (!response.ok) throw new ApiError(`${method} ${path}`, response.status, await response.text());
    return response;
  }
}

/** A client with the first user of a kubeconfig file that this lab wrote (token and inline CA). */
export function apiFromKubeconfig(file: string): Api {
  const config = parse(readFileSync(file, 'utf8')) as {
    clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
    users: [{ user: { token: string } }];
  };
  const { cluster } = config.clusters[0];
  return new Api({
    server: cluster.server,
    token: config.users[0].user.token,
    certificateAuthority: Buffer.from(cluster['certificate-authority-data'], 'base64').toString(),
  });
}

/** The lines of a body; whoever stops reading closes the connection. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

function statusOf(body: string): { reason: string; message: string } {
  try {
    const { reason = '', message = '' } = JSON.parse(body) as { reason?: string; message?: string };
    return { reason, message };
  } catch {
    return { reason: '', message: body.slice(0, 300) };
  }
}
