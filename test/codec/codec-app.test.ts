import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { codecApp } from '../../codec/codec-app.ts';
import type { CodecAccess } from '../../codec/codec-app.ts';
import { encryptionCodec } from '../../codec/payload-codec.ts';
import { keysOfTest } from '../support/keys.ts';

const codec = encryptionCodec(keysOfTest('new', 'old'));
const UI = 'http://127.0.0.1:8233';
const open: CodecAccess = { tokens: [], origins: [UI] };

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const jsonOf = ({ metadata, data }: Payload): object => ({
  metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)])),
  data: base64(data ?? Buffer.of()),
});

async function ask(
  path: string,
  body: unknown,
  access: CodecAccess = open,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly answer: { payloads?: { data: string }[]; message?: string } }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await codecApp(codec, access).request(path, { method: 'POST', body: text, headers });
  return { status: response.status, answer: (await response.json()) as object };
}

describe('a codec server', () => {
  test.for(['/decode', '/games/decode'])('decrypts at %s what a worker has encrypted', async (path) => {
    const secret = await codec.encode([defaultPayloadConverter.toPayload({ server: 'duel-3' })]);
    const { status, answer } = await ask(path, { payloads: secret.map(jsonOf) });
    expect(status).toBe(200);
    expect(Buffer.from(answer.payloads![0]!.data, 'base64').toString()).toBe('{"server":"duel-3"}');
  });

  test('encrypts what the temporal command sends', async () => {
    const plain = jsonOf(defaultPayloadConverter.toPayload('duel-3'));
    const { answer } = await ask('/encode', { payloads: [plain] });
    expect(Buffer.from(answer.payloads![0]!.data, 'base64').toString('latin1')).not.toContain('duel-3');
    expect((await ask('/decode', answer)).answer.payloads).toEqual([plain]);
  });

  test.for([
    ['nothing', ''],
    ['no JSON', '{'],
    ['no payloads', { payloads: 1 }],
    ['a payload that is none', { payloads: ['x'] }],
    ['metadata that is no text', { payloads: [{ metadata: { encoding: 1 } }] }],
  ] as const)('refuses %s with a sentence', async ([, body]) => {
    expect(await ask('/decode', body)).toMatchObject({
      status: 400,
      answer: { message: expect.stringMatching(/^expected/) as string },
    });
  });

  test('refuses a payload of a key that it does not have, by the name of the key', async () => {
    const secret = await encryptionCodec(keysOfTest('new')).encode([defaultPayloadConverter.toPayload(1)]);
    const payloads = secret.map(jsonOf).map((one) => ({
      ...one,
      metadata: { ...(one as { metadata: object }).metadata, 'encryption-key-id': base64(Buffer.from('lost')) },
    }));
    expect(await ask('/decode', { payloads })).toMatchObject({
      status: 400,
      answer: { message: expect.stringMatching(/the key lost/) as string },
    });
  });

  test('lets in who has a token, and nobody else', async () => {
    const access = { tokens: ['abc', 'def'], origins: [] };
    const asking = (header?: string): Promise<number> =>
      ask('/decode', { payloads: [] }, access, header === undefined ? {} : { authorization: header }).then(
        ({ status }) => status,
      );
    expect(await asking('Bearer def')).toBe(200);
    for (const wrong of [undefined, '', 'Bearer', 'Bearer ab', 'Bearer abcd', 'abc', 'Basic abc'])
      expect(await asking(wrong)).toBe(401);
  });

  test('tells a browser that the Temporal UI may ask, and no other page', async () => {
    const preflight = async (origin: string): Promise<string | null> => {
      const response = await codecApp(codec, { tokens: ['abc'], origins: [UI] }).request('/decode', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-namespace' },
      });
      return response.headers.get('access-control-allow-origin');
    };
    expect(await preflight(UI)).toBe(UI);
    expect(await preflight('https://evil.example')).toBeNull();
  });
});
