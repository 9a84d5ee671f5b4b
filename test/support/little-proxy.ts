import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** An HTTP proxy that tunnels (RFC 9110, CONNECT). */
export interface LittleProxy {
  /** HOST:PORT */
  readonly host: string;
  /** Where it was asked to lead, and with which credentials. */
  readonly tunnels: readonly { readonly target: string; readonly authorization: string | undefined }[];
  stop(): void;
}

/** Starts one. It lets everybody through, or refuses all with a status. */
export async function littleProxy(refusal?: number): Promise<LittleProxy> {
  const tunnels: { target: string; authorization: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(500).end('only tunnels'));
  server.on('connect', (request, client: Socket) => {
    const target = request.url ?? '';
    tunnels.push({ target, authorization: request.headers['proxy-authorization'] });
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal} Refused\r\n\r\n`);
      return;
    }
    const { hostname, port } = new URL(`tcp://${target}`);
    const there = connect(Number(port), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(there).pipe(client);
    });
    for (const socket of [client, there]) sockets.add(socket.on('error', () => socket.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tunnels,
    stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
