import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { AESCipher } from '@larksuiteoapi/node-sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cardModel } from '../../client/gateway/card.ts';
import { feishuCallbacks, feishuCard, feishuVendor } from '../../client/gateway/feishu.ts';
import { escapeMrkdwn, slackBlocks } from '../../client/gateway/slack-card.ts';
import { slackVendor } from '../../client/gateway/slack.ts';
import type { Click, TakeClick } from '../../client/gateway/vendor.ts';
import { FEISHU_APP, fakeFeishu, feishuClick } from '../support/feishu-server.ts';
import type { FakeFeishu } from '../support/feishu-server.ts';
import { aCard } from '../support/gateway.ts';
import { fakeSlack } from '../support/slack-server.ts';
import type { FakeSlack } from '../support/slack-server.ts';

const NOW = 1_800_000_000_000;
const tools = { now: () => NOW, warn: () => undefined };
const model = cardModel(aCard());
const valueOf = (verb: string): object => model.buttons.find(({ value }) => value.verb === verb)?.value ?? {};

/** Takes clicks and remembers them. */
function aDesk(): { readonly clicks: Click[]; readonly take: TakeClick } {
  const clicks: Click[] = [];
  const take: TakeClick = (click) => {
    clicks.push(click);
    return Promise.resolve('approved: wave 2 starts');
  };
  return { clicks, take };
}

const pressed = (verb: string): object => ({
  type: 'block_actions',
  user: { id: 'U2', team_id: 'T1' },
  team: { id: 'T1' },
  trigger_id: '1.2.3',
  container: { channel_id: 'C1', message_ts: '1.2' },
  actions: [{ action_id: `hotwave-${verb}`, value: JSON.stringify(valueOf(verb)), action_ts: '9.9' }],
});

function fromSlack(payload: object, at = NOW, secret = 'shh') {
  const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  const time = String(at / 1_000);
  const signature = `v0=${createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex')}`;
  return { body, headers: { 'x-slack-request-timestamp': time, 'x-slack-signature': signature } };
}

describe('Slack', () => {
  let slack: FakeSlack;
  beforeAll(async () => void (slack = await fakeSlack()));
  afterAll(() => slack.close());
  const vendor = (more: object = { signingSecret: 'shh' }) =>
    slackVendor({ botToken: 'xoxb-1', channel: 'C1', apiUrl: slack.apiUrl, ...more }, tools);

  test('gets one message for a release, which is updated, and a line in its thread', async () => {
    const { show } = await vendor();
    const receipt = await show(model, undefined, 'the gate is open');
    expect(receipt).toMatch(/^C1:1\.\d+$/);
    const before = slack.calls.length;
    expect(await show(model, receipt, undefined)).toBe(receipt);
    expect(slack.calls.slice(before).map(({ method }) => method)).toEqual(['chat.update']);
    expect(slack.calls.at(-2)?.fields).toMatchObject({ thread_ts: receipt.split(':')[1] });
  });

  test('tells who clicked what, and its person alone gets the answer', async () => {
    const { clicks, take } = aDesk();
    const told = slack.next('chat.postEphemeral');
    const { answer } = await vendor();
    expect(await answer?.(fromSlack(pressed('approve')), take)).toEqual({ status: 200 });
    expect(clicks).toEqual([
      { vendor: 'slack', actor: 'slack:T1/U2', at: NOW, card: 'C1:1.2', click: '9.9', value: valueOf('approve') },
    ]);
    expect((await told).fields).toMatchObject({ channel: 'C1', user: 'U2', thread_ts: '1.2' });
  });

  test.each([
    ['old', fromSlack(pressed('approve'), NOW - 301_000)],
    ['from the future', fromSlack(pressed('approve'), NOW + 301_000)],
    ['signed by another', fromSlack(pressed('approve'), NOW, 'other')],
    ['not signed', { body: 'payload={}', headers: {} }],
  ])('is not believed when a request is %s', async (_, request) => {
    const { clicks, take } = aDesk();
    const { answer } = await vendor();
    expect(await answer?.(request, take)).toMatchObject({ status: 401 });
    expect(clicks).toEqual([]);
  });

  test('is not believed twice with the same request', async () => {
    const { clicks, take } = aDesk();
    const { answer } = await vendor();
    await answer?.(fromSlack(pressed('pause')), take);
    expect(await answer?.(fromSlack(pressed('pause')), take)).toMatchObject({ status: 409 });
    expect(clicks).toHaveLength(1);
  });

  test('asks for a reason before a release is rejected', async () => {
    const { clicks, take } = aDesk();
    const opened = slack.next('views.open');
    const { answer } = await vendor();
    await answer?.(fromSlack(pressed('reject')), take);
    expect(clicks).toEqual([]);
    const view = JSON.parse((await opened).fields['view'] ?? '') as { private_metadata: string };
    const said = { id: 'V1', callback_id: 'hotwave-reason', state: { values: { reason: { text: { value: 'no' } } } } };
    const submission = { type: 'view_submission', user: { id: 'U2' }, team: { id: 'T1' }, view: { ...view, ...said } };
    await answer?.(fromSlack(submission), take);
    expect(clicks).toMatchObject([{ card: 'C1:1.2', click: 'V1', value: valueOf('reject'), reason: 'no' }]);
  });

  test('sends clicks over its own client in socket mode', async () => {
    const { clicks, take } = aDesk();
    const { connect } = await vendor({ appToken: 'xapp-1' });
    const close = await connect?.(take);
    await slack.interact('e1', pressed('approve'));
    await slack.interact('e1', pressed('approve'));
    expect(clicks).toMatchObject([{ actor: 'slack:T1/U2', value: valueOf('approve') }]);
    await close?.();
  });

  test('gets a new connection after one was lost, also when Slack was down meanwhile', async () => {
    const own = await fakeSlack();
    const { clicks, take } = aDesk();
    const { connect } = await vendor({ appToken: 'xapp-1', apiUrl: own.apiUrl });
    const close = await connect?.(take);
    await own.interact('e2', pressed('pause'));
    const asked = own.next('apps.connections.open');
    own.drop();
    await asked;
    own.back();
    await own.interact('e3', pressed('rollback'));
    expect(clicks.map(({ value: { verb } }) => verb)).toEqual(['pause', 'rollback']);
    await close?.();
    await own.close();
  });

  test('gets a link whatever the address of the Temporal UI is', () => {
    const blocks = JSON.stringify(slackBlocks(cardModel(aCard(), 'http://ui.example/%zz<|')));
    expect(blocks).toContain('<http://ui.example/%zz%3C%7C/namespaces/default/');
  });

  test('gets foreign text as plain text, and mrkdwn without meaning', () => {
    const foreign = aCard({
      why: '<!channel> *now*',
      failures: [{ server: 'a', class: 'x', reason: '<@U1>' }],
      failed: 1,
    });
    const texts = slackBlocks(cardModel(foreign)).flatMap(({ text }) => (text ? [text as { type: string }] : []));
    expect(texts.every(({ type }) => type === 'plain_text')).toBe(true);
    expect(escapeMrkdwn('<!here> & *x*')).toBe('&lt;!here&gt; &amp; ∗x∗');
  });
});

const ENCRYPT_KEY = 'a key of feishu';

/** As Feishu's servers do it; that its own library can read it is a test of its own. */
function fromFeishu(payload: object, at = NOW) {
  const iv = Buffer.alloc(16, 7);
  const cipher = createCipheriv('aes-256-cbc', createHash('sha256').update(ENCRYPT_KEY).digest(), iv);
  const encrypt = Buffer.concat([iv, cipher.update(JSON.stringify(payload)), cipher.final()]).toString('base64');
  const body = JSON.stringify({ encrypt });
  const time = String(at / 1_000);
  const signature = createHash('sha256').update(`${time}n${ENCRYPT_KEY}${body}`).digest('hex');
  return {
    body,
    encrypt,
    headers: { 'x-lark-request-timestamp': time, 'x-lark-request-nonce': 'n', 'x-lark-signature': signature },
  };
}
const tapped = {
  schema: '2.0',
  header: { event_id: 'ev1', event_type: 'card.action.trigger' },
  event: {
    operator: { open_id: 'ou_1' },
    action: { value: valueOf('reject'), form_value: { reason: 'no' } },
    context: { open_message_id: 'om_1' },
  },
};

describe('Feishu', () => {
  test('sends encrypted callbacks, and shows the answer to who clicked', async () => {
    const { clicks, take } = aDesk();
    const request = fromFeishu(tapped);
    expect(JSON.parse(new AESCipher(ENCRYPT_KEY).decrypt(request.encrypt))).toEqual(tapped);
    const toast = { type: 'info', content: 'approved: wave 2 starts' };
    expect(await feishuCallbacks(ENCRYPT_KEY, tools)(request, take)).toEqual({ status: 200, body: { toast } });
    expect(clicks).toEqual([
      {
        vendor: 'feishu',
        card: 'om_1',
        actor: 'feishu:ou_1',
        click: 'ev1',
        value: valueOf('reject'),
        reason: 'no',
        at: NOW,
      },
    ]);
  });

  test('is not believed when a request is old, from the future, replayed or changed', async () => {
    const { clicks, take } = aDesk();
    const answer = feishuCallbacks(ENCRYPT_KEY, tools);
    const good = fromFeishu(tapped);
    const requests = [
      fromFeishu(tapped, NOW - 301_000),
      fromFeishu(tapped, NOW + 301_000),
      { ...good, body: `${good.body} ` },
      good,
      good,
    ];
    const codes = [];
    for (const request of requests) codes.push((await answer(request, take)).status);
    expect(codes).toEqual([401, 401, 401, 200, 409]);
    expect(clicks).toHaveLength(1);
  });

  test('is answered also when a reason is longer than a release keeps', async () => {
    const { clicks, take } = aDesk();
    const reason = 'it lags '.repeat(1_000);
    const { event } = tapped;
    const long = { ...tapped, event: { ...event, action: { ...event.action, form_value: { reason } } } };
    const toast = { type: 'info', content: 'approved: wave 2 starts' };
    expect(await feishuCallbacks(ENCRYPT_KEY, tools)(fromFeishu(long), take)).toEqual({ status: 200, body: { toast } });
    expect(clicks).toMatchObject([{ reason }]);
  });

  test('gets its challenge back when the address is set up', async () => {
    const request = fromFeishu({ type: 'url_verification', challenge: 'c1' });
    const answer = await feishuCallbacks(ENCRYPT_KEY, tools)(request, aDesk().take);
    expect(answer).toEqual({ status: 200, body: { challenge: 'c1' } });
  });

  test('gets a form for the reason of a rejection', () => {
    expect(JSON.stringify(feishuCard(model))).toContain('"tag":"form","name":"hotwave-reject"');
  });

  describe('by the long connection of its own client', () => {
    let feishu: FakeFeishu;
    let desk: ReturnType<typeof aDesk>;
    let close: (() => Promise<void>) | undefined;
    beforeEach(async () => {
      feishu = await fakeFeishu();
      desk = aDesk();
    });
    afterEach(async () => {
      await close?.();
      await feishu.close();
    });
    const connect = async (warnings: string[] = []): Promise<void> => {
      const { domain } = feishu;
      const warn = (message: string, { reason = '' }: Readonly<Record<string, string>>): void =>
        void warnings.push(`${message}: ${reason}`);
      const vendor = await feishuVendor({ ...FEISHU_APP, chat: 'oc_1', domain }, { ...tools, warn });
      close = await vendor.connect?.(desk.take);
    };

    test('sends clicks, and shows the answer to who clicked', async () => {
      await connect();
      const answer = await feishu.event('m1', feishuClick('ev1', 'ou_1', valueOf('approve')));
      expect(answer).toEqual({ toast: { type: 'info', content: 'approved: wave 2 starts' } });
      expect(desk.clicks).toMatchObject([{ actor: 'feishu:ou_1', click: 'ev1', value: valueOf('approve') }]);
    });

    test('gets a new connection at once after one was lost', async () => {
      await connect();
      await feishu.event('m1', feishuClick('ev1', 'ou_1', valueOf('pause')));
      await feishu.drop();
      await feishu.event('m2', feishuClick('ev2', 'ou_1', valueOf('rollback')));
      expect(desk.clicks.map(({ value: { verb } }) => verb)).toEqual(['pause', 'rollback']);
    });

    test('gets a connection when it has refused one before', async () => {
      feishu.refusal = 514;
      const warnings: string[] = [];
      await connect(warnings);
      expect(warnings).toEqual(['the connection to the chat is lost; it is opened again: Feishu refuses it']);
      feishu.refusal = 0;
      await feishu.event('m1', feishuClick('ev1', 'ou_1', valueOf('pause')));
      expect(desk.clicks).toHaveLength(1);
    });

    test('may send what nobody understands: the next click counts', async () => {
      await connect();
      const click = feishuClick('ev0', 'ou_1', valueOf('pause'));
      await feishu.raw(Buffer.from('no frame'));
      await feishu.raw(feishu.frame('card', 'm0', click));
      await feishu.event('m1', { schema: '2.0', header: { event_id: 'ev1', event_type: 'im.message' } });
      await feishu.event('m2', feishuClick('ev2', 'not an id!', valueOf('pause')));
      expect(desk.clicks).toEqual([]);
      await feishu.event('m3', feishuClick('ev3', 'ou_1', valueOf('pause')));
      expect(desk.clicks).toMatchObject([{ click: 'ev3' }]);
    });
  });
});
