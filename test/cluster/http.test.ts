import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { httpProbe } from '../../cluster/http.ts';

const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.splice(0)) await clean();
});

/** An engine that answers like this, and how to send it something. */
async function engineThat(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ send: (headers?: Record<string, string>) => Promise<unknown>; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const listening = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  const probe = httpProbe();
  cleanUp.push(
    () => probe.close(),
    () => {
      listening.closeAllConnections();
      return new Promise((resolve) => listening.close(resolve));
    },
  );
  const request = {
    host: '127.0.0.1',
    port,
    path: '/reload?now=1',
    method: 'POST',
    body: 'go',
    timeoutMs: 300,
  } as const;
  return { requests, send: (headers) => probe.send({ ...request, headers }) };
}

test('a request carries method, headers and body, and its answer is given whatever its status', async () => {
  const { send, requests } = await engineThat((request, response) => {
    request.resume().on('end', () => response.writeHead(418).end('short and stout'));
  });
  expect(await send({ 'x-release': 'scripts-2' })).toEqual({ kind: 'answered', status: 418, body: 'short and stout' });
  expect(requests).toMatchObject([{ method: 'POST', url: '/reload?now=1' }]);
  expect(requests[0]!.headers).toMatchObject({ 'x-release': 'scripts-2', 'content-length': '2' });
});

test('a redirect is an answer and is not followed', async () => {
  const { send, requests } = await engineThat((_request, response) =>
    response.writeHead(307, { location: '/elsewhere' }).end(),
  );
  expect(await send()).toEqual({ kind: 'answered', status: 307, body: '' });
  expect(requests).toHaveLength(1);
});

test.each<[string, (request: IncomingMessage, response: ServerResponse) => void, string]>([
  ['closes the connection', (request) => request.socket.destroy(), 'connection closed without an answer'],
  ['resets the connection', (request) => request.socket.resetAndDestroy(), 'connection reset'],
  ['says nothing', () => undefined, 'no answer within 0.3 s'],
  ['stops half-way', (_request, response) => response.writeHead(200).write('reloa'), 'no answer within 0.3 s'],
])(
  'an engine that %s may have got the request: it is sent once and its end is unknown',
  async (_how, answer, message) => {
    const { send, requests } = await engineThat(answer);
    expect(await send()).toEqual({ kind: 'unknown', message });
    expect(requests).toHaveLength(1);
  },
);
