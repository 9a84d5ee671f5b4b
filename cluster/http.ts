import { Agent, buildConnector, request as sendRequest } from 'undici';
import type { Dispatcher } from 'undici';
import { networkCode } from './errors.ts';
import { tlsTrouble } from './tls-trouble.ts';
import type { Permit } from '../activities/ports/heartbeats.ts';
import type {
  HttpOutcome,
  HttpRequest,
  HttpSendOutcome,
  HttpSendRequest,
  TlsChoice,
} from '../activities/ports/probes.ts';

/** Most bytes kept of an answer. */
const MOST_BODY_BYTES = 64 * 1024;

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'no route to host',
  ENOTFOUND: 'unknown host',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'no answer in time',
  UND_ERR_SOCKET: 'connection closed without an answer',
};

const OF_RELEASE_FILE = { ca: 'https.ca', serverName: 'https.serverName' } as const;

/** After these nothing was sent. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Requests to the servers' own addresses. */
export interface HttpProbe {
  /** @throws the reason of `signal` when the caller gave up; never for what happens to the request. */
  get(request: HttpRequest, signal?: AbortSignal): Promise<HttpOutcome>;
  /**
   * Sends once, if `permit` allows it.
   * @throws the reason of `signal` when the caller gave up, and of `permit`; never for what happens to the request
   */
  send(request: HttpSendRequest, signal?: AbortSignal, permit?: Permit): Promise<HttpSendOutcome>;
  close(): Promise<void>;
}

async function readCapped(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, MOST_BODY_BYTES - size));
    size += chunk.length;
    // Leaving the loop destroys the body and with it the connection: a server cannot make us read for ever.
    if (size >= MOST_BODY_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function urlOf({ host, port, path, tls }: HttpRequest): URL {
  const name = host.includes(':') ? `[${host}]` : host;
  const url = new URL(`${tls ? 'https' : 'http'}://${name}:${port}`);
  const [pathname, ...query] = path.split('?');
  url.pathname = pathname ?? '/';
  url.search = query.join('?');
  return url;
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  const code = networkCode(error);
  if (error instanceof NoConnection && code === 'ECONNRESET')
    return 'it ended the connection before TLS was agreed: does it speak TLS at this port?';
  const said = SENTENCES[code] ?? tlsTrouble(code, OF_RELEASE_FILE);
  return said ?? (code === '' ? 'the request failed' : code);
}

/** TLS as the release file says it; HTTP/1.1, as without. */
function secureAgent({ ca, serverName, verify }: TlsChoice): Agent {
  const connect = {
    timeout: 5_000,
    rejectUnauthorized: verify !== 'none',
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
  const connector = buildConnector({ ...connect, allowH2: false });
  return new Agent({
    pipelining: 0,
    connect: (options, callback) => {
      connector(options, (...[error, socket]) => {
        if (error) callback(new NoConnection('no TLS connection', { cause: error }), null);
        else callback(null, socket);
      });
    },
    allowH2: false,
  });
}

/** It failed before TLS was agreed: whatever the reason, nothing was sent. */
class NoConnection extends Error {
  override readonly name = 'NoConnection';
}

/** A probe with its own connections; they are closed after each answer, as thousands of servers are asked in turn. */
export function httpProbe(): HttpProbe {
  const agent = new Agent({ pipelining: 0, connect: { timeout: 5_000 }, allowH2: false });

  async function answerTo(request: HttpSendRequest, signal: AbortSignal | undefined): Promise<HttpOutcome> {
    const { method, headers = {}, body, timeoutMs } = request;
    const limits = [AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])];
    const dispatcher = request.tls ? secureAgent(request.tls) : agent;
    try {
      const answer = await sendRequest(urlOf(request), {
        method,
        headers,
        dispatcher,
        signal: AbortSignal.any(limits),
        ...(body === undefined ? {} : { body }),
      });
      return { kind: 'answered', status: answer.statusCode, body: await readCapped(answer.body) };
    } finally {
      if (dispatcher !== agent) void dispatcher.close();
    }
  }

  async function get(request: HttpRequest, signal?: AbortSignal): Promise<HttpOutcome> {
    signal?.throwIfAborted();
    try {
      return await answerTo({ ...request, method: 'GET' }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      return { kind: 'failed', message: reasonOf(error, request.timeoutMs) };
    }
  }

  async function send(request: HttpSendRequest, signal?: AbortSignal, permit?: Permit): Promise<HttpSendOutcome> {
    signal?.throwIfAborted();
    await permit?.();
    try {
      return await answerTo(request, signal);
    } catch (error) {
      signal?.throwIfAborted();
      const code = networkCode(error);
      const isUnsent = NEVER_SENT.has(code) || error instanceof NoConnection;
      const kind = isUnsent ? 'failed' : 'unknown';
      return { kind, message: reasonOf(error, request.timeoutMs) };
    }
  }

  return { get, send, close: () => agent.close() };
}
