import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { until } from '../lab/until.ts';

/** The app that the DingTalk of tests knows. */
export const DINGTALK_APP = { clientId: 'ding-client', clientSecret: 'a secret of dingtalk' };

/** The requests of an app to the DingTalk that stands in. */
export interface DingtalkCall {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The access token that came with it. */
  readonly token?: string | undefined;
}

/** An app's answer to a message. */
export interface DingtalkAnswer {
  readonly code: number;
  readonly headers: { readonly messageId: string };
  /** JSON of `{response}`. */
  readonly data: string;
}

/** A DingTalk on this machine, for its own client library: tokens, cards, messages, and the stream. */
export interface FakeDingtalk {
  readonly apiUrl: string;
  readonly calls: readonly DingtalkCall[];
  /** Tokens last so long, in seconds. */
  expireIn: number;
  /** The path that has another status than 200 from now on, and the answer. */
  readonly refusals: Map<string, { readonly status: number; readonly body: object }>;
  /** Every token so far is worth nothing any more. */
  revoke(): void;
  /** Sends a frame as it is; nothing is awaited. */
  raw(frame: string): Promise<void>;
  /** Sends a message of the card topic; resolves with what the app answers. */
  press(messageId: string, data: object, at: number): Promise<DingtalkAnswer>;
  /** Breaks the connection and resolves when there is a new one. */
  reconnected(): Promise<void>;
  close(): Promise<void>;
}

/** Starts it. */
export async function fakeDingtalk(): Promise<FakeDingtalk> {
  const calls: DingtalkCall[] = [];
  const refusals: FakeDingtalk['refusals'] = new Map();
  const answers = new Map<string, (answer: DingtalkAnswer) => void>();
  let newest: WebSocket | undefined;
  let tokens = 0;
  let revoked = 0;
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const path = request.url ?? '';
      const token = request.headers['x-acs-dingtalk-access-token'];
      calls.push({ path, body: JSON.parse(body) as DingtalkCall['body'], token: token?.toString() });
      const { status, body: said } = refusals.get(path) ?? answerTo(path, token?.toString());
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
    });
  });
  const port = (): number => (server.address() as AddressInfo).port;

  function answerTo(path: string, token: string | undefined): { status: number; body: object } {
    if (path === '/v1.0/oauth2/accessToken') {
      tokens += 1;
      return { status: 200, body: { accessToken: `token-${tokens}`, expireIn: fake.expireIn } };
    }
    if (path === '/v1.0/gateway/connections/open')
      return { status: 200, body: { endpoint: `ws://127.0.0.1:${port()}/connect`, ticket: 'a ticket' } };
    const number = Number(/^token-(\d+)$/.exec(token ?? '')?.[1] ?? 0);
    if (number <= revoked || number > tokens) return { status: 400, body: { code: 'InvalidAuthentication' } };
    return { status: 200, body: { success: true, result: { deliverResults: [{ success: true }] } } };
  }

  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => {
    socket.on('message', (data: Buffer) => {
      const answer = JSON.parse(data.toString('utf8')) as DingtalkAnswer;
      answers.get(answer.headers.messageId)?.(answer);
    });
    socket.send(JSON.stringify({ type: 'SYSTEM', headers: { topic: 'CONNECTED' }, data: '{}' }));
    newest = socket;
    socket.on('close', () => {
      if (newest === socket) newest = undefined;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const open = (): Promise<WebSocket> => until({ what: 'the stream', deadlineMs: 60_000, everyMs: 10 }, () => newest);
  const fake: FakeDingtalk = {
    apiUrl: `http://127.0.0.1:${port()}`,
    calls,
    expireIn: 7_200,
    refusals,
    revoke: () => void (revoked = tokens),
    async raw(frame) {
      (await open()).send(frame);
    },
    async press(messageId, data, at) {
      const answered = new Promise<DingtalkAnswer>((resolve) => answers.set(messageId, resolve));
      const headers = { messageId, time: String(at), topic: '/v1.0/card/instances/callback' };
      const frame = { specVersion: '1.0', type: 'CALLBACK', headers, data: JSON.stringify(data) };
      await fake.raw(JSON.stringify(frame));
      return await answered;
    },
    async reconnected() {
      (await open()).terminate();
      newest = undefined;
      await open();
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return fake;
}

/** DingTalk's words for a click on a card. */
export function dingtalkClick(press: object, more: object = {}, who: object = {}): object {
  return {
    type: 'actionCallback',
    corpId: 'dinge8a565',
    userId: 'bob',
    userIdType: 1,
    outTrackId: 'hotwave-1',
    content: JSON.stringify({
      cardPrivateData: { actionIds: ['1'], params: { press: JSON.stringify(press), ...more } },
    }),
    ...who,
  };
}

/** The sentence that only the person who clicked sees. */
export function sentenceIn({ data }: DingtalkAnswer): string | undefined {
  const { response } = JSON.parse(data) as {
    response: { userPrivateData?: { cardParamMap: { answer: string } } };
  };
  return response.userPrivateData?.cardParamMap.answer;
}
