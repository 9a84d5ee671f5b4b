import type { ClientOptions } from 'ws';
import { oneLine } from './errors.ts';
import { CredentialPlugins, loadKubeconfig, wayTo } from './kubeconfig.ts';
import type { KubeconfigChoice, LoadedKubeconfig, ResolvedCluster } from './kubeconfig.ts';
import type { RequestCredentials } from './pooled-kubeconfig.ts';
import { ClusterFailure } from '../activities/ports/failure.ts';

/** Kubeconfig, CA and client certificate are read again this often, so that rotation needs no restart. */
const RENEW_AFTER_MS = 10 * 60_000;
/** A kubeconfig that cannot be read is read again this soon. */
const AGAIN_MS = 5_000;

/** The settings of a test. */
export interface ConnectionLimits {
  readonly now?: () => number;
  /** How long a credential plugin may take, in milliseconds; default 30 s. */
  readonly pluginLimitMs?: number | undefined;
}

/** The way to one API server: its address, how to authenticate, and the shared connections. */
export class Connection {
  /** Pinned when the connection is made: a kubeconfig that later says something else is refused. */
  readonly resolved: ResolvedCluster;
  readonly #choice: KubeconfigChoice;
  readonly #now: () => number;
  readonly #plugins: CredentialPlugins;
  #loaded: LoadedKubeconfig;
  #loadedAt: number;
  #unread: string | undefined;

  /** @throws ClusterFailure `invalid` when the kubeconfig does not lead to a cluster. */
  constructor(choice: KubeconfigChoice = {}, { now = Date.now, pluginLimitMs }: ConnectionLimits = {}) {
    this.#choice = choice;
    this.#now = now;
    this.#plugins = new CredentialPlugins({ now, ...(pluginLimitMs === undefined ? {} : { limitMs: pluginLimitMs }) });
    this.#loaded = loadKubeconfig(choice, undefined, this.#plugins);
    this.#loadedAt = now();
    this.resolved = this.#loaded.resolved;
  }

  /** Why the kubeconfig could not be read the last time; undefined when it could. */
  get unread(): string | undefined {
    return this.#unread;
  }

  /** Headers and connection pool for one request. */
  async credentials(signal?: AbortSignal): Promise<RequestCredentials> {
    return this.#current().credentials(this.resolved.server, signal);
  }

  /** Options for one websocket. */
  async websocketOptions(signal?: AbortSignal): Promise<ClientOptions> {
    return await this.#current().websocketOptions(signal);
  }

  /** Forgets connections and credentials: the next request reads them again. For a 401 or a TLS failure. */
  renew(): void {
    this.#plugins.forget();
    this.#loadedAt = Number.NEGATIVE_INFINITY;
  }

  /** Closes the connections that are open. */
  async close(): Promise<void> {
    await this.#loaded.config.close();
  }

  #current(): LoadedKubeconfig['config'] {
    if (this.#now() - this.#loadedAt < RENEW_AFTER_MS) return this.#loaded.config;
    const next = this.#readAnew();
    if (!next) return this.#loaded.config;
    const [way, pinned] = [wayTo(next.resolved), wayTo(this.resolved)];
    if (way !== pinned) {
      throw new ClusterFailure(
        'invalid',
        `context "${this.resolved.context}" now leads to ${way}, it led to ${pinned} ` +
          'when this worker started; restart the worker if that is meant',
        { retryable: false },
      );
    }
    const previous = this.#loaded.config;
    this.#loaded = next;
    this.#loadedAt = this.#now();
    // Requests that are still running keep their connection until they end.
    void previous.close().catch(() => undefined);
    return next.config;
  }

  /** Undefined when it cannot be read: whoever is just writing it anew will be done soon, and the last good one counts. */
  #readAnew(): LoadedKubeconfig | undefined {
    try {
      const loaded = loadKubeconfig({ ...this.#choice, ...this.#pinnedContext() }, undefined, this.#plugins);
      this.#unread = undefined;
      return loaded;
    } catch (error) {
      this.#unread = oneLine(error instanceof Error ? error.message : String(error));
      this.#loadedAt = this.#now() - RENEW_AFTER_MS + AGAIN_MS;
      return undefined;
    }
  }

  #pinnedContext(): KubeconfigChoice {
    return this.resolved.context === 'in-cluster' ? {} : { context: this.resolved.context };
  }
}
