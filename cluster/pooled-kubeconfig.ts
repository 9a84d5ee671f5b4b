import { readFile } from 'node:fs/promises';
import type { OutgoingHttpHeaders } from 'node:http';
import { HttpMethod, KubeConfig, RequestContext } from '@kubernetes/client-node';
import { Agent, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import type { ClientOptions } from 'ws';
import { ClusterFailure } from '../activities/ports/failure.ts';
import { fileTrouble } from '../release/spec/file-trouble.ts';
import { plainText } from '../release/spec/plain-text.ts';
import type { CredentialPlugin } from './credential-plugin.ts';

/** The options of a request to the API server beside its address. */
export interface RequestCredentials {
  /** Authorization and impersonation. Never to be logged. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly dispatcher: Dispatcher | undefined;
  /** For answers that go on for long: they would take the places of short requests, a watch ten seconds each. */
  readonly streamDispatcher: Dispatcher | undefined;
  /** `the credential plugin p took 7.9 s`, where one was waited for. */
  readonly waited: string | undefined;
}

type DispatcherOptions = ReturnType<KubeConfig['createDispatcherOptions']>;

/** The fields of a user that the client (@kubernetes/client-node 2.0.1) leaves out, or does otherwise than kubectl. */
export interface OwnCredentials {
  readonly plugin?: CredentialPlugin | undefined;
  /** Read anew for each request: it is rotated. */
  readonly tokenFile?: string | undefined;
  readonly impersonation?: Readonly<Record<string, string | string[]>>;
}

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
  readonly #own: OwnCredentials;
  #token: string | undefined;
  #certificate: string | undefined;
  #options: DispatcherOptions | undefined;
  #dispatcher: Dispatcher | undefined;
  #streams: Dispatcher | undefined;

  constructor(own: OwnCredentials = {}) {
    super();
    this.#own = own;
  }

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
  async credentials(url: string, signal?: AbortSignal): Promise<RequestCredentials> {
    const since = performance.now();
    await this.#renew(signal);
    const waited = this.#own.plugin?.waitedFor(performance.now() - since);
    const context = new RequestContext(url, HttpMethod.GET);
    await this.applySecurityAuthentication(context);
    this.#dispatcher ??= this.#pool(CONNECTIONS) ?? context.getDispatcher();
    this.#streams ??= this.#pool(STREAMS) ?? this.#dispatcher;
    const headers = { ...context.getHeaders(), ...this.#own.impersonation };
    return { headers, dispatcher: this.#dispatcher, streamDispatcher: this.#streams, waited };
  }

  /** The same for a websocket. */
  async websocketOptions(signal?: AbortSignal): Promise<ClientOptions> {
    await this.#renew(signal);
    const options: ClientOptions = {};
    await this.applyToHTTPSOptions(options);
    const headers: OutgoingHttpHeaders = { ...options.headers, ...this.#own.impersonation };
    return { ...options, headers } as ClientOptions;
  }

  /** Gives the client what a plugin or a file says now. Another certificate needs other connections. */
  async #renew(signal: AbortSignal | undefined): Promise<void> {
    const { plugin, tokenFile } = this.#own;
    const user = this.users.find(({ name }) => name === this.getCurrentUser()?.name);
    if (!user) return;
    if (tokenFile !== undefined) this.#token = await tokenIn(tokenFile, user.name, this.#token);
    if (this.#token !== undefined) Object.assign(user, { token: this.#token });
    if (!plugin) return;
    const { token, certificate, key } = await plugin.credentials(signal);
    const data = (text: string | undefined): string | undefined => text && Buffer.from(text).toString('base64');
    Object.assign(user, { token, certData: data(certificate), keyData: data(key) });
    if (certificate === this.#certificate) return;
    this.#certificate = certificate;
    // The client (2.0.1) keeps the agent of a websocket, and with it the certificate of the first one.
    (Reflect.get(this, 'agentCache') as Map<string, unknown>).clear();
    void this.close().catch(() => undefined);
  }

  /** Lets running requests end, then closes the connections. */
  async close(): Promise<void> {
    const open = new Set([this.#dispatcher, this.#streams].filter((dispatcher) => dispatcher !== undefined));
    this.#dispatcher = undefined;
    this.#streams = undefined;
    await Promise.all([...open].map((dispatcher) => dispatcher.close()));
  }

  /** Undefined where the client goes another way, through SOCKS: it knows how. */
  #pool(connections: number): Dispatcher | undefined {
    const options = this.#options;
    const shared = { connections, keepAliveTimeout: 30_000 };
    // HTTP/1.1: with one HTTP/2 connection, a long list would delay everything behind it.
    if (options?.type === 'agent') {
      const connect = { ...options.connect, allowH2: false, timeout: 5_000 } as Agent.Options['connect'] & object;
      return new Agent({ ...shared, connect });
    }
    if (options?.type !== 'proxy') return undefined;
    const { uri, requestTls } = options;
    return new ProxyAgent({ ...shared, uri, requestTls, allowH2: false, connectTimeout: 5_000 } as ProxyAgent.Options);
  }
}

/**
 * The token in the file of a user entry. A writer that writes it anew empties it first, or takes it away: then the
 * last one counts.
 * @throws ClusterFailure `unauthorized` when there is none and no last one: nobody is somebody else to the API server
 */
async function tokenIn(file: string, user: string, last: string | undefined): Promise<string> {
  let trouble = 'it is empty';
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    trouble = fileTrouble(error);
    return '';
  });
  const token = text.trim() || last;
  if (token !== undefined) return token;
  const sentence = `cannot read the tokenFile ${file} of user ${JSON.stringify(user)} in the kubeconfig: ${trouble}. Put the token there, or correct the entry`;
  throw new ClusterFailure('unauthorized', plainText(sentence), { retryable: true });
}
