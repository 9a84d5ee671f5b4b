import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A way to a server that a test can close: what is behind it then does not answer, for whoever goes this way. */
export interface TcpDoor {
  /** HOST:PORT */
  readonly address: string;
  open(): void;
  /** New connections are ended at once, and so are those that there are. */
  shut(): void;
  /** Everything stays connected, and nothing passes any more: a server that is stuck. */
  jam(): void;
  close(): Promise<void>;
}

/** Starts one, open. @param target HOST:PORT */
export async function tcpDoor(target: string): Promise<TcpDoor> {
  const { hostname, port } = new URL(`tcp://${target}`);
  const sockets = new Set<Socket>();
  let way: 'open' | 'shut' | 'jammed' = 'open';
  const server = createServer((client) => {
    if (way === 'shut') {
      client.destroy();
      return;
    }
    const there = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, there],
      [there, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => from.destroy()).on('close', () => (sockets.delete(from), to.destroy()));
      from.on('data', (chunk) => {
        if (way === 'open') to.write(chunk);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    open() {
      // Data that a jam has swallowed is missing: connections that there are cannot go on.
      if (way === 'jammed') hangUp();
      way = 'open';
    },
    shut() {
      way = 'shut';
      hangUp();
    },
    jam: () => void (way = 'jammed'),
    async close() {
      hangUp();
      server.close();
      await once(server, 'close');
    },
  };
}
