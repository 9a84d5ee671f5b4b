import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settingsOf } from '../../release/settings/environment.ts';
import { temporalTarget } from '../../release/settings/temporal-target.ts';
import type { TemporalFlags } from '../../release/settings/temporal-target.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwave-settings-'));
});

afterAll(() => rm(folder, { recursive: true }));

function target(environment: Record<string, string>, flags: TemporalFlags = {}): ReturnType<typeof read> {
  return read(environment, flags);
}

function read(environment: Record<string, string>, flags: TemporalFlags) {
  return temporalTarget(flags, settingsOf({ XDG_CONFIG_HOME: folder, ...environment }), {
    load: loadClientConfigProfile,
    connect: toClientOptions,
    exists: existsSync,
  });
}

async function configFile(text: string): Promise<{ TEMPORAL_CONFIG_FILE: string }> {
  const path = join(folder, 'temporal.toml');
  await writeFile(path, text);
  return { TEMPORAL_CONFIG_FILE: path };
}

describe('where Temporal is', () => {
  test('a key and an address that end with a line break work', () => {
    const { address, connection } = target({ TEMPORAL_API_KEY: 'abc\n', TEMPORAL_ADDRESS: 'cloud.test:7233\n' });
    expect({ address, connection }).toEqual({
      address: 'cloud.test:7233',
      connection: { address: 'cloud.test:7233', apiKey: 'abc', tls: true, metadata: undefined },
    });
  });

  test('a key that is empty turns nothing on, in the environment as in the file', async () => {
    const file = await configFile('[profile.default]\napi_key = " "\naddress = " t:1\\n"\nnamespace = ""\n');
    expect(target({ ...file, TEMPORAL_API_KEY: '' })).toEqual({
      address: 't:1',
      namespace: 'default',
      connection: { address: 't:1', apiKey: undefined, tls: undefined, metadata: undefined },
    });
  });

  test('a flag wins over the environment, and that over the file', async () => {
    const file = await configFile('[profile.p]\naddress = "file:1"\nnamespace = "file"\n');
    expect(target({ ...file, TEMPORAL_PROFILE: 'p' })).toMatchObject({ address: 'file:1', namespace: 'file' });
    expect(target({ ...file, TEMPORAL_ADDRESS: 'env:1' }, { profile: 'p' })).toMatchObject({ address: 'env:1' });
    expect(target({ TEMPORAL_ADDRESS: 'env:1' }, { address: 'flag:1' })).toMatchObject({ address: 'flag:1' });
  });

  test.each([
    ['https://t.test:7233', 'TEMPORAL_ADDRESS "https://t.test:7233": expected HOST:PORT such as 127.0.0.1:7233'],
    ['t.test', 'TEMPORAL_ADDRESS "t.test": expected HOST:PORT'],
    ['t.test:70000', 'TEMPORAL_ADDRESS "t.test:70000": expected HOST:PORT'],
    ['me:hunter2@t.test:7233', 'TEMPORAL_ADDRESS "me:[redacted]@t.test:7233": expected HOST:PORT'],
  ])('%s is no address', (address, sentence) => {
    expect(() => target({ TEMPORAL_ADDRESS: address })).toThrow(sentence);
  });

  test.each([
    ['[profile.default]\napi_key = "hunter2\n', /temporal\.toml is no valid TOML at line 2, column \d+$/],
    ['[profile.default]\napi_key = 17\n', /^api_key in the Temporal configuration file is not text: put it in quotes$/],
    ['[profile.default]\nnamespace = true\n', /^namespace in the Temporal configuration file is not text/],
    [
      '[profile.default]\napi_key = "hunter2\\nhunter3"\n',
      /^api_key in the Temporal configuration file has a character that no header can carry, at place 8 of 15/,
    ],
    ['[profile.default]\naddress = "t"\n', /^the address in the Temporal configuration file "t": expected HOST:PORT/],
    [
      '[profile.default.tls]\nclient_cert_path = "a.pem"\n',
      /^of the client certificate for Temporal and its key one is missing/,
    ],
    [
      '[profile.default.tls]\nserver_ca_cert_path = "/nowhere.pem"\n',
      /cannot be used: \/nowhere\.pem: there is no such file$/,
    ],
    ['[profile.other]\n', /cannot be used: Profile 'wanted' not found in config data$/],
  ])(
    'a configuration file that cannot work is refused in one sentence, without quoting it: %j',
    async (text, words) => {
      const file = await configFile(text);
      const flags = text.includes('other') ? { profile: 'wanted' } : {};
      expect(() => target(file, flags)).toThrow(words);
      expect(() => target(file, flags)).not.toThrow(/hunter/);
    },
  );

  test('a configuration file without profiles says nothing', async () => {
    const file = await configFile('# nothing yet\n');
    expect(target({ ...file, TEMPORAL_ADDRESS: 'env:1' })).toMatchObject({ address: 'env:1', namespace: 'default' });
    expect(() => target({ ...file, TEMPORAL_PROFILE: 'p' })).toThrow("Profile 'p' not found in config data");
  });

  test('a configuration file that somebody has named must be there', () => {
    const TEMPORAL_CONFIG_FILE = join(folder, 'nobody.toml');
    expect(() => target({ TEMPORAL_CONFIG_FILE })).toThrow(
      `TEMPORAL_CONFIG_FILE ${TEMPORAL_CONFIG_FILE}: there is no such file`,
    );
  });
});
