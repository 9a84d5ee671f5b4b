import type { KeyObject } from 'node:crypto';
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { canonicalDecision, SIGNATURE_NAMESPACE } from '../../release/decisions/canonical.ts';
import { armoredSignature, publicKeyOf, signedBytes, WireReader } from '../../release/policy/ssh-signature.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';

/** A key of a program, such as a gateway or CI, that signs without a person. */
export interface SigningKey {
  readonly private: KeyObject;
  /** As it stands in the policy, `ssh-ed25519 AAAA…`. */
  readonly public: string;
}

const KIND = 'ssh-ed25519';
const OPENSSH = /^-----BEGIN OPENSSH PRIVATE KEY-----\n(?<body>[A-Za-z0-9+/=\n]+)-----END OPENSSH PRIVATE KEY-----\s*$/;
/** The bytes before a raw key of 32 bytes in PKCS #8 (RFC 8410). */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Reads the key of a program: an Ed25519 key without a passphrase, as ssh-keygen -t ed25519 or openssl genpkey writes it.
 * @throws Error with one sentence that holds nothing of the key
 */
export function readSigningKey(text: string): SigningKey {
  const clean = text.replaceAll('\r', '').trim();
  const body = OPENSSH.exec(`${clean}\n`)?.groups?.['body'];
  let key: KeyObject;
  try {
    key = body === undefined ? createPrivateKey(clean) : opensshKey(Buffer.from(body, 'base64'));
  } catch {
    throw new Error(A_KEY);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(A_KEY);
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return { private: key, public: `${KIND} ${publicKeyOf(KIND, [Buffer.from(x ?? '', 'base64url')])}` };
}

const A_KEY =
  'the key cannot be read: expected an Ed25519 private key without a passphrase, as ssh-keygen -t ed25519 -N "" writes it';

/** OpenSSH's own file (PROTOCOL.key), without a passphrase. */
function opensshKey(blob: Buffer): KeyObject {
  const reader = new WireReader(blob.subarray('openssh-key-v1\0'.length));
  const cipher = Buffer.from(reader.bytes()).toString();
  if (cipher !== 'none') throw new Error('it has a passphrase');
  reader.bytes();
  reader.bytes();
  reader.number();
  reader.bytes();
  const secret = new WireReader(reader.bytes());
  secret.raw(8);
  if (Buffer.from(secret.bytes()).toString() !== KIND) throw new Error('it is of another kind');
  secret.bytes();
  const seed = secret.bytes().subarray(0, 32);
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
}

/** The decision, signed by a program at a time (milliseconds since the epoch). */
export function signDecision(decision: DecisionMessage, key: SigningKey, now = Date.now()): DecisionMessage {
  const { signature: _before, ...signed } = { ...decision, signedAt: now };
  return { ...signed, signature: signText(canonicalDecision(signed), key) };
}

/** The SSH signature of a program over a text. */
export function signText(text: string, { private: secret, public: known }: SigningKey): string {
  const form = { namespace: SIGNATURE_NAMESPACE, hash: 'sha512' } as const;
  const digest = createHash(form.hash).update(text, 'utf8').digest();
  const bytes = sign(null, signedBytes(form, digest), secret);
  return armoredSignature({ ...form, key: known.split(' ')[1] ?? '', kind: KIND, bytes });
}
