import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SettingTrouble } from '../../release/settings/environment.ts';
import { metricsAuthorities, metricsSources } from '../../worker/metrics-sources.ts';
import { selfSigned } from '../support/self-signed.ts';

test('none are asked unless the worker is told', () => {
  expect(metricsSources({})).toEqual([]);
  expect(metricsSources({ HOTWAVE_METRICS_URLS: ' ' })).toEqual([]);
});

test('each address has its own credentials, or else the token', () => {
  const sources = metricsSources({
    HOTWAVE_METRICS_URLS: 'http://prometheus:9090/, https://reader:p%40ss@thanos.example/api/prom',
    HOTWAVE_METRICS_TOKEN: 't0ken',
  });
  expect(sources).toEqual([
    { url: 'http://prometheus:9090', authorization: 'Bearer t0ken' },
    { url: 'https://thanos.example/api/prom', authorization: `Basic ${btoa('reader:p@ss')}` },
  ]);
});

test.each(['prometheus', 'ftp://u:hunter2@p', 'http://u:hunter2@p/?x=1'])(
  'an entry that is no address is named by its place, and not repeated: %s',
  (entry) => {
    const read = (): unknown => metricsSources({ HOTWAVE_METRICS_URLS: `http://ok ${entry}` });
    expect(read).toThrow(/^HOTWAVE_METRICS_URLS, entry 2: expected http or https addresses such as/);
    expect(read).not.toThrow(/hunter2/);
    expect(read).toThrow(SettingTrouble);
  },
);

test('authorities come from a file, which must be there and hold certificates', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hotwave-metrics-'));
  const path = join(folder, 'ca.pem');
  const read = (): Promise<string | undefined> => metricsAuthorities(path);
  await expect(read()).rejects.toThrow(`HOTWAVE_METRICS_CA ${path}: there is no such file`);
  await writeFile(path, '-----BEGIN PRIVATE KEY-----\nhunter2\n');
  await expect(read()).rejects.toThrow(`HOTWAVE_METRICS_CA ${path}: it holds no certificate as PEM text`);
  await writeFile(path, selfSigned().cert);
  expect(await read()).toMatch(/^-----BEGIN CERTIFICATE-----/);
  expect(await metricsAuthorities(undefined)).toBeUndefined();
  await rm(folder, { recursive: true });
});
