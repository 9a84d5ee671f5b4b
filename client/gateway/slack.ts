import { createHmac } from 'node:crypto';
import type { SocketModeClient } from '@slack/socket-mode';
import type { WebClient } from '@slack/web-api';
import { z } from 'zod';
import { isTimely, Seen } from './freshness.ts';
import { aborted, keepConnected } from './keep-connected.ts';
import { escapeMrkdwn, reasonBox, slackBlocks } from './slack-card.ts';
import type { Block } from './slack-card.ts';
import { buttonSchema, isSame, jsonOf } from './standard-webhooks.ts';
import type { ChatVendor, Click, RawAnswer, RawRequest, TakeClick, VendorTools } from './vendor.ts';

/** How the gateway is an app of a Slack workspace. */
export interface SlackSettings {
  /** `xoxb-…` */
  readonly botToken: string;
  /** `C…`, where cards are posted. */
  readonly channel: string;
  /** For signed HTTP. */
  readonly signingSecret?: string | undefined;
  /** `xapp-…`, for socket mode. */
  readonly appToken?: string | undefined;
  /** Other than https://slack.com/api/, for GovSlack and tests. */
  readonly apiUrl?: string | undefined;
}

const DEADLINE_MS = 5_000;

/** Slack: cards by its web API, clicks by socket mode or signed HTTP. */
export async function slackVendor(settings: SlackSettings, tools: VendorTools): Promise<ChatVendor> {
  const { WebClient: Client } = await import('@slack/web-api');
  const web = new Client(settings.botToken, {
    ...(settings.apiUrl === undefined ? {} : { slackApiUrl: settings.apiUrl }),
    timeout: DEADLINE_MS,
    // The courier comes again; a person must not wait for the third try.
    retryConfig: { retries: 1 },
    logger: SILENT,
  });
  const { signingSecret, appToken } = settings;
  const seen = new Seen<true>();
  const desk = { web, tools };
  return {
    name: 'slack',
    show: (card, receipt, line) =>
      show(web, settings.channel, { blocks: slackBlocks(card), text: escapeMrkdwn(card.title), receipt, line }),
    ...(signingSecret === undefined
      ? {}
      : {
          async answer(request: RawRequest, take: TakeClick) {
            const refused = verifySlack(request, signingSecret, tools.now());
            if (refused !== undefined) return { status: 401, body: { message: refused } } as const;
            const signature = request.headers['x-slack-signature'] ?? '';
            if (seen.of(signature, tools.now()))
              return { status: 409, body: { message: 'this request was taken before' } } as const;
            seen.add(signature, true, tools.now());
            const at = Number(request.headers['x-slack-request-timestamp']) * 1_000;
            return await interact(desk, jsonOf(new URLSearchParams(request.body).get('payload') ?? ''), at, take);
          },
        }),
    ...(appToken === undefined ? {} : { connect: (take: TakeClick) => listen(desk, { ...settings, appToken }, take) }),
  };
}

/** Slack's libraries log whole payloads. */
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  getLevel: () => 'error' as never,
  setName: () => undefined,
};

/** Why a request is not Slack's or not of now; undefined for a good one. Slack signs `v0:time:body`. */
export function verifySlack({ headers, body }: RawRequest, secret: string, now: number): string | undefined {
  const { 'x-slack-request-timestamp': time = '', 'x-slack-signature': given = '' } = headers;
  if (!/^\d{1,12}$/.test(time)) return 'it is not signed by Slack';
  if (!isTimely(Number(time) * 1_000, now)) return 'its time is more than 5 minutes from ours';
  const own = `v0=${createHmac('sha256', secret).update(`v0:${time}:${body}`, 'utf8').digest('hex')}`;
  return isSame(given, own) ? undefined : 'the signature is not of this request';
}

interface Shown {
  readonly blocks: Block[];
  readonly text: string;
  readonly receipt: string | undefined;
  readonly line: string | undefined;
}

async function show(web: WebClient, channel: string, { blocks, text, receipt, line }: Shown): Promise<string> {
  const message = { text, blocks: blocks as never[] };
  const [where, ts] = /^[A-Z0-9]{1,30}:\d+\.\d+$/.test(receipt ?? '') ? (receipt ?? '').split(':') : [];
  let known: string;
  if (where !== undefined && ts !== undefined) {
    await web.chat.update({ channel: where, ts, ...message });
    known = `${where}:${ts}`;
  } else {
    const posted = await web.chat.postMessage({ channel, ...message, unfurl_links: false });
    known = `${posted.channel ?? channel}:${posted.ts ?? ''}`;
  }
  const [to = '', thread = ''] = known.split(':');
  if (line !== undefined) {
    const blocks = [{ type: 'section', text: { type: 'plain_text', text: line, emoji: false } }];
    await web.chat.postMessage({ channel: to, thread_ts: thread, text: 'hotwave', blocks });
  }
  return known;
}

interface Desk {
  readonly web: WebClient;
  readonly tools: VendorTools;
}

const user = z.object({
  id: z.string().regex(/^[A-Z0-9]{1,30}$/),
  team_id: z
    .string()
    .regex(/^[A-Z0-9]{1,30}$/)
    .optional(),
});
const team = z.object({ id: z.string().regex(/^[A-Z0-9]{1,30}$/) }).nullish();
const place = z.object({ channel: z.string().max(30), ts: z.string().max(30) });
const buttonClick = z.object({
  type: z.literal('block_actions'),
  user,
  team,
  trigger_id: z.string().max(200),
  container: z.object({ channel_id: z.string().max(30), message_ts: z.string().max(30) }),
  actions: z
    .array(z.object({ action_id: z.string(), value: z.string().max(2_000), action_ts: z.string().max(30) }))
    .length(1),
});
const boxAnswer = z.object({
  type: z.literal('view_submission'),
  user,
  team,
  view: z.object({
    id: z.string().max(60),
    callback_id: z.literal('hotwave-reason'),
    private_metadata: z.string().max(3_000),
    state: z.object({ values: z.object({ reason: z.object({ text: z.object({ value: z.string().nullable() }) }) }) }),
  }),
});
const interaction = z.discriminatedUnion('type', [buttonClick, boxAnswer]);
const memory = z.object({ value: buttonSchema, place });

/** Does what a verified payload wants; a click is answered to its person alone, in the thread of the card. */
async function interact(desk: Desk, payload: unknown, at: number, take: TakeClick): Promise<RawAnswer> {
  const read = interaction.safeParse(payload);
  // Other interactions of the app, such as links that were opened, want no more than this.
  if (!read.success) return { status: 200 };
  const { user: person, team: workspace } = read.data;
  const home = person.team_id ?? workspace?.id;
  if (home === undefined) return { status: 400, body: { message: 'it names no workspace' } };
  const who = { vendor: 'slack', actor: `slack:${home}/${person.id}`, at };
  const wish = read.data.type === 'view_submission' ? answerOf(read.data) : await pressOf(desk, read.data);
  if (wish) await decide(desk, { ...who, ...wish, card: `${wish.where.channel}:${wish.where.ts}` }, person.id, take);
  return { status: 200 };
}

/** The wish of somebody for a release, and the place of the card. */
type Wish = Pick<Click, 'click' | 'value' | 'reason'> & { readonly where: z.output<typeof place> };

function answerOf({ view }: z.output<typeof boxAnswer>): Wish | undefined {
  const remembered = memory.safeParse(jsonOf(view.private_metadata));
  if (!remembered.success) return undefined;
  const { value, place: where } = remembered.data;
  return { click: view.id, value, where, reason: view.state.values.reason.text.value ?? '' };
}

async function pressOf(
  desk: Desk,
  { container, actions, trigger_id: trigger }: z.output<typeof buttonClick>,
): Promise<Wish | undefined> {
  const [action] = actions;
  const value = buttonSchema.safeParse(jsonOf(action?.value ?? ''));
  if (!action?.action_id.startsWith('hotwave-') || !value.success) return undefined;
  const where = { channel: container.channel_id, ts: container.message_ts };
  if (value.data.verb !== 'reject') return { click: action.action_ts, value: value.data, where };
  const box = reasonBox(value.data.release, JSON.stringify({ value: value.data, place: where }));
  await quietly(desk, () => desk.web.views.open({ trigger_id: trigger, view: box as never }));
  return undefined;
}

async function decide(
  desk: Desk,
  { where, ...click }: Click & Pick<Wish, 'where'>,
  person: string,
  take: TakeClick,
): Promise<void> {
  const sentence = await take(click);
  const text = { type: 'plain_text', text: sentence.slice(0, 2_900) || '-', emoji: false };
  const blocks = [{ type: 'section', text }];
  // Slack waits for three seconds, and the sentence is not part of what it waits for.
  void quietly(desk, () =>
    desk.web.chat.postEphemeral({ channel: where.channel, thread_ts: where.ts, user: person, text: 'hotwave', blocks }),
  );
}

async function quietly({ tools }: Desk, request: () => Promise<unknown>): Promise<void> {
  try {
    await request();
  } catch (error) {
    tools.warn('Slack did not take an answer', { vendor: 'slack', reason: codeOf(error) });
  }
}

/** Socket mode: Slack sends each click to one of the connections, so that several replicas share them. */
function listen(
  desk: Desk,
  settings: SlackSettings & { readonly appToken: string },
  take: TakeClick,
): Promise<() => Promise<void>> {
  const seen = new Seen<true>();
  const clicked = ({ ack, body, envelope_id: id }: Envelope): void => {
    const now = desk.tools.now();
    if (id !== undefined && seen.of(id, now)) return void quietly(desk, ack);
    if (id !== undefined) seen.add(id, true, now);
    void quietly(desk, async () => {
      await interact(desk, body, now, take);
      await ack();
    });
  };
  const { warn } = desk.tools;
  return keepConnected({
    vendor: 'slack',
    warn,
    async once(signal, opened) {
      const socket = await socketOf(settings, clicked);
      try {
        const lost = new Promise((resolve) => socket.once('disconnected', resolve));
        await socket.start();
        opened();
        await Promise.race([lost, aborted(signal)]);
        return 'it was closed';
      } catch (error) {
        return codeOf(error);
      } finally {
        await socket.disconnect().catch(() => undefined);
      }
    },
  });
}

async function socketOf(
  { appToken, apiUrl }: SlackSettings & { readonly appToken: string },
  clicked: (envelope: Envelope) => void,
): Promise<SocketModeClient> {
  const { SocketModeClient: Client } = await import('@slack/socket-mode');
  const socket = new Client({
    appToken,
    logger: SILENT,
    // Its own way waits for 5 seconds and more, and ends the process when Slack answers with 500 meanwhile (3.1.0).
    autoReconnectEnabled: false,
    clientOptions: {
      timeout: DEADLINE_MS,
      retryConfig: { retries: 0 },
      ...(apiUrl === undefined ? {} : { slackApiUrl: apiUrl }),
    },
  });
  socket.on('interactive', clicked);
  // Without a listener an error of the connection would end the process; that it is lost is told by its end.
  socket.on('error', () => undefined);
  return socket;
}

interface Envelope {
  readonly ack: () => Promise<void>;
  readonly body: unknown;
  readonly envelope_id?: string;
}

/** The name of an error of Slack's libraries; their messages may hold what was sent. */
function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' ? code : 'unknown';
}
