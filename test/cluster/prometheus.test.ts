import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { prometheusMetrics } from '../../cluster/prometheus.ts';
import { selfSigned } from '../support/self-signed.ts';
import type { PrometheusMetrics } from '../../cluster/prometheus.ts';

interface Asked {
  readonly path: string;
  readonly method: string;
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
}

const cleanUp: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.splice(0)) await clean();
});

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
  return new URLSearchParams(text);
}

/** An HTTP server in the place of a Prometheus, for what a real one does not answer on demand. */
async function prometheusThat(
  answer: (response: ServerResponse) => void,
  authorization?: string,
): Promise<{ metrics: PrometheusMetrics; url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const listening = createServer((request, response) => {
    void formOf(request).then((form) => {
      const { url: path = '', method = '', headers } = request;
      asked.push({ path, method, authorization: headers.authorization, form });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/base`;
  const metrics = prometheusMetrics([{ url, authorization }]);
  cleanUp.push(
    () => metrics.close(),
    () => {
      listening.closeAllConnections();
      return new Promise((resolve) => listening.close(resolve));
    },
  );
  return { metrics, url, asked };
}

const vector = (...texts: string[]): string => {
  const result = texts.map((text) => ({ metric: { pod: 'duel-1' }, value: [1_700_000_000.5, text] }));
  return JSON.stringify({ status: 'success', data: { resultType: 'vector', result }, warnings: ['slow'] });
};

test('a query is posted as a form, with the credentials of the address and a time limit', async () => {
  const { metrics, asked } = await prometheusThat((response) => response.end(vector('1', '0.5')), 'Bearer t');
  const query = 'up{pod=~"(?:a|b)"}';
  expect(await metrics.query({ query, timeoutMs: 2_500 })).toEqual({
    kind: 'values',
    values: [1, 0.5],
    labels: [['duel-1'], ['duel-1']],
  });
  expect(asked).toMatchObject([{ path: '/base/api/v1/query', method: 'POST', authorization: 'Bearer t' }]);
  expect(Object.fromEntries(asked[0]!.form)).toEqual({ query, timeout: '2500ms' });
});

describe('what is no answer is one sentence with the address', () => {
  const error = JSON.stringify({ status: 'error', errorType: 'timeout', error: 'query timed out' });
  test.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['an error', (response) => response.writeHead(503).end(error), /refused the query \(timeout\): query timed out$/],
    [
      'a page',
      (response) => response.end('<html>'),
      /answered status 200 with something that is not a Prometheus answer$/,
    ],
    [
      'a redirect',
      (response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
      /answered status 302/,
    ],
    [
      'a login',
      (response) => response.writeHead(401).end('no'),
      /does not accept the worker's credentials \(status 401\)$/,
    ],
    [
      'too much',
      (response) => response.end(' '.repeat(1_100_000)),
      /answered more than 1024 KiB: aggregate the query$/,
    ],
    ['a broken connection', (response) => response.destroy(), /does not answer: /],
    ['silence', () => undefined, /does not answer: no answer within 0.3 s$/],
  ])('%s', async (_what, answer, message) => {
    const { metrics, url } = await prometheusThat(answer, 'Bearer hunter2');
    const outcome = await metrics.query({ query: 'up', timeoutMs: 300 });
    expect(outcome).toEqual({ kind: 'failed', message: expect.stringMatching(message) as string });
    expect(outcome.kind === 'failed' && outcome.message.startsWith(`${url} `)).toBe(true);
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
  });
});

test('a worker without addresses says so', async () => {
  const metrics = prometheusMetrics([]);
  const message = 'this worker has no Prometheus to ask: give it HOTWAVE_METRICS_URLS';
  expect(await metrics.query({ query: 'up', timeoutMs: 300 })).toEqual({ kind: 'failed', message });
  await metrics.close();
});

test('over https it is believed with its authority, and without one it is said what to give', async () => {
  const own = selfSigned();
  const listening = createHttpsServer(own, (_request, response) => response.end(vector('1')));
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const ask = async (ca?: string): Promise<unknown> => {
    const metrics = prometheusMetrics([{ url }], ca);
    cleanUp.push(() => metrics.close());
    return await metrics.query({ query: 'up', timeoutMs: 2_000 });
  };
  expect(await ask(own.cert)).toMatchObject({ kind: 'values', values: [1] });
  const sentence = `${url} does not answer: its certificate is of nobody who is trusted: give its authority as HOTWAVE_METRICS_CA`;
  expect(await ask()).toEqual({ kind: 'failed', message: sentence });
  expect(await ask(selfSigned({ name: 'other.test' }).cert)).toEqual({ kind: 'failed', message: sentence });
  listening.close();
});
