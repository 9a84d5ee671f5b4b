import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { readDocument, formatDiagnostic } from '../release/spec/diagnose.ts';
import { fileTrouble } from '../release/spec/file-trouble.ts';
import { SettingTrouble } from '../release/settings/environment.ts';

/** The keys that payloads are encrypted with, by name. It holds secrets: never shown. */
export interface KeyRing {
  /** The name of the key that encrypts; the others only decrypt. */
  readonly current: string;
  readonly keys: ReadonlyMap<string, Buffer>;
}

/** Where the keys are, and what they are at this moment. */
export interface KeyRingSource {
  /** The ring as its file says it. While the file cannot be used, what it said last counts. */
  ring(): Promise<KeyRing>;
  /** A key by its name, which the file may just have got; undefined when it has none of that name. */
  key(name: string): Promise<Buffer | undefined>;
}

/** Bytes of a key of AES-256. */
const KEY_BYTES = 32;
/** Milliseconds between two looks whether the file has changed: a key that is added counts within that time. */
const LOOK_MS = 5_000;

const keyName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected letters, digits and ._- such as 2026-11');

const keyBytes = z
  .string({ error: 'expected 32 bytes as base64, as openssl rand -base64 32 prints them' })
  .transform((text, context) => {
    const bytes = Buffer.from(text.trim(), 'base64');
    if (bytes.length === KEY_BYTES && bytes.toString('base64') === text.trim()) return bytes;
    context.addIssue({
      code: 'custom',
      message: 'expected 32 bytes as base64, as openssl rand -base64 32 prints them',
    });
    return z.NEVER;
  });

const keyRingSchema = z
  .strictObject({
    apiVersion: z.literal('hotwave.dev/v1'),
    kind: z.literal('KeyRing'),
    current: keyName,
    keys: z.record(keyName, keyBytes),
  })
  .refine(({ current, keys }) => Object.hasOwn(keys, current), {
    path: ['current'],
    message: 'expected the name of one of the keys',
  })
  .transform(({ current, keys }): KeyRing => ({ current, keys: new Map(Object.entries(keys)) }));

/**
 * Opens a file with keys. It is looked at again every five seconds, and when a key is asked for that it did not have.
 * @throws SettingTrouble when it cannot be used; the sentence repeats no key
 */
export async function openKeyRing(path: string, now: () => number): Promise<KeyRingSource> {
  const file = new KeyRingFile(path, now);
  await file.read();
  return file;
}

class KeyRingFile implements KeyRingSource {
  readonly #path: string;
  readonly #now: () => number;
  #ring: KeyRing | undefined;
  #version = '';
  #lookedAt = 0;

  constructor(path: string, now: () => number) {
    this.#path = path;
    this.#now = now;
  }

  async ring(): Promise<KeyRing> {
    if (this.#ring && this.#now() - this.#lookedAt < LOOK_MS) return this.#ring;
    return await this.read().catch((error: unknown) => {
      if (this.#ring) return this.#ring;
      throw error;
    });
  }

  async key(name: string): Promise<Buffer | undefined> {
    const known = (await this.ring()).keys.get(name);
    return known ?? (await this.read().catch(() => this.#ring))?.keys.get(name);
  }

  async read(): Promise<KeyRing> {
    this.#lookedAt = this.#now();
    const { text, version } = await this.#text();
    if (this.#ring && version === this.#version) return this.#ring;
    const reading = readDocument(text, keyRingSchema);
    if (!('value' in reading)) {
      const [first] = reading.diagnostics.map((diagnostic) => formatDiagnostic(this.#path, diagnostic));
      throw new SettingTrouble(`HOTWAVE_ENCRYPTION_KEYS_FILE: ${first ?? this.#path}`);
    }
    this.#version = version;
    this.#ring = reading.value;
    return this.#ring;
  }

  async #text(): Promise<{ readonly text: string; readonly version: string }> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      return { text: await readFile(this.#path, 'utf8'), version: `${mtimeMs}/${size}/${ino}` };
    } catch (error) {
      throw new SettingTrouble(`HOTWAVE_ENCRYPTION_KEYS_FILE ${this.#path}: ${fileTrouble(error)}`);
    }
  }
}
