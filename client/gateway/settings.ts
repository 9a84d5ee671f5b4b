import { listenAddress } from '../../release/settings/listen-address.ts';
import type { ListenAddress } from '../../release/settings/listen-address.ts';
import { SettingTrouble } from '../../release/settings/environment.ts';
import type { Environment } from '../../release/settings/environment.ts';
import { fileTrouble } from '../../release/spec/file-trouble.ts';
import { plainText } from '../../release/spec/plain-text.ts';
import { readSigningKey } from '../decisions/ssh-signature.ts';
import type { SigningKey } from '../decisions/ssh-signature.ts';
import type { DingtalkSettings } from './dingtalk.ts';
import type { FeishuSettings } from './feishu.ts';
import type { SlackSettings } from './slack.ts';
import type { NamedSecret } from './standard-webhooks.ts';

/** Everything a gateway needs to know, checked. It holds secrets: never logged. */
export interface GatewaySettings {
  readonly http: ListenAddress;
  readonly signKey: SigningKey;
  readonly noticeKeys: readonly NamedSecret[];
  readonly webhookKeys: readonly NamedSecret[];
  readonly uiUrl?: string | undefined;
  readonly slack?: SlackSettings | undefined;
  readonly feishu?: FeishuSettings | undefined;
  readonly dingtalk?: DingtalkSettings | undefined;
}

/** Reads a file as text. */
export type ReadFile = (path: string) => Promise<string>;

/**
 * The settings of a gateway. Secrets come from files alone.
 * @param environment as `settingsOf` gives it
 * @throws SettingTrouble about the first that cannot work; it repeats no secret
 */
export async function gatewaySettings(environment: Environment, readFile: ReadFile): Promise<GatewaySettings> {
  const secret = (name: string): Promise<string | undefined> => secretOf(environment, name, readFile);
  const signKey = demanded('HOTWAVE_SIGN_KEY', await secret('HOTWAVE_SIGN_KEY'));
  const { HOTWAVE_GATEWAY_HTTP: http = '127.0.0.1:9465', TEMPORAL_UI_URL: uiUrl } = environment;
  if (uiUrl !== undefined && !/^https?:\/\/[^\s/?#]+[^\s?#]*$/.test(uiUrl))
    throw new SettingTrouble('TEMPORAL_UI_URL: expected the base of the Temporal UI such as http://127.0.0.1:8233');
  return {
    http: listenAddress('HOTWAVE_GATEWAY_HTTP', http, '127.0.0.1:9465'),
    signKey: said('HOTWAVE_SIGN_KEY', () => readSigningKey(signKey)),
    noticeKeys: secretsOf('HOTWAVE_NOTICES_SECRET_FILE', await secret('HOTWAVE_NOTICES_SECRET_FILE'), 'notices'),
    webhookKeys: secretsOf('HOTWAVE_WEBHOOK_KEYS_FILE', await secret('HOTWAVE_WEBHOOK_KEYS_FILE')),
    uiUrl,
    slack: await slackSettings(environment, secret),
    feishu: await feishuSettings(environment, secret),
    dingtalk: await dingtalkSettings(environment, secret),
  };
}

type Secret = (name: string) => Promise<string | undefined>;

async function slackSettings(environment: Environment, secret: Secret): Promise<SlackSettings | undefined> {
  const botToken = await secret('HOTWAVE_SLACK_TOKEN_FILE');
  if (botToken === undefined) {
    demandNothing('HOTWAVE_SLACK_', 'HOTWAVE_SLACK_TOKEN_FILE', environment);
    return undefined;
  }
  const settings = {
    botToken,
    channel: demanded('HOTWAVE_SLACK_CHANNEL', environment['HOTWAVE_SLACK_CHANNEL']),
    signingSecret: await secret('HOTWAVE_SLACK_SIGNING_SECRET_FILE'),
    appToken: await secret('HOTWAVE_SLACK_APP_TOKEN_FILE'),
    apiUrl: environment['HOTWAVE_SLACK_API_URL'],
  };
  if (settings.signingSecret === undefined && settings.appToken === undefined)
    throw new SettingTrouble(
      'Slack has no way for clicks: set HOTWAVE_SLACK_APP_TOKEN_FILE (socket mode) or HOTWAVE_SLACK_SIGNING_SECRET_FILE (signed HTTP)',
    );
  return settings;
}

async function feishuSettings(environment: Environment, secret: Secret): Promise<FeishuSettings | undefined> {
  const appSecret = await secret('HOTWAVE_FEISHU_SECRET_FILE');
  if (appSecret === undefined) {
    demandNothing('HOTWAVE_FEISHU_', 'HOTWAVE_FEISHU_SECRET_FILE', environment);
    return undefined;
  }
  const appId = demanded('HOTWAVE_FEISHU_APP', environment['HOTWAVE_FEISHU_APP']);
  if (!/^cli_[0-9a-f]{16}$/.test(appId))
    throw new SettingTrouble('HOTWAVE_FEISHU_APP: expected cli_ and 16 hexadecimal digits');
  return {
    appId,
    appSecret,
    chat: demanded('HOTWAVE_FEISHU_CHAT', environment['HOTWAVE_FEISHU_CHAT']),
    encryptKey: await secret('HOTWAVE_FEISHU_ENCRYPT_KEY_FILE'),
    domain: environment['HOTWAVE_FEISHU_DOMAIN'],
  };
}

async function dingtalkSettings(environment: Environment, secret: Secret): Promise<DingtalkSettings | undefined> {
  const clientSecret = await secret('HOTWAVE_DINGTALK_SECRET_FILE');
  if (clientSecret === undefined) {
    demandNothing('HOTWAVE_DINGTALK_', 'HOTWAVE_DINGTALK_SECRET_FILE', environment);
    return undefined;
  }
  const apiUrl = environment['HOTWAVE_DINGTALK_API_URL'];
  if (apiUrl !== undefined && !/^https?:\/\/[^\s/?#@]+[^\s?#]*$/.test(apiUrl))
    throw new SettingTrouble('HOTWAVE_DINGTALK_API_URL: expected an address such as https://api.dingtalk.com');
  const of = (name: string): string => demanded(name, environment[name]);
  return {
    clientId: of('HOTWAVE_DINGTALK_CLIENT'),
    clientSecret,
    robotCode: of('HOTWAVE_DINGTALK_ROBOT'),
    conversation: of('HOTWAVE_DINGTALK_CONVERSATION'),
    template: of('HOTWAVE_DINGTALK_TEMPLATE'),
    apiUrl,
  };
}

/** A chat that nobody has set up; one that is set up in part is a mistake. */
function demandNothing(prefix: string, first: string, environment: Environment): void {
  const lonely = Object.keys(environment).find((name) => name.startsWith(prefix));
  if (lonely !== undefined) throw new SettingTrouble(`${lonely} is set and ${first} is not: set both, or neither`);
}

function demanded(name: string, value: string | undefined): string {
  if (value === undefined) throw new SettingTrouble(`${name} is not set: see hotwave gateway --help`);
  return value;
}

async function secretOf(environment: Environment, name: string, readFile: ReadFile): Promise<string | undefined> {
  const path = environment[name];
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = (await readFile(path)).trim();
  } catch (error) {
    throw new SettingTrouble(`${name} ${plainText(path, 200)}: ${fileTrouble(error)}`);
  }
  if (text === '') throw new SettingTrouble(`${name} ${plainText(path, 200)}: the file is empty`);
  return text;
}

/** One secret a line, each with its name before it unless all have the same. */
function secretsOf(name: string, text: string | undefined, all?: string): NamedSecret[] {
  const lines = (text ?? '').split('\n').map((line) => line.trim());
  return lines.filter(Boolean).map((line, index) => {
    const [, own, secret] = /^(?:([a-z0-9][a-z0-9-]{0,39})\s+)?(whsec_[A-Za-z0-9+/]{32,}={0,2})$/.exec(line) ?? [];
    const known = all ?? own;
    if (secret === undefined || known === undefined)
      throw new SettingTrouble(
        `${name}: line ${index + 1}: expected ${all === undefined ? 'NAME and ' : ''}whsec_ and base64 of at least 24 bytes`,
      );
    return { name: known, secret };
  });
}

function said<Result>(name: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw new SettingTrouble(`${name}: ${error instanceof Error ? error.message : 'it cannot be read'}`);
  }
}
