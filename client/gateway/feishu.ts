import { createDecipheriv, createHash } from 'node:crypto';
import type * as Lark from '@larksuiteoapi/node-sdk';
import { z } from 'zod';
import { cutText } from '../../release/spec/plain-text.ts';
import type { Button, CardModel } from './card.ts';
import { isTimely, Seen } from './freshness.ts';
import { aborted, failing, keepConnected } from './keep-connected.ts';
import { buttonSchema, isSame, jsonOf } from './standard-webhooks.ts';
import type { ChatVendor, RawAnswer, RawRequest, TakeClick, VendorTools } from './vendor.ts';

/** How the gateway is an app of Feishu or Lark. */
export interface FeishuSettings {
  /** `cli_` and 16 hexadecimal digits. */
  readonly appId: string;
  readonly appSecret: string;
  /** `oc_…`, where cards are posted. */
  readonly chat: string;
  /** For encrypted callbacks; without it the long connection is used. */
  readonly encryptKey?: string | undefined;
  /** Other than https://open.feishu.cn: https://open.larksuite.com, and tests. */
  readonly domain?: string | undefined;
}

/** Feishu: cards by its API, clicks by the long connection, or by encrypted callbacks when there is a key. */
export async function feishuVendor(settings: FeishuSettings, tools: VendorTools): Promise<ChatVendor> {
  const lark = await import('@larksuiteoapi/node-sdk');
  const { appId, appSecret, chat, encryptKey } = settings;
  const app = {
    appId,
    appSecret,
    domain: settings.domain ?? 'https://open.feishu.cn',
    loggerLevel: lark.LoggerLevel.fatal,
  };
  const client = new lark.Client(app);
  return {
    name: 'feishu',
    async show(card, receipt, line) {
      const content = JSON.stringify(feishuCard(card));
      let message = /^om_\w{1,100}$/.exec(receipt ?? '')?.[0];
      if (message === undefined) {
        const posted = await client.im.v1.message.create({
          params: { receive_id_type: 'chat_id' },
          data: { receive_id: chat, msg_type: 'interactive', content },
        });
        message = demand(posted).message_id ?? '';
      } else demand(await client.im.v1.message.patch({ path: { message_id: message }, data: { content } }));
      const path = { message_id: message };
      const data = {
        msg_type: 'text',
        content: JSON.stringify({ text: unmention(line ?? '') }),
        reply_in_thread: true,
      };
      if (line !== undefined) demand(await client.im.v1.message.reply({ path, data }));
      return message;
    },
    ...(encryptKey === undefined
      ? {
          connect: (take: TakeClick) =>
            keepConnected({
              vendor: 'feishu',
              warn: tools.warn,
              once: (signal, opened) => longConnection(lark, app, { signal, opened, take, now: tools.now }),
            }),
        }
      : { answer: feishuCallbacks(encryptKey, tools) }),
  };
}

interface LongConnection extends Pick<VendorTools, 'now'> {
  readonly signal: AbortSignal;
  readonly opened: () => void;
  readonly take: TakeClick;
}

const OPENING_MS = 10_000;
/** Seconds after a ping of the library in which something must come. */
const PONG_WITHIN = 10;

/**
 * One connection of Feishu's client from its opening to its end. The library itself says that it has started before it has,
 * waits for up to two minutes before it tries again, and gives up for good when Feishu says so once (1.74).
 */
async function longConnection(
  lark: typeof Lark,
  app: ConstructorParameters<typeof Lark.WSClient>[0],
  { signal, opened, take, now }: LongConnection,
): Promise<string> {
  const eventDispatcher = new lark.EventDispatcher({ loggerLevel: lark.LoggerLevel.fatal }).register({
    'card.action.trigger': (event: unknown) => clicked({ event, at: createdAt(event) ?? now() }, take),
  } as never);
  const ready = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<string>();
  const socket = new lark.WSClient({
    ...app,
    handshakeTimeoutMs: OPENING_MS,
    wsConfig: { pingTimeout: PONG_WITHIN },
    onReady: () => ready.resolve(undefined),
    onError: () => ended.resolve('Feishu refuses it'),
    onReconnecting: () => ended.resolve('it was closed'),
  });
  try {
    await socket.start({ eventDispatcher });
    await Promise.race([ready.promise, ended.promise, aborted(signal), failing(OPENING_MS)]);
    void ready.promise.then(opened);
    return await Promise.race([ended.promise, aborted(signal).then(() => 'it was closed')]);
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown';
  } finally {
    socket.close({ force: true });
  }
}

function demand<Data>({
  code,
  data,
}: {
  code?: number | undefined;
  data?: Data;
}): NonNullable<Data> | Record<string, never> {
  if (code !== undefined && code !== 0) throw new Error(`Feishu answers with code ${code}`);
  return data ?? {};
}

/** Verifies and decrypts callbacks: SHA-256 over time, nonce, key and raw body; AES-256-CBC. */
export function feishuCallbacks(encryptKey: string, { now }: Pick<VendorTools, 'now'>) {
  const seen = new Seen<true>();
  return async ({ headers, body }: RawRequest, take: TakeClick): Promise<RawAnswer> => {
    const {
      'x-lark-request-timestamp': time = '',
      'x-lark-request-nonce': nonce = '',
      'x-lark-signature': given = '',
    } = headers;
    const own = createHash('sha256').update(`${time}${nonce}${encryptKey}${body}`, 'utf8').digest('hex');
    const secret = z.object({ encrypt: z.string() }).safeParse(jsonOf(body));
    const plain = secret.success ? decrypted(secret.data.encrypt, encryptKey) : undefined;
    const challenge = z
      .object({ type: z.literal('url_verification'), challenge: z.string().max(200) })
      .safeParse(plain);
    // Feishu does not sign the question for the address; who can encrypt it has the key.
    if (challenge.success) return { status: 200, body: { challenge: challenge.data.challenge } };
    if (!isSame(given, own)) return { status: 401, body: { message: 'the signature is not of this request' } };
    const at = Number(time) * 1_000;
    if (!isTimely(at, now())) return { status: 401, body: { message: 'its time is more than 5 minutes from ours' } };
    if (seen.of(given, now())) return { status: 409, body: { message: 'this request was taken before' } };
    seen.add(given, true, now());
    const read = callback.safeParse(plain);
    if (!read.success) return { status: 200, body: {} };
    const event = { ...read.data.event, event_id: read.data.header.event_id };
    return { status: 200, body: await clicked({ event, at }, take) };
  };
}

function decrypted(text: string, encryptKey: string): unknown {
  try {
    const bytes = Buffer.from(text, 'base64');
    const cipher = createDecipheriv(
      'aes-256-cbc',
      createHash('sha256').update(encryptKey).digest(),
      bytes.subarray(0, 16),
    );
    return jsonOf(Buffer.concat([cipher.update(bytes.subarray(16)), cipher.final()]).toString('utf8'));
  } catch {
    return undefined;
  }
}

const callback = z.object({
  header: z.object({ event_id: z.string().max(200), event_type: z.literal('card.action.trigger') }),
  event: z.looseObject({}),
});
const cardClick = z.object({
  event_id: z.string().max(200),
  operator: z.object({ open_id: z.string().regex(/^\w{1,100}$/) }),
  action: z.object({
    value: buttonSchema,
    form_value: z.object({ reason: z.string().optional() }).optional(),
  }),
  context: z.object({ open_message_id: z.string().max(200) }),
});

const created = z.object({ create_time: z.string().regex(/^\d{13,16}$/) });

/**
 * When the event came about, milliseconds since the epoch; undefined when Feishu does not say. Version 2 of its events has
 * microseconds there, others have milliseconds.
 */
function createdAt(event: unknown): number | undefined {
  const read = created.safeParse(event);
  if (!read.success) return undefined;
  const { create_time: time } = read.data;
  return time.length > 13 ? Math.floor(Number(time) / 10 ** (time.length - 13)) : Number(time);
}

/** The text that Feishu shows to the person who clicked. */
interface Toast {
  readonly toast?: { readonly type: 'info'; readonly content: string };
}

async function clicked(
  { event, at }: { readonly event: unknown; readonly at: number },
  take: TakeClick,
): Promise<Toast> {
  const read = cardClick.safeParse(event);
  if (!read.success) return {};
  const { event_id: click, operator, action, context } = read.data;
  const sentence = await take({
    vendor: 'feishu',
    card: context.open_message_id,
    actor: `feishu:${operator.open_id}`,
    click,
    value: action.value,
    reason: action.form_value?.reason,
    at,
  });
  return { toast: { type: 'info', content: cutText(sentence, 500) } };
}

/** A text message of Feishu knows `<at …>`. */
function unmention(text: string): string {
  return text.replaceAll('<', '&lt;');
}

/** The card as Feishu has it (schema 2.0). Foreign text is plain text, in which nothing means anything. */
export function feishuCard({ title, why, waves, failures, decisions, link, buttons }: CardModel): object {
  const lines = (name: string, all: readonly string[]): object[] =>
    all.length === 0 ? [] : [plain(`${name}\n${all.join('\n')}`)];
  return {
    schema: '2.0',
    config: { update_multi: true },
    header: { title: { tag: 'plain_text', content: title } },
    body: {
      elements: [
        plain(why),
        ...lines('Waves', waves),
        ...lines('Failed', failures),
        ...lines('Decisions', decisions),
        ...(link === undefined
          ? []
          : [{ ...buttonBase('Temporal UI', 'default'), behaviors: [{ type: 'open_url', default_url: link }] }]),
        ...buttons.map((button) => buttonOf(button)),
      ],
    },
  };
}

function plain(content: string): object {
  return { tag: 'div', text: { tag: 'plain_text', content } };
}

function buttonBase(label: string, type: string): object {
  return { tag: 'button', text: { tag: 'plain_text', content: label }, type };
}

const STYLES = { good: 'primary', bad: 'danger', plain: 'default' } as const;

function buttonOf({ label, style, asks, value }: Button): object {
  const button = { ...buttonBase(label, STYLES[style]), behaviors: [{ type: 'callback', value }] };
  if (asks === 'reason') {
    const box = {
      tag: 'input',
      name: 'reason',
      max_length: 1_000,
      placeholder: { tag: 'plain_text', content: 'Why?' },
    };
    return {
      tag: 'form',
      name: `hotwave-${value.verb}`,
      elements: [box, { ...button, name: 'send', form_action_type: 'submit' }],
    };
  }
  if (asks === undefined) return button;
  const confirm = {
    title: { tag: 'plain_text', content: `${label}?` },
    text: { tag: 'plain_text', content: `${label} ${value.release}?` },
  };
  return { ...button, confirm };
}
