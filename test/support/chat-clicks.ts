import { createCipheriv, createHash, createHmac } from 'node:crypto';
import type { ButtonValue } from '../../client/gateway/card.ts';
import { until } from '../lab/until.ts';
import { DINGTALK_APP, dingtalkClick, fakeDingtalk, sentenceIn } from './dingtalk-server.ts';
import { FEISHU_APP, fakeFeishu, feishuClick } from './feishu-server.ts';
import { secretFiles } from './gateway-process.ts';
import { SECRET, signedWebhook } from './gateway.ts';
import { fakeSlack } from './slack-server.ts';
import type { FakeSlack, SlackCall } from './slack-server.ts';

/** A click of a person, as the chat tells the gateway of it. */
export interface ChatClick {
  /** The chat's own id of it; a re-delivery has the same. */
  readonly id: string;
  /** `bob`, `eve`. */
  readonly person: string;
  readonly value: ButtonValue;
  /** The time that the chat says, milliseconds since the epoch. */
  readonly at: number;
  /** Not by the chat, but by somebody who knows no secret. */
  readonly isForged?: boolean;
}

/** A chat on this machine, for the gateway that the vendor's own client and rules connect with it. */
export interface Chat {
  /** How the policy writes the identity of a person. */
  identityOf(person: string): string;
  /** The settings of a gateway for this chat alone. */
  readonly env: Readonly<Record<string, string>>;
  /** Sends a click to the gateway. Resolves with the sentence that the person reads, or `HTTP 401`, or undefined for none. */
  click(gateway: { readonly url: string }, click: ChatClick): Promise<string | undefined>;
  /** Delivers a click once more, as it was. */
  again(gateway: { readonly url: string }, click: ChatClick): Promise<string | undefined>;
  close(): Promise<void>;
}

const ENCRYPT_KEY = 'a key of feishu';
const seconds = (at: number): string => String(Math.floor(at / 1_000));

async function post(url: string, body: string, headers: Record<string, string>): Promise<Response> {
  return await fetch(url, { method: 'POST', body, headers });
}

const slackPayload = ({ id, person, value }: ChatClick): object => ({
  type: 'block_actions',
  user: { id: person.toUpperCase(), team_id: 'T1' },
  team: { id: 'T1' },
  trigger_id: '1.2.3',
  container: { channel_id: 'C1', message_ts: '1.2' },
  actions: [{ action_id: `hotwave-${value.verb}`, value: JSON.stringify(value), action_ts: id }],
});

/** Slack gives the sentence to its person alone, beside its answer: each one is of one click. */
async function toldTo(
  { slack, claimed }: { readonly slack: FakeSlack; readonly claimed: Set<SlackCall> },
  act: () => Promise<number>,
): Promise<string | undefined> {
  const status = await act();
  if (status !== 200) return `HTTP ${status}`;
  const wait = { what: 'the sentence for the person', deadlineMs: 20_000, everyMs: 5 };
  const { fields } = await until(wait, () => {
    const told = slack.calls.find((call) => call.method === 'chat.postEphemeral' && !claimed.has(call));
    if (told) claimed.add(told);
    return told;
  });
  return (JSON.parse(fields['blocks'] ?? '[]') as { text: { text: string } }[])[0]?.text.text;
}

async function slackChat(way: 'socket' | 'http'): Promise<Chat> {
  const slack = await fakeSlack();
  const claimed = new Set<SlackCall>();
  const secrets = { HOTWAVE_SLACK_TOKEN_FILE: 'xoxb-1' };
  const ways = {
    socket: { HOTWAVE_SLACK_APP_TOKEN_FILE: 'xapp-1' },
    http: { HOTWAVE_SLACK_SIGNING_SECRET_FILE: 'shh' },
  };
  const chat: Chat = {
    identityOf: (person) => `slack:T1/${person.toUpperCase()}`,
    env: {
      HOTWAVE_SLACK_CHANNEL: 'C1',
      HOTWAVE_SLACK_API_URL: slack.apiUrl,
      ...secretFiles({ ...secrets, ...ways[way] }),
    },
    click: ({ url }, click) =>
      toldTo({ slack, claimed }, async () => {
        if (way === 'socket') {
          await slack.interact(click.id, slackPayload(click));
          return 200;
        }
        const body = new URLSearchParams({ payload: JSON.stringify(slackPayload(click)) }).toString();
        const time = seconds(click.at);
        const key = click.isForged === true ? 'guessed' : 'shh';
        const signature = `v0=${createHmac('sha256', key).update(`v0:${time}:${body}`).digest('hex')}`;
        const headers = { 'x-slack-request-timestamp': time, 'x-slack-signature': signature };
        return (await post(`${url}/vendors/slack`, body, headers)).status;
      }),
    async again(gateway, click) {
      if (way === 'http') return await chat.click(gateway, click);
      const told = (): number => slack.calls.filter(({ method }) => method === 'chat.postEphemeral').length;
      const before = told();
      await slack.interact(click.id, slackPayload(click));
      return told() === before ? 'nothing a second time' : 'a sentence once more';
    },
    close: () => slack.close(),
  };
  return chat;
}

async function feishuChat(way: 'socket' | 'http'): Promise<Chat> {
  const feishu = await fakeFeishu();
  const key = way === 'http' ? { HOTWAVE_FEISHU_ENCRYPT_KEY_FILE: ENCRYPT_KEY } : {};
  const sentenceOf = (answer: unknown): string | undefined =>
    (answer as { toast?: { content: string } } | undefined)?.toast?.content;
  const chat: Chat = {
    again: (gateway, click) => chat.click(gateway, click),
    identityOf: (person) => `feishu:ou_${person}`,
    env: {
      HOTWAVE_FEISHU_APP: FEISHU_APP.appId,
      HOTWAVE_FEISHU_CHAT: 'oc_1',
      HOTWAVE_FEISHU_DOMAIN: feishu.domain,
      ...secretFiles({ HOTWAVE_FEISHU_SECRET_FILE: FEISHU_APP.appSecret, ...key }),
    },
    async click({ url }, { id, person, value, at, isForged }) {
      const event = feishuClick(id, `ou_${person}`, value, at);
      if (way === 'socket') return sentenceOf(await feishu.event(id, event));
      const own = isForged === true ? 'guessed' : ENCRYPT_KEY;
      const iv = Buffer.alloc(16, 7);
      const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(own).digest(), iv);
      const encrypt = Buffer.concat([iv, cipher.update(JSON.stringify(event)), cipher.final()]).toString('base64');
      const body = JSON.stringify({ encrypt });
      const time = seconds(at);
      const response = await post(`${url}/vendors/feishu`, body, {
        'x-lark-request-timestamp': time,
        'x-lark-request-nonce': 'n',
        'x-lark-signature': createHash('sha256').update(`${time}n${own}${body}`).digest('hex'),
      });
      return response.status === 200 ? sentenceOf(await response.json()) : `HTTP ${response.status}`;
    },
    close: () => feishu.close(),
  };
  return chat;
}

async function dingtalkChat(): Promise<Chat> {
  const dingtalk = await fakeDingtalk();
  const chat: Chat = {
    again: (gateway, click) => chat.click(gateway, click),
    identityOf: (person) => `dingtalk:dinge8a565/${person}`,
    env: {
      HOTWAVE_DINGTALK_CLIENT: DINGTALK_APP.clientId,
      HOTWAVE_DINGTALK_ROBOT: 'robot',
      HOTWAVE_DINGTALK_CONVERSATION: 'cid1',
      HOTWAVE_DINGTALK_TEMPLATE: 't1.schema',
      HOTWAVE_DINGTALK_API_URL: dingtalk.apiUrl,
      ...secretFiles({ HOTWAVE_DINGTALK_SECRET_FILE: DINGTALK_APP.clientSecret }),
    },
    click: async (_gateway, { id, person, value, at }) =>
      sentenceIn(await dingtalk.press(id, dingtalkClick(value, {}, { userId: person }), at)),
    close: () => dingtalk.close(),
  };
  return chat;
}

function webhookChat(): Promise<Chat> {
  const wrong = `whsec_${Buffer.from('another of twenty-four bytes').toString('base64')}`;
  const chat: Chat = {
    again: (gateway, click) => chat.click(gateway, click),
    identityOf: (person) => `webhook:bot/${person}`,
    env: secretFiles({ HOTWAVE_WEBHOOK_KEYS_FILE: `bot ${SECRET}` }),
    async click({ url }, { id, person, value, at, isForged }) {
      const signed = signedWebhook(
        id,
        JSON.stringify({ ...value, actor: person }),
        at,
        isForged === true ? wrong : SECRET,
      );
      const response = await post(`${url}/decisions`, signed.body, signed.headers);
      return response.status === 200
        ? ((await response.json()) as { message: string }).message
        : `HTTP ${response.status}`;
    },
    close: () => Promise.resolve(),
  };
  return Promise.resolve(chat);
}

/** The ways from a chat to the gateway. `isSigned`: each click carries a signature and a time of its own. */
export const CHATS = {
  'slack socket': { vendor: 'slack', isSigned: false, isTimed: false, open: () => slackChat('socket') },
  'slack http': { vendor: 'slack', isSigned: true, isTimed: true, open: () => slackChat('http') },
  'feishu long connection': { vendor: 'feishu', isSigned: false, isTimed: true, open: () => feishuChat('socket') },
  'feishu callbacks': { vendor: 'feishu', isSigned: true, isTimed: true, open: () => feishuChat('http') },
  'dingtalk stream': { vendor: 'dingtalk', isSigned: false, isTimed: true, open: dingtalkChat },
  'standard webhooks': { vendor: 'webhook', isSigned: true, isTimed: true, open: webhookChat },
} as const;
