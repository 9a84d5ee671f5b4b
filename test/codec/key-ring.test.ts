import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKeyRing } from '../../codec/key-ring.ts';
import { keyRing, KEYS } from '../support/keys.ts';

let folder: string;
let path: string;
let time = 0;
const now = (): number => time;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwave-keys-'));
  path = join(folder, 'keys.yaml');
  time = 1_000_000;
});
afterEach(() => rm(folder, { recursive: true }));

/** Kubernetes replaces the file of a secret as a whole. */
async function replace(text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await utimes(`${path}.new`, new Date(time), new Date(time));
  await rename(`${path}.new`, path);
}

describe('a file with keys', () => {
  test('says which key encrypts, and has the others to decrypt', async () => {
    await replace(keyRing('new', 'old', 'new'));
    const { current, keys } = await (await openKeyRing(path, now)).ring();
    expect(current).toBe('new');
    expect([...keys]).toEqual([
      ['old', Buffer.from(KEYS.old, 'base64')],
      ['new', Buffer.from(KEYS.new, 'base64')],
    ]);
  });

  test('is read anew within five seconds', async () => {
    await replace(keyRing('old', 'old'));
    const source = await openKeyRing(path, now);
    await replace(keyRing('new', 'old', 'new'));
    expect((await source.ring()).current).toBe('old');
    time += 5_000;
    expect((await source.ring()).current).toBe('new');
  });

  test('is read anew at once for a key that it did not have', async () => {
    await replace(keyRing('old', 'old'));
    const source = await openKeyRing(path, now);
    expect(await source.key('new')).toBeUndefined();
    await replace(keyRing('old', 'old', 'new'));
    expect(await source.key('new')).toEqual(Buffer.from(KEYS.new, 'base64'));
  });

  test.for([
    ['broken', 'current: ['],
    ['without its current key', keyRing('other', 'old')],
  ] as const)('that is %s for a while changes nothing', async ([, text]) => {
    await replace(keyRing('old', 'old'));
    const source = await openKeyRing(path, now);
    await replace(text);
    time += 5_000;
    expect((await source.ring()).current).toBe('old');
    expect(await source.key('new')).toBeUndefined();
    await rm(path);
    time += 5_000;
    expect((await source.ring()).current).toBe('old');
  });

  test.for([
    ['that is not there', undefined, /^HOTWAVE_ENCRYPTION_KEYS_FILE \S+keys\.yaml: there is no such file$/],
    [
      'with a short key',
      keyRing('a').replace('keys: {}', 'keys: { a: c2hvcnQ= }'),
      /keys\.a: expected 32 bytes as base64/,
    ],
    [
      'with a key in hex',
      keyRing('a').replace('keys: {}', `keys: { a: "${'ab'.repeat(32)}" }`),
      /keys\.a: expected 32 bytes/,
    ],
    ['without keys', keyRing('a'), /current: expected the name of one of the keys/],
    [
      'with a name that no header can carry',
      keyRing('a').replace('keys: {}', `keys: { "ü": "${KEYS.old}" }`),
      /letters, digits/,
    ],
    ['of another kind', keyRing('old', 'old').replace('KeyRing', 'Policy'), /kind/],
    ['with a field too many', `${keyRing('old', 'old')}\nmore: 1`, /more/],
  ] as const)('%s is refused in one sentence that repeats no key', async ([, text, sentence]) => {
    if (text !== undefined) await replace(text);
    const error: unknown = await openKeyRing(path, now).catch((reason: unknown) => reason);
    expect(String(error)).toMatch(new RegExp(sentence.source.replace('^', '^SettingTrouble: ')));
    expect(String(error)).not.toContain(KEYS.old.slice(0, 8));
  });
});
