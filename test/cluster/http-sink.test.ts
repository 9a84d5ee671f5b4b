import type { ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { httpNoticeSender } from '../../cluster/http-sink.ts';
import { cardOf } from '../../release/notices/card.ts';
import type { Notice } from '../../release/notices/notice.ts';
import { NOW, aReleaseState } from '../client/support.ts';
import { secretFile, startSink } from '../support/http-sinks.ts';
import type { TestSink } from '../support/http-sinks.ts';

const facts = { workflowId: 'w', runId: 'r', temporalNamespace: 'default' };
const notice: Notice = {
  v: 1,
  id: 'r.1',
  sequence: 1,
  kind: 'started',
  at: NOW,
  text: 'it has started',
  release: cardOf(aReleaseState(), facts),
};

const sinks: TestSink[] = [];
async function sinkThat(answer: TestSink['answer']): Promise<TestSink> {
  const sink = await startSink('chat');
  sink.answer = answer;
  sinks.push(sink);
  return sink;
}

afterEach(() => Promise.all(sinks.splice(0).map((sink) => sink.close())));

test('a sink that hangs is given up after the deadline, and only its origin is told', async () => {
  const sink = await sinkThat(() => undefined);
  const url = `${sink.url}/hook/TOPSECRET?token=TOPSECRET`;
  const outcome = await httpNoticeSender(200).send({ url, secretFile: secretFile() }, notice, undefined);
  const { origin } = new URL(sink.url);
  expect(outcome).toEqual({
    kind: 'trouble',
    trouble: `${origin} gives no answer within 0.2 s`,
    retryAfterMs: undefined,
  });
});

test('an answer without end is read no further than 4 KiB', async () => {
  const sink = await sinkThat((response) => {
    response.writeHead(200);
    const more = (): void => {
      while (response.write('x'.repeat(1_024)));
    };
    response.on('drain', more);
    more();
  });
  const outcome = await httpNoticeSender().send({ url: sink.url, secretFile: secretFile() }, notice, undefined);
  expect(outcome).toEqual({ kind: 'delivered' });
});

test.for([
  ['busy', 429, '7', 7_000],
  ['away', 503, '7', 7_000],
  ['broken', 500, '7', undefined],
] as const)('a sink that is %s (%s) is given the time that it may ask for', async ([, code, header, expected]) => {
  const sink = await sinkThat((response) => void response.writeHead(code, { 'retry-after': header }).end());
  const outcome = await httpNoticeSender().send({ url: sink.url, secretFile: secretFile() }, notice, undefined);
  expect(outcome).toMatchObject({ kind: 'trouble', retryAfterMs: expected });
});

test('a receipt that cannot travel in a header is none', async () => {
  const sink = await sinkThat((response) => void response.end(JSON.stringify({ receipt: 'a\r\nx-evil: 1' })));
  const outcome = await httpNoticeSender().send({ url: sink.url, secretFile: secretFile() }, notice, undefined);
  expect(outcome).toEqual({ kind: 'delivered' });
});

test('a secret that is none is said without saying it, and nothing is sent', async () => {
  const sink = await sinkThat((response) => void response.end());
  const file = secretFile('whsec_!!hunter2');
  const outcome = await httpNoticeSender().send({ url: sink.url, secretFile: file }, notice, undefined);
  expect(outcome).toEqual({
    kind: 'trouble',
    trouble: `the secret file ${file} does not hold a secret such as whsec_ and base64`,
  });
  expect(sink.received).toEqual([]);
});

test.for([
  [
    'breaks off',
    (response: ServerResponse) =>
      response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy()),
  ],
  ['has no end', (response: ServerResponse) => response.writeHead(200).write('{')],
] as const)('a notice is taken by an answer of 200 that %s', async ([, answer]) => {
  const sink = await sinkThat((response) => void answer(response));
  const outcome = await httpNoticeSender(300).send({ url: sink.url, secretFile: secretFile() }, notice, undefined);
  expect(outcome).toEqual({ kind: 'delivered' });
});
