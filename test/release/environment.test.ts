import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { HOTWAVE_VARIABLES, demandReadable, settingsOf, unknownVariables } from '../../release/settings/environment.ts';

function read(environment: Record<string, string>): void {
  demandReadable(settingsOf(environment));
}

describe('settings from the environment', () => {
  test('are trimmed, and an empty one is as if it were not there; what is not hotwave’s stays as it is', () => {
    expect(
      settingsOf({
        TEMPORAL_API_KEY: 'key\n',
        TEMPORAL_ADDRESS: '\u00A0temporal:7233\r\n',
        TEMPORAL_NAMESPACE: ' ',
        HOTWAVE_CLUSTER: '',
        HOTWAVE_METRICS_TOKEN: '\uFEFFt0ken',
        TEMPORAL_GRPC_META_TRACE: '',
        PATH: ' /bin ',
      }),
    ).toEqual({
      TEMPORAL_API_KEY: 'key',
      TEMPORAL_ADDRESS: 'temporal:7233',
      HOTWAVE_METRICS_TOKEN: 't0ken',
      TEMPORAL_GRPC_META_TRACE: '',
      PATH: ' /bin ',
    });
  });

  test.each([
    [
      { HOTWAVE_CALENDER: 'x' },
      'HOTWAVE_CALENDER is no setting of hotwave (did you mean HOTWAVE_CALENDAR?): rename it, or unset it',
    ],
    [
      { HOTWAVE_METRICS_URL: 'http://p' },
      'HOTWAVE_METRICS_URL is no setting of hotwave (did you mean HOTWAVE_METRICS_URLS?)',
    ],
    [{ HOTWAVE_LOGLEVEL: 'debug' }, 'HOTWAVE_LOGLEVEL is no setting of hotwave (did you mean HOTWAVE_LOG_LEVEL?)'],
    [
      { HOTWAVE_CLUSTER: '"eu"' },
      'HOTWAVE_CLUSTER is in quotes: leave them out, no shell takes them away where it was set',
    ],
    [{ TEMPORAL_TLS: 'yes' }, 'TEMPORAL_TLS "yes": expected true or false'],
    [
      { TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: 'True' },
      /^TEMPORAL_TLS_DISABLE_HOST_VERIFICATION is not honoured .+ TEMPORAL_TLS_SERVER_CA_CERT_PATH/,
    ],
    [
      { HOTWAVE_ACTOR: 'a\u202Enna' },
      'HOTWAVE_ACTOR has a character that cannot be seen, at place 2 of 5: set it again without it',
    ],
    [{ TEMPORAL_NAMESPACE: 'ga\u200Bmes' }, 'TEMPORAL_NAMESPACE has a character that cannot be seen, at place 3 of 6'],
  ])('that would be read as something else are refused: %j', (environment, sentence) => {
    expect(() => read(environment)).toThrow(sentence);
  });

  test.each(['TEMPORAL_API_KEY', 'HOTWAVE_METRICS_TOKEN'])('%s is refused without being repeated', (name) => {
    for (const wrong of ['hunter2\nhunter3', "'hunter2'", 'hünter2', 'hunter2\u200B']) {
      expect(() => read({ [name]: wrong })).toThrow(name);
      expect(() => read({ [name]: wrong })).not.toThrow(/h.nter/);
    }
  });

  test.each([
    [{ TEMPORAL_TLS: ' TRUE ' }, 'a switch in any case'],
    [
      { HOTWAVE_SERVICE_HOST: '10.0.0.1', HOTWAVE_PORT: 'tcp://10.0.0.1:80', HOTWAVE_PORT_80_TCP_ADDR: '10.0.0.1' },
      'what Kubernetes says of a Service named hotwave',
    ],
    [{ HOTWAVE_HTTP_SERVICE_PORT_WEB: '80' }, 'and of one named hotwave-http'],
    [{ TEMPORAL_ADRESS: 'x', TEMPORAL_CLI: '/bin/temporal' }, 'what other programs may mean'],
    [
      { TEMPORAL_TLS_CLIENT_CERT_DATA: '-----BEGIN\nabc\n', HOTWAVE_METRICS_URLS: 'http://a\nhttp://b' },
      'values of several lines',
    ],
  ])('that can only be meant like this are taken: %j', (environment, _what) => {
    expect(() => read(environment)).not.toThrow();
  });

  test('that hotwave does not know at all are named by the worker', () => {
    const settings = { HOTWAVE_FREEZE_FILE: 'x', HOTWAVE_HTTP: 'off', HOTWAVE_PORT: 'tcp://1.2.3.4:5' };
    expect(unknownVariables(settings)).toEqual(['HOTWAVE_FREEZE_FILE']);
  });
});

test('the page on settings has each of them', async () => {
  const page = await readFile(new URL('../../docs/settings.md', import.meta.url), 'utf8');
  expect(HOTWAVE_VARIABLES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
