import { spawn } from 'node:child_process';
import { z } from 'zod';
import { ClusterFailure } from '../activities/ports/failure.ts';
import { fileTrouble } from '../release/spec/file-trouble.ts';
import { plainText } from '../release/spec/plain-text.ts';

// Facts: k8s.io/client-go/plugin/pkg/client/auth/exec/exec.go and the ExecConfig of a kubeconfig.

/** How long a plugin may take, in milliseconds. A request that waits for it waits no longer than for an answer. */
const LIMIT_MS = 30_000;
/** Credentials are renewed so long before they end: clocks differ, and a request takes its time. */
const EARLY_MS = 60_000;
/** Those that live for minutes only, or less, are renewed when so much of their life is left. */
const EARLY_PART = 0.1;
/**
 * A credential that ends sooner, or seems to be over by this clock, is used so long all the same: the API server says
 * when it is.
 */
const LEAST_KEPT_MS = 1_000;
/** A plugin that has ended without closing its output is read so much longer, in milliseconds. */
const LAST_WORDS_MS = 100;
/** A request that took so long for its credentials says so when it runs out of time, in milliseconds. */
const WORTH_TELLING_MS = 500;
const MOST_OUTPUT_BYTES = 1024 * 1024;

/** `users[].user.exec` of a kubeconfig. */
export const execConfigSchema = z.object({
  apiVersion: z.enum(['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1']),
  command: z.string().min(1),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  installHint: z.string().nullish(),
  provideClusterInfo: z.boolean().nullish(),
  interactiveMode: z.enum(['Never', 'IfAvailable', 'Always']).nullish(),
});
/** `users[].user.exec` of a kubeconfig. */
export type ExecConfig = z.output<typeof execConfigSchema>;

const answerSchema = z.object({
  apiVersion: z.string(),
  kind: z.literal('ExecCredential'),
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().nullish(),
  }),
});

/** The credentials of a plugin. Never to be logged. */
export interface PluginCredentials {
  readonly token?: string | undefined;
  /** PEM. */
  readonly certificate?: string | undefined;
  /** PEM. */
  readonly key?: string | undefined;
}

/** The words for a plugin that wants to know of the cluster: the entry of the kubeconfig, but for its extensions. */
export type ClusterInfo = Readonly<Record<string, unknown>>;

/** The settings of a test. */
export interface PluginLimits {
  /** How long a plugin may take, in milliseconds; default 30 s. */
  readonly limitMs?: number;
  readonly now?: () => number;
}

/**
 * A program that gives credentials. However many requests wait for it, one is run; what it gave is kept until shortly before
 * it ends, or until the API server accepts it no more.
 */
export class CredentialPlugin {
  readonly #config: ExecConfig;
  readonly #cluster: ClusterInfo | undefined;
  readonly #now: () => number;
  readonly #limitMs: number;
  #running: Promise<PluginCredentials> | undefined;
  #known: { readonly credentials: PluginCredentials; readonly until: number } | undefined;

  constructor(config: ExecConfig, cluster: ClusterInfo | undefined, limits: PluginLimits = {}) {
    this.#config = config;
    this.#cluster = config.provideClusterInfo === true ? cluster : undefined;
    this.#now = limits.now ?? Date.now;
    this.#limitMs = limits.limitMs ?? LIMIT_MS;
  }

  /**
   * The credentials that it gives. A caller that gives up by `signal` leaves it running: the next one finds its answer.
   * @throws ClusterFailure `unauthorized` with the name of the plugin and what was wrong with it; the reason of `signal`
   *   when the caller gave up, other than by a time-out
   */
  async credentials(signal?: AbortSignal): Promise<PluginCredentials> {
    if (this.#known && this.#now() < this.#known.until) return this.#known.credentials;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return signal ? await this.#within(signal, this.#running) : await this.#running;
  }

  async #within(signal: AbortSignal, running: Promise<PluginCredentials>): Promise<PluginCredentials> {
    const since = performance.now();
    const over = Promise.withResolvers<never>();
    const giveUp = (): void => {
      const { reason } = signal as { readonly reason: unknown };
      const isTimeout = reason instanceof Error && reason.name === 'TimeoutError';
      const seconds = secondsIn(performance.now() - since);
      over.reject(isTimeout ? this.#wrong(`has not answered within ${seconds} s`) : (reason as Error));
    };
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      return await Promise.race([running, over.promise]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** `the credential plugin p took 7.9 s`; undefined when so many milliseconds are not worth a word. */
  waitedFor(milliseconds: number): string | undefined {
    return milliseconds < WORTH_TELLING_MS ? undefined : `${this.#name} took ${secondsIn(milliseconds)} s`;
  }

  /** The API server does not accept what the plugin gave. */
  forget(): void {
    this.#known = undefined;
  }

  async #run(): Promise<PluginCredentials> {
    const { apiVersion, status } = this.#answerIn(await this.#output());
    if (apiVersion !== this.#config.apiVersion) throw this.#wrong(`answers in ${plainText(apiVersion, 80)}`);
    const { clientCertificateData: certificate, clientKeyData: key, expirationTimestamp } = status;
    const token = status.token?.trim() || undefined;
    if (token === undefined && (certificate === undefined || key === undefined))
      throw this.#wrong('gives neither a token nor a certificate with its key');
    const credentials = { token, certificate, key };
    const ends = expirationTimestamp ? Date.parse(expirationTimestamp) : Number.POSITIVE_INFINITY;
    if (Number.isNaN(ends)) throw this.#wrong('gives an expirationTimestamp that is no time');
    this.#known = { credentials, until: keptUntil(this.#now(), ends) };
    return credentials;
  }

  #answerIn(output: string): z.output<typeof answerSchema> {
    try {
      const parsed = answerSchema.safeParse(JSON.parse(output));
      if (parsed.success) return parsed.data;
    } catch {
      // Said below: what it printed may hold the credentials.
    }
    throw this.#wrong(`does not print an ExecCredential of ${this.#config.apiVersion}`);
  }

  /** The output of the plugin. Its standard input is closed: nobody is there to answer it. */
  #output(): Promise<string> {
    const { command, args, env, apiVersion } = this.#config;
    const info = { apiVersion, kind: 'ExecCredential', spec: { cluster: this.#cluster, interactive: false } };
    const own = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
    // A group of its own, so that its children end with it.
    const child = spawn(command, args ?? [], {
      env: { ...process.env, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    return new Promise((resolve, reject) => {
      const said = { stdout: '', stderr: '' };
      const settle = (then: () => void): void => {
        clearTimeout(deadline);
        clearTimeout(lastWordsOver);
        then();
      };
      const leave = (): void => {
        killGroup(child.pid);
        // A process that has left the group may keep them open for ever.
        for (const stream of [child.stdout, child.stderr]) stream.destroy();
      };
      let lastWordsOver: NodeJS.Timeout | undefined;
      const deadline = setTimeout(() => {
        leave();
        settle(() => reject(this.#wrong(`has not answered within ${this.#limitMs / 1_000} s`)));
      }, this.#limitMs);
      for (const stream of ['stdout', 'stderr'] as const)
        child[stream].setEncoding('utf8').on('data', (text: string) => {
          said[stream] = `${said[stream]}${text}`.slice(0, MOST_OUTPUT_BYTES);
        });
      child.once('error', (error) => settle(() => reject(this.#wrong(`cannot be run: ${this.#startTrouble(error)}`))));
      const ended = (code: number | null, signal: NodeJS.Signals | null): void =>
        settle(() => {
          if (code === 0) resolve(said.stdout);
          else reject(this.#wrong(`ended with ${signal ?? `exit code ${code ?? ''}`}${lastWords(said.stderr)}`));
        });
      child.once('close', ended);
      // Its children may keep its output open. All that it said itself is in the pipe now, and is read before an
      // immediate that comes after a timer.
      const endedOpenly = (...how: Parameters<typeof ended>): void => {
        if (child.stdout.closed && child.stderr.closed) return;
        ended(...how);
        leave();
      };
      child.once('exit', (...how) => {
        lastWordsOver = setTimeout(() => setImmediate(endedOpenly, ...how), LAST_WORDS_MS);
      });
    });
  }

  #startTrouble(error: Error): string {
    const hint = firstLine(this.#config.installHint ?? '');
    const isMissing = 'code' in error && error.code === 'ENOENT';
    if (!isMissing) return fileTrouble(error);
    return hint === '' ? 'there is no such program' : `there is no such program; ${hint}`;
  }

  #wrong(what: string): ClusterFailure {
    return new ClusterFailure('unauthorized', `${this.#name} ${what}`, { retryable: true });
  }

  get #name(): string {
    return `the credential plugin ${plainText(this.#config.command, 100)}`;
  }
}

/** Seconds with one decimal. */
function secondsIn(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}

/** Until when credentials are kept that were given now; milliseconds since the epoch. */
function keptUntil(now: number, ends: number): number {
  const early = Math.min(EARLY_MS, (ends - now) * EARLY_PART);
  return Math.max(ends - early, now + LEAST_KEPT_MS);
}

function firstLine(text: string): string {
  const line = text.split('\n').find((one) => one.trim() !== '') ?? '';
  return plainText(line, 200);
}

function lastWords(stderr: string): string {
  const words = firstLine(stderr);
  return words === '' ? '' : `: ${words}`;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
