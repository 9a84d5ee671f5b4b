import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { METADATA_ENCODING_KEY, ValueError } from '@temporalio/common';
import { decode, encode } from '@temporalio/common/lib/encoding.js';
import protocol from '@temporalio/proto';
import type { KeyRingSource } from './key-ring.ts';

/** How an encrypted payload says what it is, as Temporal's samples for Go, Python and TypeScript do: they read each other's. */
const ENCODING = 'binary/encrypted';
const { Payload: payloadMessage } = protocol.temporal.api.common.v1;
const KEY_ID = 'encryption-key-id';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts what hotwave gives Temporal, and decrypts what it gets back. A payload that is not encrypted is read as it is: releases
 * that run when encryption is turned on go on, and a person may still signal from the Temporal UI.
 * @param keys undefined where no keys are set up: nothing is encrypted then, and what is encrypted is refused by name
 */
export function encryptionCodec(keys: KeyRingSource | undefined): PayloadCodec {
  return {
    async encode(payloads) {
      if (!keys) return payloads;
      const { current, keys: known } = await keys.ring();
      const key = known.get(current);
      if (!key) throw new ValueError(`the key ${current} is not in the key ring`);
      return payloads.map((payload) => encrypted(payload, current, key));
    },
    decode: (payloads) => Promise.all(payloads.map((payload) => clear(payload, keys))),
  };
}

function encrypted(payload: Payload, name: string, key: Buffer): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  const text = payloadMessage.encode(payload).finish();
  return {
    metadata: {
      [METADATA_ENCODING_KEY]: encode(ENCODING),
      [KEY_ID]: encode(name),
    },
    data: Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]),
  };
}

async function clear(payload: Payload, keys: KeyRingSource | undefined): Promise<Payload> {
  const { metadata, data } = payload;
  const encoding = metadata?.[METADATA_ENCODING_KEY];
  if (!encoding || decode(encoding) !== ENCODING) return payload;
  const name = decode(metadata[KEY_ID] ?? new Uint8Array());
  if (!keys)
    throw new ValueError(`Temporal holds this encrypted with the key ${name}: set HOTWAVE_ENCRYPTION_KEYS_FILE`);
  const key = await keys.key(name);
  if (!key) throw new ValueError(`the key ${name} is not in the file that HOTWAVE_ENCRYPTION_KEYS_FILE names`);
  if (!data || data.length < NONCE_BYTES + TAG_BYTES) throw new ValueError('an encrypted payload is too short');
  const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
  try {
    const text = Buffer.concat([
      decipher.update(data.subarray(NONCE_BYTES, data.length - TAG_BYTES)),
      decipher.final(),
    ]);
    return payloadMessage.decode(text);
  } catch {
    throw new ValueError(`a payload does not fit the key ${name}: it was changed, or another key had this name`);
  }
}
