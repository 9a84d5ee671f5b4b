import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { httpProbe } from '../../cluster/http.ts';
import type { TlsChoice } from '../../activities/ports/probes.ts';
import { selfSigned } from '../support/self-signed.ts';

const cleanUp: (() => unknown)[] = [];

afterEach(async () => {
  for (const clean of cleanUp.splice(0)) await clean();
});

/** An engine that answers with the name that it was asked by, and how to ask it. */
async function engine(options: ServerOptions): Promise<(tls?: TlsChoice) => Promise<unknown>> {
  return await asked(createServer(options, (request, response) => response.end(`v2 ${request.method ?? ''}`)));
}

async function asked(server: Server): Promise<(tls?: TlsChoice) => Promise<unknown>> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const probe = httpProbe();
  cleanUp.push(
    () => probe.close(),
    () => server.close(),
  );
  return (tls) => probe.get({ host: '127.0.0.1', port, path: '/version', tls, timeoutMs: 2_000 });
}

const RIGHT = { kind: 'answered', status: 200, body: 'v2 GET' };
const wrong = (message: string): unknown => ({ kind: 'failed', message });

describe('an engine that is asked over https', () => {
  test('is believed with the authority of the release file', async () => {
    const own = selfSigned();
    const ask = await engine(own);
    expect(await ask({ ca: own.cert })).toEqual(RIGHT);
    expect(await ask({ ca: `${selfSigned({ name: 'other.test' }).cert}${own.cert}` })).toEqual(RIGHT);
    expect(await ask({ ca: own.cert, serverName: 'hotwave.test' })).toEqual(RIGHT);
  });

  test('is believed without one only when that is said', async () => {
    const ask = await engine(selfSigned());
    expect(await ask({})).toEqual(wrong('its certificate is of nobody who is trusted: give its authority as https.ca'));
    expect(await ask({ ca: selfSigned().cert })).toMatchObject({ kind: 'failed' });
    expect(await ask({ verify: 'none' })).toEqual(RIGHT);
  });

  test('has to be the one that the certificate is for: the address of the pod, or the name that is given', async () => {
    const named = selfSigned({ address: '10.0.0.1', name: 'duel-0.arena.svc' });
    const ask = await engine(named);
    const sentence = 'its certificate is for another name: say by https.serverName for which';
    expect(await ask({ ca: named.cert })).toEqual(wrong(sentence));
    expect(await ask({ ca: named.cert, serverName: 'duel-1.arena.svc' })).toEqual(wrong(sentence));
    expect(await ask({ ca: named.cert, serverName: 'duel-0.arena.svc' })).toEqual(RIGHT);
  });

  test('is not believed with a certificate that has ended, or with an authority that is none', async () => {
    const ended = selfSigned({ days: -1 });
    expect(await (await engine(ended))({ ca: ended.cert })).toEqual(wrong('its certificate has ended'));
    const ca = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    const sentence = 'its certificate is of nobody who is trusted: give its authority as https.ca';
    expect(await (await engine(selfSigned()))({ ca })).toEqual(wrong(sentence));
  });

  test('that refuses the handshake is said to', async () => {
    const own = selfSigned();
    // A cipher for RSA keys, and the key is none.
    const ask = await engine({ ...own, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' });
    const sentence = 'it refuses the TLS connection: if it wants a certificate of whoever asks, hotwave has none';
    expect(await ask({ ca: own.cert })).toEqual(wrong(sentence));
  });

  test('and speaks http is said not to speak TLS, and the other way round there is no answer', async () => {
    const plain = await asked(createHttpServer((_, response) => response.end('v2')));
    expect(await plain({ verify: 'none' })).toEqual(wrong('it does not speak TLS at this port'));
    const secure = await engine(selfSigned());
    expect(await secure()).toEqual(wrong('connection closed without an answer'));
  });

  test('and ends the connection at what it does not understand is said to, and was told nothing', async () => {
    const server = createHttpServer((_, response) => response.end('v2'));
    server.on('clientError', (_error, socket) => socket.destroy());
    const ask = await asked(server);
    const sentence = 'it ended the connection before TLS was agreed: does it speak TLS at this port?';
    expect(await ask({})).toEqual(wrong(sentence));
    const { port } = server.address() as AddressInfo;
    const probe = httpProbe();
    cleanUp.push(() => probe.close());
    const reload = { host: '127.0.0.1', port, path: '/reload', method: 'POST', tls: {}, timeoutMs: 2_000 } as const;
    expect(await probe.send(reload)).toEqual(wrong(sentence));
  });
});
