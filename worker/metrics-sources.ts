import { readFile } from 'node:fs/promises';
import type { MetricsSource } from '../cluster/prometheus.ts';
import { SettingTrouble } from '../release/settings/environment.ts';
import type { Environment } from '../release/settings/environment.ts';
import { fileTrouble } from '../release/spec/file-trouble.ts';
import { plainText } from '../release/spec/plain-text.ts';

/** The variables, and not flags: a command line is seen by every user of the machine. */
const URLS = 'HOTWAVE_METRICS_URLS';
const TOKEN = 'HOTWAVE_METRICS_TOKEN';
const CA = 'HOTWAVE_METRICS_CA';

/**
 * The Prometheus APIs that releases may ask: `HOTWAVE_METRICS_URLS`, base addresses separated by blanks or commas, the
 * first of them the default. An address may have `user:password@` in it; to the others `HOTWAVE_METRICS_TOKEN`, if
 * there is one, is sent as a bearer token.
 *
 * @throws SettingTrouble that says which entry is wrong and repeats nothing of it.
 */
export function metricsSources(environment: Environment): readonly MetricsSource[] {
  const entries = (environment[URLS] ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
  const token = environment[TOKEN];
  return entries.map((entry, index) => sourceOf(entry, token, index + 1));
}

/**
 * The authorities of the Prometheus APIs, in the file of PEM text that `HOTWAVE_METRICS_CA` names; undefined without it.
 *
 * @throws SettingTrouble when the file cannot be read or holds no certificate
 */
export async function metricsAuthorities(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new SettingTrouble(`${CA} ${plainText(path, 200)}: ${fileTrouble(error)}`);
  });
  if (/-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(text)) return text;
  throw new SettingTrouble(`${CA} ${plainText(path, 200)}: it holds no certificate as PEM text`);
}

function sourceOf(entry: string, token: string | undefined, place: number): MetricsSource {
  const url = URL.canParse(entry) ? new URL(entry) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    const expected = 'expected http or https addresses such as http://prometheus.monitoring:9090';
    throw new SettingTrouble(`${URLS}, entry ${place}: ${expected}`);
  }
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const base = url.href.replace(/\/+$/, '');
  if (username !== '' || password !== '') return { url: base, authorization: basic(username, password) };
  return { url: base, authorization: token === undefined ? undefined : `Bearer ${token}` };
}

function basic(username: string, password: string): string {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}
