import { describe, expect, test } from 'vitest';
import { gatewaySettings } from '../../client/gateway/settings.ts';
import { demandReadable, HOTWAVE_VARIABLES, settingsOf } from '../../release/settings/environment.ts';
import { SECRET } from '../support/gateway.ts';
import { personalKey } from '../support/ssh-key.ts';

const KEY = personalKey();
const FILES: Readonly<Record<string, string>> = {
  '/key': KEY.private,
  '/public': KEY.public,
  '/secret': `${SECRET}\n`,
  '/keys': `bot ${SECRET}\nci ${SECRET}\n`,
  '/token': 'xoxb-1\n',
  '/empty': '\n',
  '/nonsense': 'hunter2\n',
};
const read = (path: string): Promise<string> => {
  const text = FILES[path];
  return text === undefined ? Promise.reject(Object.assign(new Error(), { code: 'ENOENT' })) : Promise.resolve(text);
};
const settings = (more: Record<string, string> = {}) =>
  gatewaySettings(settingsOf({ HOTWAVE_SIGN_KEY: '/key', ...more }), read);
const SLACK = {
  HOTWAVE_SLACK_TOKEN_FILE: '/token',
  HOTWAVE_SLACK_CHANNEL: 'C1',
  HOTWAVE_SLACK_APP_TOKEN_FILE: '/token',
};
const FEISHU = { HOTWAVE_FEISHU_SECRET_FILE: '/token', HOTWAVE_FEISHU_APP: 'cli_0123456789abcdef' };

describe('the settings of a gateway', () => {
  test('need a key alone, and have an address of their own', async () => {
    expect(await settings()).toMatchObject({
      http: { host: '127.0.0.1', port: 9465 },
      noticeKeys: [],
      webhookKeys: [],
      slack: undefined,
      feishu: undefined,
    });
  });

  test('that are empty are as if they were not there', async () => {
    const empty = { HOTWAVE_GATEWAY_HTTP: ' ', HOTWAVE_SLACK_CHANNEL: '', HOTWAVE_FEISHU_APP: '', TEMPORAL_UI_URL: '' };
    expect(await settings(empty)).toEqual(await settings());
  });

  test('take secrets from files, without the line break at their end, and several during a rotation', async () => {
    const { slack, webhookKeys, noticeKeys } = await settings({
      ...SLACK,
      HOTWAVE_WEBHOOK_KEYS_FILE: '/keys',
      HOTWAVE_NOTICES_SECRET_FILE: '/secret',
    });
    expect(slack).toMatchObject({ botToken: 'xoxb-1', appToken: 'xoxb-1', channel: 'C1' });
    expect(webhookKeys).toEqual([
      { name: 'bot', secret: SECRET },
      { name: 'ci', secret: SECRET },
    ]);
    expect(noticeKeys).toEqual([{ name: 'notices', secret: SECRET }]);
  });

  test.each([
    [{ HOTWAVE_SIGN_KEY: '/none' }, /^HOTWAVE_SIGN_KEY \/none: /],
    [{ HOTWAVE_SIGN_KEY: '/nonsense' }, /^HOTWAVE_SIGN_KEY: /],
    [{ HOTWAVE_GATEWAY_HTTP: '9465' }, /^HOTWAVE_GATEWAY_HTTP: expected HOST:PORT such as 127.0.0.1:9465$/],
    [{ HOTWAVE_GATEWAY_HTTP: 'a:70000' }, /^HOTWAVE_GATEWAY_HTTP: expected/],
    [{ HOTWAVE_NOTICES_SECRET_FILE: '/empty' }, /^HOTWAVE_NOTICES_SECRET_FILE \/empty: the file is empty$/],
    [{ HOTWAVE_NOTICES_SECRET_FILE: '/nonsense' }, /^HOTWAVE_NOTICES_SECRET_FILE: line 1: expected whsec_/],
    [{ HOTWAVE_WEBHOOK_KEYS_FILE: '/secret' }, /^HOTWAVE_WEBHOOK_KEYS_FILE: line 1: expected NAME and whsec_/],
    [{ HOTWAVE_SLACK_CHANNEL: 'C1' }, /^HOTWAVE_SLACK_CHANNEL is set and HOTWAVE_SLACK_TOKEN_FILE is not/],
    [{ ...SLACK, HOTWAVE_SLACK_CHANNEL: '' }, /^HOTWAVE_SLACK_CHANNEL is not set/],
    [{ ...SLACK, HOTWAVE_SLACK_APP_TOKEN_FILE: '' }, /^Slack has no way for clicks: set HOTWAVE_SLACK_APP_TOKEN_FILE/],
    [{ HOTWAVE_FEISHU_CHAT: 'oc_1' }, /^HOTWAVE_FEISHU_CHAT is set and HOTWAVE_FEISHU_SECRET_FILE is not/],
    [{ ...FEISHU, HOTWAVE_FEISHU_APP: 'app' }, /^HOTWAVE_FEISHU_APP: expected cli_/],
    [FEISHU, /^HOTWAVE_FEISHU_CHAT is not set/],
    [{ TEMPORAL_UI_URL: 'ftp://x' }, /^TEMPORAL_UI_URL: expected/],
  ])('that cannot work are refused by their names, without the secret: %o', async (wrong, sentence) => {
    const error = await settings(wrong).catch((trouble: unknown) => trouble);
    expect((error as Error).name).toBe('SettingTrouble');
    expect((error as Error).message).toMatch(sentence);
    expect((error as Error).message).not.toMatch(/hunter2|xoxb/);
  });

  test('that hotwave does not know but almost are refused', () => {
    expect(() => demandReadable({ HOTWAVE_SLACK_CHANEL: 'C1' })).toThrow('did you mean HOTWAVE_SLACK_CHANNEL?');
  });

  test('are all known to hotwave', () => {
    expect(HOTWAVE_VARIABLES).toEqual(
      expect.arrayContaining([...Object.keys({ ...SLACK, ...FEISHU }), 'HOTWAVE_WEBHOOK_KEYS_FILE']),
    );
  });
});
