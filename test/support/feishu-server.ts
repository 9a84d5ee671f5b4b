import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import protobuf from 'protobufjs';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { until } from '../lab/until.ts';

/** The app that the Feishu of tests knows. */
export const FEISHU_APP = { appId: 'cli_0123456789abcdef', appSecret: 'a secret of feishu' };

/** A Feishu on this machine, for its own client library: addresses of long connections, frames, tokens and messages. */
export interface FakeFeishu {
  /** The base of its API. */
  readonly domain: string;
  /** Paths of the requests so far. */
  readonly paths: readonly string[];
  /** The code that it gives instead of an address from now on; 0 is none. */
  refusal: number;
  /** Sends an event in a frame; resolves with the answer of the app. */
  event(messageId: string, event: object): Promise<unknown>;
  /** Sends bytes as they are; nothing is awaited. */
  raw(bytes: Uint8Array): Promise<void>;
  /** A frame of a type that the long connection leaves out: no answer comes. */
  frame(type: string, messageId: string, payload: object): Uint8Array;
  /** Breaks the connection. */
  drop(): Promise<void>;
  /** Resolves when a connection is there. */
  connected(): Promise<void>;
  close(): Promise<void>;
}

/** The frames of Feishu's long connection (pbbp2 of its client library 1.74). */
const { Frame } = protobuf.parse(`
  syntax = "proto2";
  message Header { required string key = 1; required string value = 2; }
  message Frame {
    required uint64 SeqID = 1; required uint64 LogID = 2; required int32 service = 3; required int32 method = 4;
    repeated Header headers = 5; optional string payloadEncoding = 6; optional string payloadType = 7;
    optional bytes payload = 8; optional string LogIDNew = 9;
  }`).root.nested as unknown as { Frame: protobuf.Type };

interface ReadFrame {
  readonly method: number;
  readonly headers: readonly { readonly key: string; readonly value: string }[];
  readonly payload: Uint8Array;
}

const DATA = 1;

/** Starts it. */
export async function fakeFeishu(): Promise<FakeFeishu> {
  const answers = new Map<string, (answer: unknown) => void>();
  const paths: string[] = [];
  let newest: WebSocket | undefined;
  const server = createServer((request, response) => {
    void text(request).then(() => {
      const path = new URL(request.url ?? '/', 'http://feishu').pathname;
      paths.push(path);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answerTo(path)));
    });
  });
  const port = (): number => (server.address() as AddressInfo).port;

  function answerTo(path: string): object {
    if (path === '/callback/ws/endpoint')
      return {
        code: feishu.refusal,
        msg: 'as the test wants it',
        data: {
          URL: `ws://127.0.0.1:${port()}/?device_id=device&service_id=1`,
          // The times that Feishu itself gives, in seconds.
          ClientConfig: { PingInterval: 120, ReconnectCount: -1, ReconnectInterval: 120, ReconnectNonce: 30 },
        },
      };
    if (path.endsWith('/tenant_access_token/internal'))
      return { code: 0, tenant_access_token: 'a token', expire: 7_200 };
    return { code: 0, data: { message_id: `om_${paths.length}` } };
  }

  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    // Its first message is a ping, which says that the library listens; a frame that comes with the opening is lost (1.74).
    socket.once('message', () => (newest = socket));
    socket.on('close', () => {
      if (newest === socket) newest = undefined;
    });
    socket.on('message', (data: Buffer) => {
      const { method, headers, payload } = Frame.decode(data) as unknown as ReadFrame;
      if (method !== DATA) return;
      const id = headers.find(({ key }) => key === 'message_id')?.value ?? '';
      const { data: answer } = JSON.parse(Buffer.from(payload).toString('utf8')) as { data?: string };
      answers.get(id)?.(answer === undefined ? undefined : JSON.parse(Buffer.from(answer, 'base64').toString('utf8')));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const open = (): Promise<WebSocket> =>
    until({ what: 'the long connection', deadlineMs: 60_000, everyMs: 10 }, () => newest);
  const feishu: FakeFeishu = {
    domain: `http://127.0.0.1:${port()}`,
    paths,
    refusal: 0,
    frame(type, messageId, payload) {
      const headers = Object.entries({ type, message_id: messageId, sum: '1', seq: '0', trace_id: 't' });
      return Frame.encode({
        SeqID: 1,
        LogID: 1,
        service: 1,
        method: DATA,
        headers: headers.map(([key, value]) => ({ key, value })),
        payload: Buffer.from(JSON.stringify(payload)),
      }).finish();
    },
    async event(messageId, event) {
      const answered = new Promise<unknown>((resolve) => answers.set(messageId, resolve));
      (await open()).send(feishu.frame('event', messageId, event));
      return await answered;
    },
    async raw(bytes) {
      (await open()).send(bytes);
    },
    async drop() {
      (await open()).terminate();
      newest = undefined;
    },
    async connected() {
      await open();
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return feishu;
}

/** Feishu's words for a click on a card. */
export function feishuClick(eventId: string, person: string, value: object, at?: number): object {
  return {
    schema: '2.0',
    header: {
      event_id: eventId,
      event_type: 'card.action.trigger',
      ...(at === undefined ? {} : { create_time: `${at}000` }),
    },
    event: {
      operator: { open_id: person },
      action: { value },
      context: { open_message_id: 'om_1' },
    },
  };
}
