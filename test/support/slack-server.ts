import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

/** The requests of an app to the Slack that stands in. */
export interface SlackCall {
  readonly method: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** A Slack on this machine, for Slack's own client libraries: its web API and socket mode. */
export interface FakeSlack {
  readonly apiUrl: string;
  readonly calls: readonly SlackCall[];
  /** The first call of a method from now on. */
  next(method: string): Promise<SlackCall>;
  /** A message as the last call made it. */
  shown(ts: string): string;
  /** Sends an interaction over the newest socket, or the first there is; resolves when it is acknowledged. */
  interact(envelope: string, payload: object): Promise<void>;
  /** Ends the connections, as a network does; until they are `back`, new ones are refused. */
  drop(): void;
  back(): void;
  close(): Promise<void>;
}

const tsOf = (call: number): string => `1.${call}`;

/** Starts it. */
export async function fakeSlack(): Promise<FakeSlack> {
  const calls: SlackCall[] = [];
  const waiting = new Map<string, (call: SlackCall) => void>();
  const acknowledged = new Map<string, () => void>();
  let newest: WebSocket | undefined;
  let arrival = Promise.withResolvers<WebSocket>();
  let isDown = false;
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const method = (request.url ?? '').split('/').at(-1) ?? '';
      const call = { method, fields: Object.fromEntries(new URLSearchParams(body)) };
      calls.push(call);
      if (isDown) {
        response.writeHead(500).end();
        waiting.get(method)?.(call);
        return;
      }
      const { port } = server.address() as AddressInfo;
      const answer = {
        ok: true,
        ...(method === 'apps.connections.open' ? { url: `ws://127.0.0.1:${port}/socket` } : {}),
        ...(method === 'chat.postMessage' ? { channel: 'C1', ts: tsOf(calls.length) } : {}),
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      waiting.get(method)?.(call);
    });
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    newest = socket;
    socket.on('close', () => {
      if (newest === socket) newest = undefined;
    });
    socket.on('message', (data: Buffer) => {
      const { envelope_id: id } = JSON.parse(data.toString('utf8')) as { envelope_id: string };
      acknowledged.get(id)?.();
    });
    socket.send(JSON.stringify({ type: 'hello', num_connections: 1 }));
    arrival.resolve(socket);
    arrival = Promise.withResolvers();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    calls,
    next: (method) => new Promise((resolve) => waiting.set(method, resolve)),
    shown: (ts) =>
      calls.findLast(({ method, fields }, index) =>
        method === 'chat.update' ? fields['ts'] === ts : method === 'chat.postMessage' && tsOf(index + 1) === ts,
      )?.fields['blocks'] ?? '',
    drop() {
      isDown = true;
      for (const socket of sockets.clients) socket.terminate();
    },
    back: () => void (isDown = false),
    async interact(envelope, payload) {
      const socket = newest ?? (await arrival.promise);
      const done = new Promise<void>((resolve) => acknowledged.set(envelope, resolve));
      socket.send(
        JSON.stringify({ envelope_id: envelope, type: 'interactive', payload, accepts_response_payload: true }),
      );
      await done;
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
