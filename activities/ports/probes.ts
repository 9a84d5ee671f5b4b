import type { Permit } from './heartbeats.ts';

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
 * `failed` is a command that was not started (not in the image, container not running). `again`: what kept it from starting
 * may pass, so that it may be sent again.
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
  | { readonly kind: 'failed'; readonly message: string; readonly again?: true }
  | { readonly kind: 'unknown'; readonly message: string };

/** The demands on the certificate of a server. */
export interface TlsChoice {
  /** PEM; default: the authorities that Node.js trusts. */
  readonly ca?: string | undefined;
  /** Whom it must be for; default: the address that is asked. */
  readonly serverName?: string | undefined;
  /** `none`: anything will do. */
  readonly verify?: 'none' | undefined;
}

/** A GET request to a server's own address. */
export interface HttpRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Over TLS. Default: without. */
  readonly tls?: TlsChoice | undefined;
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

/** The found text, or how much was read in vain. At most 4 MiB are read, from the oldest line on. */
export type LogOutcome =
  | { readonly kind: 'found'; readonly line: string }
  | { readonly kind: 'absent'; readonly bytes: number; readonly truncated: boolean }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * Questions to one server, and what makes its engine load.
 * Every call is bounded in time and honours `signal`; trouble is thrown as a ClusterFailure.
 */
export interface Probes {
  /** Runs a command in a container. Never throws for what happens to the command; `permit` is asked before it starts. */
  exec(request: ExecRequest, signal?: AbortSignal, permit?: Permit): Promise<ExecOutcome>;
  /** Asks a server over HTTP. Never throws for what happens to the request. */
  httpGet(request: HttpRequest, signal?: AbortSignal): Promise<HttpOutcome>;
  /**
   * Sends a server a request that changes something there, once. Never throws for what happens to the request; `permit`
   * is asked before it is sent.
   */
  httpSend(request: HttpSendRequest, signal?: AbortSignal, permit?: Permit): Promise<HttpSendOutcome>;
  /** Opens and closes a connection to a server. Never throws for what happens to it. */
  tcpConnect(request: TcpRequest, signal?: AbortSignal): Promise<TcpOutcome>;
  /** Looks for a line in a container's log. Facts about server and container are `failed`, not thrown. */
  findInLog(request: LogRequest, signal?: AbortSignal): Promise<LogOutcome>;
}
