import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { HealthCheck } from './health.ts';
import { EXIT_USAGE, StartFailure } from './start-failure.ts';

/** The answer of the server. */
export interface HttpAnswers {
  readonly liveness: () => HealthCheck[];
  readonly readiness: () => Promise<HealthCheck[]>;
  readonly metrics: () => Promise<string>;
}

/** A server that listens. */
export interface HttpServer {
  /** `http://host:port` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/livez`, `/readyz` and `/metrics`, for kubelets and Prometheus.
 *
 * @throws StartFailure with exit code 64 when the address cannot be bound.
 */
export async function startHttpServer(
  address: { host: string; port: number },
  answers: HttpAnswers,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    void answer(request.method ?? '', request.url ?? '', answers, response).catch((error: unknown) => {
      send(response, 500, error instanceof Error ? `${error.message}\n` : 'failed\n');
    });
  });
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return {
    url: `http://${host}:${port}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const reason = taken ? 'is taken' : `cannot be bound (${(error as Error).message})`;
    throw new StartFailure(EXIT_USAGE, `${host}:${port} ${reason}; give another --http HOST:PORT, or --http off`);
  }
}

async function answer(method: string, url: string, answers: HttpAnswers, response: ServerResponse): Promise<void> {
  const path = url.split('?')[0];
  if (method !== 'GET' && method !== 'HEAD') send(response, 405, 'GET only\n');
  else if (path === '/livez') sendChecks(response, answers.liveness());
  else if (path === '/readyz') sendChecks(response, await answers.readiness());
  else if (path === '/metrics')
    send(response, 200, await answers.metrics(), 'text/plain; version=0.0.4; charset=utf-8');
  else send(response, 404, 'this worker answers /livez, /readyz and /metrics\n');
}

function sendChecks(response: ServerResponse, checks: readonly HealthCheck[]): void {
  const lines = checks.map(({ title, ok, detail }) => `${ok ? 'ok    ' : 'not ok'} ${title}: ${detail}\n`);
  send(response, checks.every(({ ok }) => ok) ? 200 : 503, lines.join(''));
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}
