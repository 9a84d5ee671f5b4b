import fc from 'fast-check';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { encryptionCodec } from '../../codec/payload-codec.ts';
import { keysOfTest } from '../support/keys.ts';

const payloadOf = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const valueOf = (payload: Payload | undefined): unknown => defaultPayloadConverter.fromPayload(payload!);
const textOf = ({ metadata, data }: Payload): string =>
  Buffer.concat([data ?? Buffer.of(), ...Object.values(metadata ?? {})]).toString('latin1');

describe('payloads', () => {
  test('come back as they were, whatever they are, and nothing of them is to be read meanwhile', async () => {
    const codec = encryptionCodec(keysOfTest('new'));
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const [secret] = await codec.encode([payloadOf({ server: 'duel-3', value })]);
        expect(textOf(secret!)).not.toContain('duel-3');
        expect(valueOf((await codec.decode([secret!]))[0])).toEqual(
          JSON.parse(JSON.stringify({ server: 'duel-3', value })),
        );
      }),
      { numRuns: 200 },
    );
  });

  test('are never twice the same', async () => {
    const codec = encryptionCodec(keysOfTest('new'));
    const [one, other] = await codec.encode([payloadOf('duel-3'), payloadOf('duel-3')]);
    expect(textOf(one!)).not.toBe(textOf(other!));
  });

  test('of an older key are read, and new ones have the new key', async () => {
    const before = await encryptionCodec(keysOfTest('old')).encode([payloadOf('before')]);
    const rotated = encryptionCodec(keysOfTest('new', 'old'));
    expect((await rotated.decode(before)).map(valueOf)).toEqual(['before']);
    const [after] = await rotated.encode([payloadOf('after')]);
    expect(Buffer.from(after!.metadata!['encryption-key-id']!).toString()).toBe('new');
  });

  test('that were never encrypted are read as they are', async () => {
    expect((await encryptionCodec(keysOfTest('new')).decode([payloadOf('plain')])).map(valueOf)).toEqual(['plain']);
    expect((await encryptionCodec(undefined).decode([payloadOf('plain')])).map(valueOf)).toEqual(['plain']);
  });

  test('of a key that is not there are refused by its name', async () => {
    const secret = await encryptionCodec(keysOfTest('old')).encode([payloadOf('duel-3')]);
    await expect(encryptionCodec(keysOfTest('new')).decode(secret)).rejects.toThrow('the key old is not in the file');
    await expect(encryptionCodec(undefined).decode(secret)).rejects.toThrow(
      'encrypted with the key old: set HOTWAVE_ENCRYPTION_KEYS_FILE',
    );
  });

  test('that were changed are refused, at every byte', async () => {
    const codec = encryptionCodec(keysOfTest('new'));
    const [secret] = await codec.encode([payloadOf('duel-3')]);
    const data = Buffer.from(secret!.data!);
    for (let place = 0; place < data.length; place++) {
      const changed = Buffer.from(data);
      changed[place]! ^= 1;
      await expect(codec.decode([{ ...secret!, data: changed }])).rejects.toThrow('does not fit the key new');
    }
    await expect(codec.decode([{ ...secret!, data: data.subarray(0, 20) }])).rejects.toThrow('too short');
  });
});
