import { HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';

/** What a request to the API server needs beside its address. */
export interface RequestCredentials {
  /** Authorization and impersonation. Never to be logged. */
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher | undefined;
  /** For answers that go on for long: they would take the places of short requests, a watch ten seconds each. */
  readonly streamDispatcher: Dispatcher | undefined;
}

type DispatcherOptions = ReturnType<KubeConfig['createDispatcherOptions']>;

/** A burst of 200 requests over 200 new connections costs five times the CPU of one over 32 (measured). */
const CONNECTIONS = 32;
/** One for each activity that a worker may be told to run at once. */
const STREAMS = 1_000;

/**
 * A kubeconfig whose requests share connections. The client (@kubernetes/client-node 2.0.1) makes an agent per
 * request as soon as there is a private CA, and with it a TLS handshake per request. Proxies, SOCKS and every way to
 * authenticate stay as the client decides them.
 */
export class PooledKubeConfig extends KubeConfig {
  #options: DispatcherOptions | undefined;
  #dispatcher: Dispatcher | undefined;
  #streams: Dispatcher | undefined;

  /** Remembers what the client decided, so that the pool can be built from it. */
  override createDispatcherOptions(...args: Parameters<KubeConfig['createDispatcherOptions']>): DispatcherOptions {
    this.#options = super.createDispatcherOptions(...args);
    return this.#options;
  }

  /**
   * Headers for one request (tokens are refreshed by the client) and the shared pools.
   *
   * @throws whatever the authenticator throws, such as an exec plugin that cannot be run.
   */
  async credentials(url: string): Promise<RequestCredentials> {
    const context = new RequestContext(url, HttpMethod.GET);
    await this.applySecurityAuthentication(context);
    this.#dispatcher ??= this.#pool(CONNECTIONS) ?? context.getDispatcher();
    this.#streams ??= this.#pool(STREAMS) ?? this.#dispatcher;
    return { headers: context.getHeaders(), dispatcher: this.#dispatcher, streamDispatcher: this.#streams };
  }

  /** Lets running requests end, then closes the connections. */
  async close(): Promise<void> {
    const open = new Set([this.#dispatcher, this.#streams].filter((dispatcher) => dispatcher !== undefined));
    this.#dispatcher = undefined;
    this.#streams = undefined;
    await Promise.all([...open].map((dispatcher) => dispatcher.close()));
  }

  /** Undefined where the client goes through a proxy: it knows how. */
  #pool(connections: number): Agent | undefined {
    if (this.#options?.type !== 'agent') return undefined;
    // HTTP/1.1: with one HTTP/2 connection, a long list would delay everything behind it.
    const connect = { ...this.#options.connect, allowH2: false, timeout: 5_000 } as Agent.Options['connect'] & object;
    return new Agent({ connect, connections, keepAliveTimeout: 30_000 });
  }
}
