import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SelfSigned } from './self-signed.ts';

/** The requests that an API server double was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  /** The body as it was sent. */
  readonly text: string;
}

/** The answer that it shall give: an object, and a status other than 200 with headers. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, or a text that is sent as it is. */
  readonly body: unknown;
}

/** An API server of which a test writes the answers; for what a real one does not do on demand. */
export interface ApiDouble {
  /** A kubeconfig that leads to it, as user `tester`. */
  readonly kubeconfig: string;
  readonly server: string;
  readonly asked: readonly Asked[];
  stop(): Promise<void>;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function kubeconfigOf(server: string, token: string, tls: SelfSigned | undefined): string {
  const trust = tls
    ? { 'certificate-authority-data': Buffer.from(tls.cert).toString('base64') }
    : { 'insecure-skip-tls-verify': true };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'double', cluster: { server, ...trust } }],
    users: [{ name: 'tester', user: { token } }],
    contexts: [{ name: 'double', context: { cluster: 'double', user: 'tester' } }],
    'current-context': 'double',
  });
}

/** Starts one, with `tls` as https. `answer` returning `silence` leaves the request without an answer. */
export async function apiDouble(
  answer: (asked: Asked, count: number) => Reply | 'silence',
  tls?: SelfSigned,
): Promise<ApiDouble> {
  const asked: Asked[] = [];
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://double');
    const { method = '', headers } = request;
    const text = await textOf(request);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const entry = { method, headers, path: url.pathname, query: url.searchParams, body, text };
    asked.push(entry);
    const reply = answer(entry, asked.length);
    if (reply === 'silence') return;
    response.writeHead(reply.status ?? 200, reply.headers);
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
  };
  const listener: RequestListener = (request, response) => void respond(request, response);
  const listening: Server = tls ? createHttpsServer(tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const server = `${tls ? 'https' : 'http'}://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), 'hotwave-double-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf(server, 'secret-token', tls));
  return {
    kubeconfig,
    server,
    asked,
    async stop() {
      listening.closeAllConnections();
      await new Promise((resolve) => listening.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

/** A Kubernetes Status, as the API server sends it when it refuses. */
export function status(code: number, reason: string, message: string): Reply {
  return { status: code, body: { kind: 'Status', status: 'Failure', code, reason, message } };
}
