import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { RawData } from 'ws';
import {
  demandWanted,
  failureOfCredentials,
  failureOfError,
  failureOfRefusal,
  isTlsFailure,
  wordsOf,
} from './errors.ts';
import type { Refusal } from './errors.ts';
import { readExecWords } from './exec-answers.ts';
import { ExecTranscript } from './exec-frames.ts';
import { checkedName, podsPath } from './paths.ts';
import { WRITE_TIMEOUT_MS, refusalOf } from './request.ts';
import type { ApiClient } from './request.ts';
import type { Permit } from '../activities/ports/heartbeats.ts';
import type { ExecOutcome, ExecRequest } from '../activities/ports/probes.ts';

const MOST_REFUSAL_BYTES = 16 * 1024;
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

function urlOf(server: string, request: ExecRequest): URL {
  const url = new URL(`${server}${podsPath(request.namespace)}/${checkedName(request.server)}/exec`);
  url.protocol = url.protocol.replace('http', 'ws');
  url.searchParams.set('container', checkedName(request.container));
  url.searchParams.set('stdout', 'true');
  url.searchParams.set('stderr', 'true');
  for (const argument of request.command) url.searchParams.append('command', argument);
  return url;
}

function bufferOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

/** How one attempt went: the command's outcome, or why the API server did not open the connection. */
type Attempt =
  | { readonly kind: 'outcome'; readonly outcome: ExecOutcome }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'error'; readonly error: unknown };

function readRefusal(response: IncomingMessage, done: (refusal: Refusal) => void): void {
  const chunks: Buffer[] = [];
  const finish = (): void => {
    const retryAfter = response.headers['retry-after'];
    done(refusalOf(response.statusCode ?? 0, retryAfter, Buffer.concat(chunks).toString('utf8')));
  };
  response.on('data', (chunk: Buffer) => {
    if (Buffer.concat(chunks).length < MOST_REFUSAL_BYTES) chunks.push(chunk);
  });
  response.once('end', finish);
  response.once('error', finish);
}

/** Runs the command over one websocket. Never rejects, and never leaves a socket behind. */
function attempt(
  socket: WebSocket,
  { timeoutMs, mostBytes }: ExecRequest,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  return new Promise((resolve) => {
    const transcript = new ExecTranscript(mostBytes);
    let opened = false;
    const settle = (result: Attempt): void => {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', giveUp);
      resolve(result);
      // Not close(): a node that does not answer would keep the socket for another 30 s.
      socket.terminate();
    };
    const unknown = (message: string): void => {
      settle({ kind: 'outcome', outcome: { kind: 'unknown', message } });
    };
    const giveUp = (): void => unknown('given up by the caller');
    const deadline = setTimeout(() => unknown(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    signal?.addEventListener('abort', giveUp, { once: true });

    socket.on('open', () => {
      opened = true;
    });
    socket.on('message', (data: RawData) => {
      const outcome = transcript.take(bufferOf(data));
      if (outcome) settle({ kind: 'outcome', outcome });
    });
    socket.on('unexpected-response', (_request, response) => {
      readRefusal(response, (refusal) => settle({ kind: 'refused', refusal }));
    });
    socket.on('close', () => unknown('the connection closed without an exit status'));
    socket.on('error', (error) => {
      if (opened) unknown('the connection broke before the exit status came');
      else settle({ kind: 'error', error });
    });
  });
}

/** Before the upgrade the API server answers in HTTP: these say something about the server, not about the cluster. */
function outcomeOfRefusal(refusal: Refusal, request: ExecRequest): ExecOutcome | undefined {
  if (refusal.code === 404) return { kind: 'failed', message: `there is no server ${request.server}` };
  if (refusal.code !== 400 && refusal.code !== 500) return undefined;
  const message = wordsOf(refusal);
  switch (readExecWords(message)) {
    case 'again':
      return { kind: 'failed', message, again: true };
    case 'never':
      return { kind: 'failed', message };
    case 'unknown':
      // A request that is wrong never gets to the node; of trouble on the way nobody knows.
      return { kind: refusal.code === 400 ? 'failed' : 'unknown', message };
  }
}

/**
 * Runs a command in a container over a websocket (subprotocol v5, Kubernetes 1.30 and newer, or v4).
 * The command is an argument list: no shell reads it, and nothing of hotwave is needed in the image.
 *
 * @throws ClusterFailure for the API server's own trouble; the reason of `signal` when the caller gave up.
 */
export async function execInContainer(
  client: ApiClient,
  request: ExecRequest,
  signal?: AbortSignal,
  permit?: Permit,
): Promise<ExecOutcome> {
  signal?.throwIfAborted();
  const url = urlOf(client.context.server, request);
  for (let round = 1; ; round += 1) {
    // Once the websocket is open the command runs; how long that takes is its own matter.
    const handshakeTimeout = Math.min(WRITE_TIMEOUT_MS, request.timeoutMs);
    const limits = [AbortSignal.timeout(handshakeTimeout), ...(signal ? [signal] : [])];
    const options = await client.connection.websocketOptions(AbortSignal.any(limits)).catch((error: unknown) => {
      demandWanted(signal, error);
      throw failureOfCredentials(error, client.context);
    });
    await permit?.();
    client.requests.count('EXEC pods');
    const socket = new WebSocket(url, PROTOCOLS, { ...options, handshakeTimeout, perMessageDeflate: false });
    const result = await attempt(socket, request, signal);
    signal?.throwIfAborted();
    if (result.kind === 'outcome') return result.outcome;
    const mayHelp = result.kind === 'error' ? isTlsFailure(result.error) : result.refusal.code === 401;
    if (mayHelp && round === 1) {
      client.connection.renew();
      continue;
    }
    if (result.kind === 'error') throw failureOfError(result.error, client.context, handshakeTimeout);
    const outcome = outcomeOfRefusal(result.refusal, request);
    if (!outcome) throw failureOfRefusal(result.refusal, client.context);
    return outcome;
  }
}
