import type { GameServerSetView, GameServerView, ServerView, SetRef, WorkloadView } from '../release/fleet/fleet.ts';
import type { LineHalt, LineScope } from '../release/decisions/halt.ts';
import type { FreezeWindow } from '../release/spec/freeze-spec.ts';
import type { MetricSample } from '../release/checks/metric.ts';
import type { GuardedPatch, PatchOutcome, PatchTarget } from '../release/patches/patches.ts';
import type { Holder } from '../release/record/record.ts';
import type { Decision, ReleaseState } from '../release/progress/state.ts';

/** Which servers of a set to read. Names keep a request as small as the wave it is about. */
export interface ServerScope {
  /** Only these servers; at most 250. Default: the whole set. */
  readonly names?: readonly string[];
  /** Read at least as new as this resource version (from an earlier answer); may then come from the API server's cache. */
  readonly notOlderThan?: string;
}

/** Servers and the resource version at which they were read. */
export interface ServerList {
  readonly servers: readonly ServerView[];
  readonly resourceVersion: string;
}

/** A command in a container of a server. */
export interface ExecRequest {
  readonly namespace: string;
  readonly server: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** Most bytes kept of stdout and stderr each. Default 64 KiB. */
  readonly mostBytes?: number;
}

/**
 * How a command ended. A connection that closes without the exit status is `unknown`, never success;
 * `failed` is a command that could not be started (not in the image, container not running).
 */
export type ExecOutcome =
  | {
      readonly kind: 'exited';
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
      /** There was more output than was kept. */
      readonly truncated?: true;
    }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'unknown'; readonly message: string };

/** A GET request to a server's own address. */
export interface HttpRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
}

/** An HTTP answer, or why there was none. Bodies are cut at 64 KiB. */
export type HttpOutcome =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'failed'; readonly message: string };

/** A request to a server's own address that changes something there. */
export interface HttpSendRequest extends HttpRequest {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'GET';
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
}

/**
 * How such a request ended. `failed` never reached the server, so that it may be sent again; `unknown` may have
 * reached it, and the answer did not come.
 */
export type HttpSendOutcome = HttpOutcome | { readonly kind: 'unknown'; readonly message: string };

/** A port of a server's own address. */
export interface TcpRequest {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

/** Whether a connection was taken. */
export type TcpOutcome = { readonly kind: 'connected' } | { readonly kind: 'failed'; readonly message: string };

/** A search in the log of a container's present run. */
export interface LogRequest {
  readonly namespace: string;
  readonly server: string;
  readonly container: string;
  /** A part of the line that is looked for. */
  readonly text: string;
  /** Only lines since then, milliseconds since the epoch by the clock of the node. Default: the whole log. */
  readonly since?: number | undefined;
  readonly timeoutMs: number;
}

/** What was found, or how much was read in vain. At most 4 MiB are read, from the oldest line on. */
export type LogOutcome =
  | { readonly kind: 'found'; readonly line: string }
  | { readonly kind: 'absent'; readonly bytes: number; readonly truncated: boolean }
  | { readonly kind: 'failed'; readonly message: string };

/** One permission that a release needs. */
export interface Access {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace: string;
}

/** A GameServer as activities read and write it. */
export type GameServerRecord = GameServerView;

/**
 * The cluster as hotwave's activities need it. Every call is bounded in time and honours `signal`; trouble of the
 * infrastructure is thrown as a ClusterFailure, facts of the domain are returned.
 */
export interface Cluster {
  /** The GameServerSet, or undefined when it does not exist. */
  readSet(ref: SetRef, signal?: AbortSignal): Promise<GameServerSetView | undefined>;
  /**
   * The GameServerSet as it is now (undefined when it does not exist), and again whenever it has changed and at least
   * every few seconds, until the caller stops or `signal` ends it. A view may leave out what was in between.
   */
  followSet(ref: SetRef, signal?: AbortSignal): AsyncIterable<GameServerSetView | undefined>;
  /** The Advanced StatefulSet of a set, or undefined when the controller has not made it. */
  readWorkload(ref: SetRef, signal?: AbortSignal): Promise<WorkloadView | undefined>;
  /** The set's servers as their pods show them, in order of ordinal. */
  listServers(ref: SetRef, scope?: ServerScope, signal?: AbortSignal): Promise<ServerList>;
  /**
   * Servers by name (at most 250) as they are now, and all of them again whenever one has changed and at least every
   * few seconds, until the caller stops or `signal` ends it. A view may leave out what was in between.
   */
  followServers(ref: SetRef, names: readonly string[], signal?: AbortSignal): AsyncIterable<readonly ServerView[]>;
  /**
   * Names of the set's servers whose pod shows another updatePriority than these, or none yet. May be a moment old: it is
   * answered from the API server's cache, which also picks them, so that the answer is small however many servers there are.
   */
  serversWithOtherPriority(ref: SetRef, values: readonly number[], signal?: AbortSignal): Promise<readonly string[]>;
  /** GameServers by name, followed like servers. What it shows may be older than what another call has just shown. */
  followGameServers(
    ref: SetRef,
    names: readonly string[],
    signal?: AbortSignal,
  ): AsyncIterable<readonly GameServerRecord[]>;
  /** The set's GameServer objects, in order of ordinal. */
  listGameServers(ref: SetRef, names?: readonly string[], signal?: AbortSignal): Promise<readonly GameServerRecord[]>;
  /** A guarded write. `dryRun` runs admission and validation and changes nothing. */
  patch(
    target: PatchTarget,
    patch: GuardedPatch,
    options?: { readonly dryRun?: boolean; readonly signal?: AbortSignal },
  ): Promise<PatchOutcome>;
  /** Runs a command in a container. Never throws for what happens to the command. */
  exec(request: ExecRequest, signal?: AbortSignal): Promise<ExecOutcome>;
  /** Asks a server over HTTP. Never throws for what happens to the request. */
  httpGet(request: HttpRequest, signal?: AbortSignal): Promise<HttpOutcome>;
  /** Sends a server a request that changes something there, once. Never throws for what happens to the request. */
  httpSend(request: HttpSendRequest, signal?: AbortSignal): Promise<HttpSendOutcome>;
  /** Opens and closes a connection to a server. Never throws for what happens to it. */
  tcpConnect(request: TcpRequest, signal?: AbortSignal): Promise<TcpOutcome>;
  /** Looks for a line in a container's log. Facts about server and container are `failed`, not thrown. */
  findInLog(request: LogRequest, signal?: AbortSignal): Promise<LogOutcome>;
  /** Which of these permissions the worker lacks. */
  missingAccess(wanted: readonly Access[], signal?: AbortSignal): Promise<readonly Access[]>;
  /** A line that says which API server this is, for people: address and context, never credentials. */
  describe(): string;
}

/** The freeze windows of a whole cluster, as they are written down now; or why they cannot be read. */
export type CalendarReading = { readonly windows: readonly FreezeWindow[] } | { readonly problem: string };

/** Where the freeze windows of a whole cluster are written down. Read anew each time. */
export interface Calendar {
  read(): Promise<CalendarReading>;
}

/** An instant query of a Prometheus API. */
export interface MetricsRequest {
  /** Base address; default the first that the worker was given. */
  readonly url?: string | undefined;
  readonly query: string;
  readonly timeoutMs: number;
}

/**
 * Metrics as Prometheus serves them. Only addresses that the worker was given are asked: a release file must not send
 * a worker wherever it likes. No values means no data. Never throws for what happens to the query.
 */
export interface Metrics {
  query(request: MetricsRequest, signal?: AbortSignal): Promise<MetricSample>;
}

/** Trouble between hotwave and the API server, in words a person can act on; never carries headers or bodies. */
export class ClusterFailure extends Error {
  override readonly name = 'ClusterFailure';
  /** `forbidden`, `unreachable`, `overloaded`, `unauthorized`, `invalid`, `gone` or `other`. */
  readonly reason: ClusterFailureReason;
  readonly retryable: boolean;
  /** Wait this long before the next try, from Retry-After. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: ClusterFailureReason, message: string, options: { retryable: boolean; retryAfterMs?: number }) {
    super(message);
    this.reason = reason;
    this.retryable = options.retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Why the API server could not be used. */
export type ClusterFailureReason =
  'forbidden' | 'unauthorized' | 'unreachable' | 'overloaded' | 'invalid' | 'gone' | 'other';

/** A release that runs in Temporal. */
export interface RunningRelease {
  readonly workflowId: string;
  readonly runId: string;
}

/** The other releases and halts of the same Temporal namespace, as activities need them. Every call is bounded in time. */
export interface Releases {
  /** The running releases of a line; who was started within the last seconds may be missing. */
  running(scope: LineScope): Promise<readonly RunningRelease[]>;
  /** What a release says about itself; undefined when it has ended or does not answer. */
  state(release: RunningRelease): Promise<ReleaseState | undefined>;
  /** Sends a decision without waiting for its answer. */
  decide(release: RunningRelease, decision: Decision): Promise<void>;
  /** The halts that hold the releases of a scope: its own and its cluster's. Those that are ending do not count. */
  haltsOn(scope: LineScope): Promise<readonly LineHalt[]>;
  /** What tells this Temporal from others: the id of its namespace; empty when it does not say. */
  identity(): Promise<string>;
  /** Whether the workflow that holds a set runs; undefined when it is another Temporal's. */
  isRunning(holder: Holder): Promise<boolean | undefined>;
}

/** A Temporal without releases, for tools that have none. */
export const NO_RELEASES: Releases = {
  running: () => Promise.resolve([]),
  state: () => Promise.resolve(undefined),
  decide: () => Promise.resolve(),
  haltsOn: () => Promise.resolve([]),
  identity: () => Promise.resolve(''),
  isRunning: () => Promise.resolve(undefined),
};
