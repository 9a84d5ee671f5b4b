import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { cutText } from '../../release/spec/plain-text.ts';
import type { CardModel, CardVerb } from './card.ts';
import { CARD_VERBS } from './card.ts';
import { dingtalkApi } from './dingtalk-api.ts';
import type { DingtalkApi, DingtalkApp } from './dingtalk-api.ts';
import { keepStream } from './dingtalk-stream.ts';
import { Seen } from './freshness.ts';
import { buttonSchema, jsonOf } from './standard-webhooks.ts';
import type { ChatVendor, TakeClick, VendorTools } from './vendor.ts';

/** How the gateway is an app of DingTalk. */
export interface DingtalkSettings extends DingtalkApp {
  /** The robot of the app, which posts. */
  readonly robotCode: string;
  /** `cid…`, the group of the cards. */
  readonly conversation: string;
  /** `….schema`, the card template with the variables of docs/chat.md. */
  readonly template: string;
}

/** Where clicks come from. */
const TOPIC = '/v1.0/card/instances/callback';
const MOST_TEXT = 3_000;
const MOST_ANSWER = 500;

/** DingTalk: cards by its API for interactive cards, clicks by its stream. The receipt is the card's `outTrackId`. */
export function dingtalkVendor(settings: DingtalkSettings, tools: VendorTools): ChatVendor {
  const api = dingtalkApi(settings, tools.now);
  return {
    name: 'dingtalk',
    async show(card, receipt, line) {
      const known = /^hotwave-[0-9a-f-]{36}$/.exec(receipt ?? '')?.[0];
      const outTrackId = known ?? `hotwave-${randomUUID()}`;
      const cardData = { cardParamMap: dingtalkCard(card) };
      if (known === undefined) await post(api, settings, { outTrackId, cardData, title: card.title });
      else await api.call('PUT', '/v1.0/card/instances', { outTrackId, cardData });
      if (line !== undefined) await say(api, settings, line);
      return outTrackId;
    },
    connect: (take) =>
      keepStream({ app: settings, api, topic: TOPIC, answer: dingtalkClicks(take, tools), warn: tools.warn }),
  };
}

const delivered = z.object({
  result: z.object({ deliverResults: z.array(z.object({ success: z.boolean() })).default([]) }).default({
    deliverResults: [],
  }),
});

async function post(
  api: DingtalkApi,
  { robotCode, conversation, template }: DingtalkSettings,
  { outTrackId, cardData, title }: { outTrackId: string; cardData: object; title: string },
): Promise<void> {
  const answer = await api.call('POST', '/v1.0/card/instances/createAndDeliver', {
    cardTemplateId: template,
    outTrackId,
    cardData,
    callbackType: 'STREAM',
    userIdType: 1,
    openSpaceId: `dtv1.card//IM_GROUP.${conversation}`,
    imGroupOpenSpaceModel: { supportForward: false, lastMessageI18n: { ZH_CN: title, EN_US: title } },
    imGroupOpenDeliverModel: { robotCode },
  });
  const read = delivered.safeParse(answer);
  if (!read.success || read.data.result.deliverResults.some(({ success }) => !success))
    throw new Error('DingTalk has made the card and not delivered it: is the robot in the group?');
}

/** DingTalk has no threads: the line is a message of the robot beside the card. */
async function say(api: DingtalkApi, { robotCode, conversation }: DingtalkSettings, line: string): Promise<void> {
  await api.call('POST', '/v1.0/robot/groupMessages/send', {
    robotCode,
    openConversationId: conversation,
    msgKey: 'sampleText',
    msgParam: JSON.stringify({ content: line }),
  });
}

/** The values that fill the template: every value is text, and what a card does not have is empty, which hides it. */
export type DingtalkCard = Readonly<
  Record<'title' | 'why' | 'waves' | 'failures' | 'decisions' | 'link' | CardVerb, string>
>;

/** The card as DingTalk has it. The template shows texts as plain text, in which nothing means anything. */
export function dingtalkCard({ title, why, waves, failures, decisions, link, buttons }: CardModel): DingtalkCard {
  const lines = (all: readonly string[]): string => cutText(all.join('\n'), MOST_TEXT);
  const press = (verb: CardVerb): string => {
    const button = buttons.find(({ value }) => value.verb === verb);
    return button ? JSON.stringify(button.value) : '';
  };
  const presses = Object.fromEntries(CARD_VERBS.map((verb) => [verb, press(verb)])) as Record<CardVerb, string>;
  return {
    title,
    why,
    waves: lines(waves),
    failures: lines(failures),
    decisions: lines(decisions),
    link: link ?? '',
    ...presses,
  };
}

const message = z.object({
  headers: z.object({ messageId: z.string().min(1).max(200), time: z.string().regex(/^\d{1,14}$/) }),
  data: z.string().max(100_000),
});
const cardClick = z.object({
  corpId: z.string().regex(/^[\w-]{1,100}$/),
  userId: z.string().regex(/^[\w.@-]{1,100}$/),
  outTrackId: z.string().min(1).max(200),
  content: z.string(),
});
const cardParams = z.object({
  cardPrivateData: z.object({
    params: z.object({
      press: z.string(),
      reason: z.string().optional(),
      confirmed: z.string().optional(),
    }),
  }),
});

/** The answer to a click: the sentence is private data, which only who clicked sees. */
interface ClickAnswer {
  readonly cardUpdateOptions?: { readonly updatePrivateDataByKey: true };
  readonly userPrivateData?: { readonly cardParamMap: { readonly answer: string } };
}

/**
 * Answers what comes over the connection, which DingTalk has authenticated: undefined for what is no message of a card.
 * A message that is delivered again gets the answer of the first time.
 */
export function dingtalkClicks(take: TakeClick, { now }: Pick<VendorTools, 'now'>) {
  const seen = new Seen<Promise<ClickAnswer>>();
  return async (frame: unknown): Promise<ClickAnswer | undefined> => {
    const read = message.safeParse(frame);
    const click = read.success ? cardClick.safeParse(jsonOf(read.data.data)) : read;
    if (!read.success || !click.success) return undefined;
    const { messageId, time } = read.data.headers;
    const before = seen.of(messageId, now());
    if (before) return await before;
    const answer = answerOf(click.data, { id: messageId, at: Number(time) }, take);
    seen.add(messageId, answer, now());
    return await answer;
  };
}

async function answerOf(
  { corpId, userId, outTrackId, content }: z.output<typeof cardClick>,
  { id, at }: { readonly id: string; readonly at: number },
  take: TakeClick,
): Promise<ClickAnswer> {
  const params = cardParams.safeParse(jsonOf(content)).data?.cardPrivateData.params;
  const value = buttonSchema.safeParse(jsonOf(params?.press ?? ''));
  // A button of another card of the same app.
  if (!params || !value.success) return {};
  const { verb } = value.data;
  const reason = params.reason?.trim();
  if (verb === 'reject' && !reason) return privately('not rejected: write the reason into the box and click again');
  if (verb === 'rollback' && params.confirmed !== 'yes')
    return privately('not rolled back: the card template does not ask for confirmation (docs/chat.md)');
  const actor = `dingtalk:${corpId}/${userId}`;
  return privately(
    await take({ vendor: 'dingtalk', card: outTrackId, actor, click: id, value: value.data, reason, at }),
  );
}

function privately(sentence: string): ClickAnswer {
  return {
    cardUpdateOptions: { updatePrivateDataByKey: true },
    userPrivateData: { cardParamMap: { answer: cutText(sentence, MOST_ANSWER) } },
  };
}
