import { didYouMean } from '../spec/did-you-mean.ts';

/** Environment variables by their names. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that cannot work, in one sentence: which, where it comes from, what to do. It never repeats a secret. */
export class SettingTrouble extends Error {
  override readonly name = 'SettingTrouble';
}

/** The variables that hotwave reads; docs/settings.md says what each is for. */
export const HOTWAVE_VARIABLES = [
  'HOTWAVE_ACTOR',
  'HOTWAVE_BUILD_ID',
  'HOTWAVE_CACHE',
  'HOTWAVE_CALENDAR',
  'HOTWAVE_CLUSTER',
  'HOTWAVE_CODEC_HTTP',
  'HOTWAVE_CODEC_ORIGINS',
  'HOTWAVE_CODEC_TOKEN_FILE',
  'HOTWAVE_CONCURRENCY',
  'HOTWAVE_CONTEXTS',
  'HOTWAVE_DEBUG',
  'HOTWAVE_DINGTALK_API_URL',
  'HOTWAVE_DINGTALK_CLIENT',
  'HOTWAVE_DINGTALK_CONVERSATION',
  'HOTWAVE_DINGTALK_ROBOT',
  'HOTWAVE_DINGTALK_SECRET_FILE',
  'HOTWAVE_DINGTALK_TEMPLATE',
  'HOTWAVE_ENCRYPTION_KEYS_FILE',
  'HOTWAVE_FEISHU_APP',
  'HOTWAVE_FEISHU_CHAT',
  'HOTWAVE_FEISHU_DOMAIN',
  'HOTWAVE_FEISHU_ENCRYPT_KEY_FILE',
  'HOTWAVE_FEISHU_SECRET_FILE',
  'HOTWAVE_GATEWAY_HTTP',
  'HOTWAVE_HTTP',
  'HOTWAVE_LOG_LEVEL',
  'HOTWAVE_METRICS_CA',
  'HOTWAVE_METRICS_TOKEN',
  'HOTWAVE_METRICS_URLS',
  'HOTWAVE_NOTICES_SECRET_FILE',
  'HOTWAVE_POLICY',
  'HOTWAVE_SIGN_KEY',
  'HOTWAVE_SLACK_API_URL',
  'HOTWAVE_SLACK_APP_TOKEN_FILE',
  'HOTWAVE_SLACK_CHANNEL',
  'HOTWAVE_SLACK_SIGNING_SECRET_FILE',
  'HOTWAVE_SLACK_TOKEN_FILE',
  'HOTWAVE_WEBHOOK_KEYS_FILE',
] as const;

/** Hotwave's own, and what Temporal's programs read to reach it; servers of Temporal have others. */
const OWN =
  /^(?:HOTWAVE_|TEMPORAL_(?:ADDRESS|NAMESPACE|API_KEY|TLS(?:_\w+)?|GRPC_META_\w+|CONFIG_FILE|PROFILE|CODEC_\w+|UI_URL)$)/;
/**
 * The variables that Kubernetes gives every pod of a namespace with a Service named `hotwave` (or `hotwave-http` ...).
 */
const SERVICE_LINK = /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?)$/;
/** Empty means something there: it takes the header of the profile away. */
const HEADER = /^TEMPORAL_GRPC_META_/;
/** These may have several lines. */
const LINES = /^(?:TEMPORAL_TLS_\w+_DATA|HOTWAVE_METRICS_URLS)$/;
const SWITCHES: ReadonlySet<string> = new Set(['TEMPORAL_TLS', 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION']);
/** They are sent in headers. */
const CREDENTIALS: ReadonlySet<string> = new Set(['TEMPORAL_API_KEY', 'TEMPORAL_CODEC_AUTH', 'HOTWAVE_METRICS_TOKEN']);

/**
 * The environment with its settings trimmed, without those that are empty. Secrets from files end with a line break, and
 * charts set what nobody has filled in. Other variables stay as they are.
 */
export function settingsOf(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value = '']) => {
      if (!OWN.test(name)) return [[name, value]];
      const text = SWITCHES.has(name) ? value.trim().toLowerCase() : value.trim();
      return text === '' && !HEADER.test(name) ? [] : [[name, text]];
    }),
  );
}

/**
 * Refuses settings that would be read as something else than was meant. Each value is checked where it is used.
 * @throws SettingTrouble about the first
 */
export function demandReadable(settings: Environment): void {
  for (const [name, value = ''] of Object.entries(settings)) {
    if (!OWN.test(name)) continue;
    const trouble = nameTrouble(name) ?? valueTrouble(name, value);
    if (trouble !== undefined) throw new SettingTrouble(trouble);
  }
}

/** Variables with hotwave's prefix that it does not know and that are not almost one of its own. */
export function unknownVariables(settings: Environment): string[] {
  return Object.keys(settings).filter((name) => isStranger(name));
}

function isStranger(name: string): boolean {
  if (!name.startsWith('HOTWAVE_') || SERVICE_LINK.test(name)) return false;
  return !(HOTWAVE_VARIABLES as readonly string[]).includes(name);
}

/** Only for hotwave's own: other programs have settings of Temporal, too. */
function nameTrouble(name: string): string | undefined {
  if (!isStranger(name)) return undefined;
  const known = HOTWAVE_VARIABLES.map((variable) => variable.slice('HOTWAVE_'.length));
  const [, meant] = /did you mean (\w+)/.exec(didYouMean(name.slice('HOTWAVE_'.length), known)) ?? [];
  return meant && `${name} is no setting of hotwave (did you mean HOTWAVE_${meant}?): rename it, or unset it`;
}

function valueTrouble(name: string, value: string): string | undefined {
  if (/^(["']).*\1$/s.test(value))
    return `${name} is in quotes: leave them out, no shell takes them away where it was set`;
  if (SWITCHES.has(name) && !/^(?:1|0|true|false)$/.test(value))
    return `${name} ${JSON.stringify(value.slice(0, 20))}: expected true or false`;
  if (name === 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION' && /^(?:1|true)$/.test(value))
    return `${name} is not honoured by Temporal's TypeScript SDK: name the certificate's CA in TEMPORAL_TLS_SERVER_CA_CERT_PATH, or its host in TEMPORAL_TLS_SERVER_NAME`;
  if (LINES.test(name)) return undefined;
  return characterTrouble(name, value, CREDENTIALS.has(name));
}

/** @param isSent whether it is sent in a header, which holds ASCII and no blanks of this kind */
export function characterTrouble(name: string, value: string, isSent: boolean): string | undefined {
  const place = value.search(isSent ? /[^ -~]/u : /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
  if (place < 0) return undefined;
  const what = isSent ? 'a character that no header can carry' : 'a character that cannot be seen';
  return `${name} has ${what}, at place ${place + 1} of ${value.length}: set it again without it`;
}
