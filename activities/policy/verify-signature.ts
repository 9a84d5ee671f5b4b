import type { KeyObject } from 'node:crypto';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { SIGNATURE_NAMESPACE } from '../../release/decisions/canonical.ts';
import type { SshSignature } from '../../release/policy/ssh-signature.ts';
import { readPublicKey, readSshSignature, signedBytes, WireReader } from '../../release/policy/ssh-signature.ts';

/** The key that has signed a text, base64 as in a `.pub` file; or why it is not known that any has. */
export type Verified = { readonly key: string } | { readonly problem: string };

/** Verifies an SSH signature over a text. The policy says whose key it is, and whether it counts. */
export function verifySignature(text: string, armored: string): Verified {
  const signature = readSshSignature(armored);
  if (!signature) return { problem: 'the signature cannot be read: ssh-keygen -Y sign -n hotwave writes one' };
  if (signature.namespace !== SIGNATURE_NAMESPACE)
    return { problem: `the signature is for another purpose: sign with ssh-keygen -Y sign -n ${SIGNATURE_NAMESPACE}` };
  const digest = createHash(signature.hash).update(text, 'utf8').digest();
  const isGood = holds(signature, signedBytes(signature, digest));
  return isGood ? { key: signature.key } : { problem: 'the signature is of something else than this decision' };
}

function holds(signature: SshSignature, signed: Uint8Array): boolean {
  try {
    const { kind, fields } = readPublicKey(signature.key);
    return kind === signature.kind && VERIFIERS[kind]?.(signature, signed, fields) === true;
  } catch {
    // A stranger may have put this together.
    return false;
  }
}

type Verifier = (signature: SshSignature, signed: Uint8Array, fields: readonly Uint8Array[]) => boolean;

const VERIFIERS: Readonly<Record<string, Verifier>> = {
  'ssh-ed25519': ({ bytes }, signed, [point]) => verify(null, signed, ed25519Key(point), bytes),
  'ecdsa-sha2-nistp256': ({ bytes }, signed, [, point]) =>
    verify('sha256', signed, { key: p256Key(point), dsaEncoding: 'ieee-p1363' }, bothHalves(bytes)),
  'sk-ssh-ed25519@openssh.com': ({ bytes, rest }, signed, [point, application]) =>
    isTouched(rest) && verify(null, fromDevice(signed, application, rest), ed25519Key(point), bytes),
};

/** A security device signs what it is for, what the person did, and a digest (OpenSSH's PROTOCOL.u2f). */
function fromDevice(signed: Uint8Array, application: Uint8Array | undefined, rest: Uint8Array): Buffer {
  const digest = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();
  return Buffer.concat([digest(application ?? new Uint8Array()), rest.subarray(0, 5), digest(signed)]);
}

/** Somebody was there: a device that signs without a touch vouches for nobody. */
function isTouched(rest: Uint8Array): boolean {
  return rest.length === 5 && ((rest[0] ?? 0) & 1) === 1;
}

function ed25519Key(point: Uint8Array | undefined): KeyObject {
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x: base64Url(point) } });
}

function p256Key(point: Uint8Array | undefined): KeyObject {
  const [x, y] = [point?.subarray(1, 33), point?.subarray(33, 65)];
  return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: base64Url(x), y: base64Url(y) } });
}

function base64Url(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64url');
}

/** Two numbers of SSH, of any length, as two of 32 bytes. */
function bothHalves(bytes: Uint8Array): Buffer {
  const reader = new WireReader(bytes);
  return Buffer.concat([reader.bytes(), reader.bytes()].map((half) => paddedTo32(half)));
}

function paddedTo32(number: Uint8Array): Buffer {
  const significant = Buffer.from(number).subarray(Math.max(0, number.length - 32));
  return Buffer.concat([Buffer.alloc(32 - significant.length), significant]);
}
