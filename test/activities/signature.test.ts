import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifySignature } from '../../activities/policy/verify-signature.ts';
import { readSigningKey, signDecision, signText } from '../../client/decisions/ssh-signature.ts';
import { canonicalDecision } from '../../release/decisions/canonical.ts';
import { decisionSchema } from '../../release/decisions/message.ts';
import { opensshVerifies, personalKey } from '../support/ssh-key.ts';

const ann = personalKey();
const TEXT = '{"actor":"ann","verb":"approve"}';
const keyOf = (text: string): string => text.split(' ')[1] ?? '';

describe('a signature that OpenSSH makes', () => {
  test.each(['ed25519', 'ecdsa'] as const)('with a key of kind %s verifies, and names the key', (kind) => {
    const key = personalKey(kind);
    expect(verifySignature(TEXT, key.sign(TEXT))).toEqual({ key: keyOf(key.public) });
  });

  test('verifies fifty times with an ECDSA key, whose numbers have leading zeros now and then', () => {
    const key = personalKey('ecdsa');
    for (let each = 0; each < 50; each += 1)
      expect(verifySignature(`${TEXT}${each}`, key.sign(`${TEXT}${each}`))).toEqual({ key: keyOf(key.public) });
  });

  test('does not verify for another text', () => {
    expect(verifySignature(`${TEXT} `, ann.sign(TEXT))).toEqual({
      problem: 'the signature is of something else than this decision',
    });
  });

  test('does not count when it was made for another purpose', () => {
    expect(verifySignature(TEXT, ann.sign(TEXT, 'git'))).toEqual({
      problem: 'the signature is for another purpose: sign with ssh-keygen -Y sign -n hotwave',
    });
  });

  test('does not count with an RSA key, which the policy cannot name', () => {
    const key = personalKey('rsa');
    expect(verifySignature(TEXT, key.sign(TEXT))).toHaveProperty('problem');
  });
});

describe('what is no signature', () => {
  const good = ann.sign(TEXT);
  const body = (text: string): string => `-----BEGIN SSH SIGNATURE-----\n${text}\n-----END SSH SIGNATURE-----\n`;
  const blob = Buffer.from(good.split('\n').slice(1, -2).join(''), 'base64');
  test.each([
    ['nothing', ''],
    ['some text', 'signed, ann'],
    ['an empty body', body('')],
    ['one that is cut off', body(blob.subarray(0, 40).toString('base64'))],
    [
      'a length that is beyond the end',
      body(Buffer.concat([blob.subarray(0, 10), Buffer.alloc(8, 255)]).toString('base64')),
    ],
    ['another magic', body(Buffer.from(`SSHSIX${blob.subarray(6).toString('latin1')}`, 'latin1').toString('base64'))],
  ])('%s is refused in one sentence', (_what, signature) => {
    expect(verifySignature(TEXT, signature)).toEqual({
      problem: 'the signature cannot be read: ssh-keygen -Y sign -n hotwave writes one',
    });
  });

  test('a signature with another key put in is not of that key', () => {
    const bob = personalKey();
    const swapped = blob
      .toString('latin1')
      .replace(
        Buffer.from(keyOf(ann.public), 'base64').toString('latin1'),
        Buffer.from(keyOf(bob.public), 'base64').toString('latin1'),
      );
    expect(verifySignature(TEXT, body(Buffer.from(swapped, 'latin1').toString('base64')))).toEqual({
      problem: 'the signature is of something else than this decision',
    });
  });

  test('no bit of a signature can be changed', () => {
    for (let bit = 0; bit < blob.length * 8; bit += 7) {
      const changed = Buffer.from(blob);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const verified = verifySignature(TEXT, body(changed.toString('base64')));
      expect('key' in verified, `bit ${bit}`).toBe(false);
    }
  });
});

describe('the key of a program', () => {
  const decision = decisionSchema.parse({ id: '1', verb: 'approve', release: 'fix', wave: 2, actor: 'slack:T1/U2' });

  test('signs so that OpenSSH and the worker verify it', () => {
    const key = readSigningKey(ann.private);
    const { signature = '', ...signed } = signDecision(decision, key, 1_000);
    expect(signed).toMatchObject({ signedAt: 1_000 });
    expect(opensshVerifies(canonicalDecision(signed), signature, key.public)).toBe(true);
    expect(verifySignature(canonicalDecision(signed), signature)).toEqual({ key: keyOf(ann.public) });
  });

  test('may be of openssl as well', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = readSigningKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    expect(opensshVerifies(TEXT, signText(TEXT, key), key.public)).toBe(true);
  });

  test.each([
    ['a key with a passphrase', () => 'no key at all'],
    ['an RSA key', () => personalKey('rsa').private],
    ['an ECDSA key', () => personalKey('ecdsa').private],
    ['a public key', () => ann.public],
  ])('%s is refused without a word of it', (_what, text) => {
    expect(() => readSigningKey(text())).toThrow(
      'the key cannot be read: expected an Ed25519 private key without a passphrase, as ssh-keygen -t ed25519 -N "" writes it',
    );
  });
});

test('what is signed is the JSON of the decision with its keys in order, without its signature', () => {
  expect(canonicalDecision({ verb: 'approve', id: '1', release: 'fix', wave: 2, actor: 'jörg', signature: 'x' })).toBe(
    '{"actor":"jörg","id":"1","release":"fix","verb":"approve","wave":2}',
  );
});
