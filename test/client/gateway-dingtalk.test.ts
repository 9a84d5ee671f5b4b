import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cardModel } from '../../client/gateway/card.ts';
import { dingtalkApi } from '../../client/gateway/dingtalk-api.ts';
import { dingtalkCard, dingtalkVendor } from '../../client/gateway/dingtalk.ts';
import { gatewaySettings } from '../../client/gateway/settings.ts';
import { clickTaker, TAKEN } from '../../client/gateway/take-click.ts';
import type { Releases } from '../../client/gateway/take-click.ts';
import type { Click, TakeClick } from '../../client/gateway/vendor.ts';
import { aCard } from '../support/gateway.ts';
import { DINGTALK_APP, dingtalkClick, fakeDingtalk, sentenceIn } from '../support/dingtalk-server.ts';
import type { FakeDingtalk } from '../support/dingtalk-server.ts';
import { personalKey } from '../support/ssh-key.ts';

const NOW = 1_800_000_000_000;
const model = cardModel(aCard());
const valueOf = (verb: string): object => model.buttons.find(({ value }) => value.verb === verb)?.value ?? {};
const CREATE = '/v1.0/card/instances/createAndDeliver';
const TOKEN = '/v1.0/oauth2/accessToken';

let dingtalk: FakeDingtalk;
let now: number;
let warnings: string[];
let closers: (() => Promise<void>)[];

beforeEach(async () => {
  dingtalk = await fakeDingtalk();
  now = NOW;
  warnings = [];
  closers = [];
});
afterEach(async () => {
  await Promise.all(closers.map((close) => close()));
  await dingtalk.close();
});

const aVendor = () =>
  dingtalkVendor(
    { ...DINGTALK_APP, robotCode: 'robot', conversation: 'cid1', template: 't1.schema', apiUrl: dingtalk.apiUrl },
    { now: () => now, warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`) },
  );

async function connected(take: TakeClick): Promise<void> {
  const close = await aVendor().connect?.(take);
  if (close) closers.push(close);
}

/** A connection whose clicks are remembered. */
async function clicksOf(answer = 'approved: wave 2 starts'): Promise<Click[]> {
  const clicks: Click[] = [];
  await connected((click) => {
    clicks.push(click);
    return Promise.resolve(answer);
  });
  return clicks;
}

const pathsOf = (): string[] => dingtalk.calls.map(({ path }) => path);

describe('the settings of DingTalk', () => {
  const environment = {
    HOTWAVE_SIGN_KEY: 'key',
    HOTWAVE_DINGTALK_CLIENT: 'ding-client',
    HOTWAVE_DINGTALK_SECRET_FILE: 'secret',
    HOTWAVE_DINGTALK_ROBOT: 'robot',
    HOTWAVE_DINGTALK_CONVERSATION: 'cid1',
    HOTWAVE_DINGTALK_TEMPLATE: 't1.schema',
  };
  const files = (path: string): Promise<string> => Promise.resolve(path === 'key' ? personalKey().private : 'shh\n');

  test('have the secret from a file', async () => {
    expect((await gatewaySettings(environment, files)).dingtalk).toEqual({
      clientId: 'ding-client',
      clientSecret: 'shh',
      robotCode: 'robot',
      conversation: 'cid1',
      template: 't1.schema',
      apiUrl: undefined,
    });
  });

  test.each([
    [{ HOTWAVE_DINGTALK_SECRET_FILE: undefined }, 'HOTWAVE_DINGTALK_CLIENT is set and HOTWAVE_DINGTALK_SECRET_FILE'],
    [{ HOTWAVE_DINGTALK_TEMPLATE: undefined }, 'HOTWAVE_DINGTALK_TEMPLATE is not set'],
    [{ HOTWAVE_DINGTALK_API_URL: 'api' }, 'HOTWAVE_DINGTALK_API_URL: expected an address'],
  ])('are refused in part: %j', async (change, sentence) => {
    const wrong = Object.entries({ ...environment, ...change }).filter(([, value]) => value !== undefined);
    await expect(gatewaySettings(Object.fromEntries(wrong), files)).rejects.toThrow(sentence);
  });
});

describe('a card in DingTalk', () => {
  test('is made once and updated after that, and what people must not miss is a message as well', async () => {
    const { show } = aVendor();
    const receipt = await show(model, undefined, 'the gate is open');
    expect(receipt).toMatch(/^hotwave-[0-9a-f-]{36}$/);
    expect(await show(model, receipt, undefined)).toBe(receipt);
    expect(pathsOf()).toEqual([TOKEN, CREATE, '/v1.0/robot/groupMessages/send', '/v1.0/card/instances']);
    const cardData = { cardParamMap: dingtalkCard(model) };
    expect(dingtalk.calls[1]?.body).toMatchObject({
      outTrackId: receipt,
      cardTemplateId: 't1.schema',
      callbackType: 'STREAM',
      openSpaceId: 'dtv1.card//IM_GROUP.cid1',
      imGroupOpenDeliverModel: { robotCode: 'robot' },
      cardData,
    });
    expect(dingtalk.calls[2]?.body).toMatchObject({ openConversationId: 'cid1', msgKey: 'sampleText' });
    expect(dingtalk.calls[3]?.body).toEqual({ outTrackId: receipt, cardData });
  });

  test('has a value for each button that can be pressed now, and nothing for the others', () => {
    const { approve, resume, title, waves } = dingtalkCard(model);
    expect([JSON.parse(approve), resume]).toEqual([valueOf('approve'), '']);
    expect([title, waves.split('\n')]).toEqual([model.title, model.waves]);
  });

  test('that was not delivered to the group is an error', async () => {
    const body = { success: true, result: { deliverResults: [{ success: false, errorMsg: 'no robot' }] } };
    dingtalk.refusals.set(CREATE, { status: 200, body });
    await expect(aVendor().show(model, undefined, undefined)).rejects.toThrow('is the robot in the group?');
  });
});

describe('the access token of DingTalk', () => {
  test('is asked for once by calls at the same time, and again before it ends', async () => {
    const { show } = aVendor();
    await Promise.all([show(model, undefined, undefined), show(model, undefined, undefined)]);
    now += 7_200_000 - 300_001;
    await show(model, undefined, undefined);
    now += 1;
    await show(model, undefined, undefined);
    expect(pathsOf().filter((path) => path === TOKEN)).toHaveLength(2);
    expect(dingtalk.calls.flatMap(({ token }) => token ?? [])).toEqual(['token-1', 'token-1', 'token-1', 'token-2']);
  });

  test('that DingTalk takes back is asked for again', async () => {
    const { show } = aVendor();
    await show(model, undefined, undefined);
    dingtalk.revoke();
    await show(model, undefined, undefined);
    expect(dingtalk.calls.at(-1)).toMatchObject({ path: CREATE, token: 'token-2' });
  });

  test('that could not be had is asked for again, and no error holds a secret', async () => {
    const api = dingtalkApi({ ...DINGTALK_APP, apiUrl: dingtalk.apiUrl }, () => now);
    const body = { code: 'Forbidden', message: DINGTALK_APP.clientSecret };
    dingtalk.refusals.set(TOKEN, { status: 403, body });
    const refused = (await api.call('POST', CREATE, {}).catch((error: unknown) => error)) as Error;
    expect(refused.message).toBe(`DingTalk answers ${TOKEN} with 403 Forbidden`);
    expect(JSON.stringify([refused, refused.stack])).not.toContain(DINGTALK_APP.clientSecret);
    dingtalk.refusals.clear();
    expect(await api.call('POST', CREATE, {})).toMatchObject({ success: true });
  });
});

describe('a click in DingTalk', () => {
  test('names person, card and message, and its person alone gets the answer', async () => {
    const clicks = await clicksOf();
    const answer = await dingtalk.press('m1', dingtalkClick(valueOf('approve')), NOW);
    expect(clicks).toEqual([
      {
        vendor: 'dingtalk',
        actor: 'dingtalk:dinge8a565/bob',
        card: 'hotwave-1',
        click: 'm1',
        at: NOW,
        value: valueOf('approve'),
      },
    ]);
    expect(answer).toMatchObject({ code: 200, headers: { messageId: 'm1' } });
    expect(JSON.parse(answer.data)).toEqual({
      response: {
        cardUpdateOptions: { updatePrivateDataByKey: true },
        userPrivateData: { cardParamMap: { answer: 'approved: wave 2 starts' } },
      },
    });
  });

  test('that is delivered again gets the answer of the first time', async () => {
    const clicks = await clicksOf();
    const first = await dingtalk.press('m1', dingtalkClick(valueOf('pause')), NOW);
    expect(await dingtalk.press('m1', dingtalkClick(valueOf('pause')), NOW)).toEqual(first);
    expect(clicks).toHaveLength(1);
  });

  test('of somebody else on the same card is another one', async () => {
    const clicks = await clicksOf();
    await dingtalk.press('m1', dingtalkClick(valueOf('approve')), NOW);
    await dingtalk.press('m2', dingtalkClick(valueOf('approve'), {}, { userId: 'cleo' }), NOW);
    expect(clicks.map(({ actor }) => actor)).toEqual(['dingtalk:dinge8a565/bob', 'dingtalk:dinge8a565/cleo']);
  });

  test('to reject counts with a reason alone, and one to roll back with a confirmation', async () => {
    const clicks = await clicksOf();
    const said = [];
    for (const [id, verb, more] of [
      ['m1', 'reject', { reason: ' ' }],
      ['m2', 'rollback', {}],
      ['m3', 'reject', { reason: 'lag' }],
      ['m5', 'reject', { reason: 'lag '.repeat(1_000) }],
      ['m4', 'rollback', { confirmed: 'yes' }],
    ] as const)
      said.push(sentenceIn(await dingtalk.press(id, dingtalkClick(valueOf(verb), more), NOW))?.split(':')[0]);
    expect(said).toEqual(['not rejected', 'not rolled back', 'approved', 'approved', 'approved']);
    expect(clicks.map(({ value: { verb }, reason }) => [verb, reason])).toEqual([
      ['reject', 'lag'],
      ['reject', 'lag '.repeat(1_000).trim()],
      ['rollback', undefined],
    ]);
  });

  test.each([
    ['old', -300_001],
    ['from the future', 300_001],
  ])('that is %s wants to be made again', async (_, age) => {
    await connected(clickTaker({ releases: SLOW, sign: (one) => one, now: () => now, log: () => undefined }));
    const answer = await dingtalk.press('m1', dingtalkClick(valueOf('approve')), NOW + age);
    expect(sentenceIn(answer)).toBe('this click is too old: click again');
  });

  test('is answered while Temporal is slow', async () => {
    await connected(clickTaker({ releases: SLOW, sign: (one) => one, now: () => now, log: () => undefined }));
    const started = performance.now();
    expect(sentenceIn(await dingtalk.press('m1', dingtalkClick(valueOf('approve')), NOW))).toBe(TAKEN);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test('on the card of another program is acknowledged and nothing else', async () => {
    const clicks = await clicksOf();
    const answer = await dingtalk.press('m1', dingtalkClick({ verb: 'dance' }), NOW);
    expect([JSON.parse(answer.data), clicks]).toEqual([{ response: {} }, []]);
  });
});

/** Temporal takes signals, and no worker answers questions. */
const SLOW: Releases = {
  ask: async (_workflowId, _decision, milliseconds) => {
    await delay(milliseconds);
    throw new Error('too late');
  },
  signal: () => Promise.resolve(),
  trouble: () => Promise.resolve(undefined),
  isFinal: () => false,
};

describe('the connection to DingTalk', () => {
  test.each([
    'no JSON',
    'null',
    '{"type":"SYSTEM"}',
    '{"type":"CALLBACK"}',
    '{"type":"CALLBACK","headers":{"topic":"error"}}',
    '{"type":"CALLBACK","headers":{"topic":"/v1.0/card/instances/callback","messageId":"x","time":"1"},"data":"?"}',
  ])('outlives a malformed frame: %s', async (frame) => {
    const clicks = await clicksOf();
    await dingtalk.raw(frame);
    await dingtalk.press('m1', dingtalkClick(valueOf('approve')), NOW);
    expect(clicks).toHaveLength(1);
    expect(warnings).toEqual(['DingTalk sent a message that is not understood {"vendor":"dingtalk"}']);
  });

  test('is opened again when it breaks; who clicked before gets the answer over the new one', async () => {
    const clicks = await clicksOf();
    const first = await dingtalk.press('m1', dingtalkClick(valueOf('approve')), NOW);
    await dingtalk.reconnected();
    expect(await dingtalk.press('m1', dingtalkClick(valueOf('approve')), NOW)).toEqual(first);
    expect(clicks).toHaveLength(1);
    expect(warnings).toHaveLength(1);
  });

  test('that cannot be opened is tried again, and its reason holds no secret', async () => {
    const path = '/v1.0/gateway/connections/open';
    dingtalk.refusals.set(path, { status: 401, body: { code: 'authFailed', message: DINGTALK_APP.clientSecret } });
    const clicks = await clicksOf();
    dingtalk.refusals.clear();
    await dingtalk.press('m1', dingtalkClick(valueOf('approve')), NOW);
    expect(clicks).toHaveLength(1);
    const reason = `DingTalk answers ${path} with 401 authFailed`;
    expect(warnings).toEqual([
      `the connection to the chat is lost; it is opened again ${JSON.stringify({ vendor: 'dingtalk', reason })}`,
    ]);
  });

  test('is not opened again after it was closed', async () => {
    await clicksOf();
    await Promise.all(closers.splice(0).map((close) => close()));
    expect(pathsOf()).toEqual(['/v1.0/gateway/connections/open']);
    expect(warnings).toEqual([]);
  });
});
