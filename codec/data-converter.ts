import { fileURLToPath } from 'node:url';
import { extname } from 'node:path';
import type { DataConverter } from '@temporalio/common';
import type { KeyRingSource } from './key-ring.ts';
import { openKeyRing } from './key-ring.ts';
import { encryptionCodec } from './payload-codec.ts';

/** How hotwave gives values to Temporal and takes them back. */
export type Converter = Pick<DataConverter, 'payloadCodecs' | 'failureConverterPath'>;

/** @param keys undefined where nothing is encrypted */
export function converterOf(keys: KeyRingSource | undefined): Converter {
  const payloadCodecs = [encryptionCodec(keys)];
  if (!keys) return { payloadCodecs };
  const own = fileURLToPath(import.meta.url);
  return {
    payloadCodecs,
    failureConverterPath: fileURLToPath(new URL(`hidden-failures${extname(own)}`, import.meta.url)),
  };
}

/**
 * The keys that the settings name.
 * @param environment as `settingsOf` gives it
 * @throws SettingTrouble when the file cannot be used
 */
export async function keysOf(
  environment: Readonly<Record<string, string | undefined>>,
  now: () => number,
): Promise<KeyRingSource | undefined> {
  const { HOTWAVE_ENCRYPTION_KEYS_FILE: path } = environment;
  return path === undefined ? undefined : await openKeyRing(path, now);
}
