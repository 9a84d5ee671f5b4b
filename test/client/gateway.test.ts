import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { describe, expect, test, vi } from 'vitest';
import { gatewayApp } from '../../client/gateway/app.ts';
import { cardModel } from '../../client/gateway/card.ts';
import { clickTaker, CROWDED, decisionOf, UNSURE } from '../../client/gateway/take-click.ts';
import type { Desk, Releases } from '../../client/gateway/take-click.ts';
import { NotCarried } from '../../client/gateway/together.ts';
import type { ChatVendor, Click, TakeClick } from '../../client/gateway/vendor.ts';
import { readSigningKey, signDecision } from '../../client/decisions/ssh-signature.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';
import { aCard, aNotice, SECRET, signedWebhook } from '../support/gateway.ts';
import { personalKey } from '../support/ssh-key.ts';

const NOW = 1_800_000_000_000;
const KEY = readSigningKey(personalKey().private);
const [approve] = cardModel(aCard()).buttons;
if (!approve) throw new Error('the card has no button');
const aClick: Click = {
  vendor: 'slack',
  card: 'C1:1.2',
  actor: 'slack:T1/U2',
  click: '1',
  value: approve.value,
  at: NOW,
};

/** A release that takes the first decision of each id. */
function aRelease(change: Partial<Releases> = {}): Releases & { readonly signals: DecisionMessage[] } {
  const signals: DecisionMessage[] = [];
  return {
    signals,
    ask: (_, { id }) =>
      Promise.resolve({ given: signals.some((one) => one.id === id), accepted: true, message: 'approved' }),
    signal(_, decision) {
      signals.push(decision);
      return Promise.resolve();
    },
    trouble: () => Promise.resolve(undefined),
    isFinal: () => false,
    ...change,
  };
}

/** A call that Temporal did not answer. */
const FAILS = Promise.reject(new Error('no answer'));
FAILS.catch(() => undefined);

const deskOf = (releases: Releases, change: Partial<Desk> = {}): Desk => {
  return {
    releases,
    sign: (decision, now) => signDecision(decision, KEY, now),
    now: () => NOW,
    log: () => undefined,
    ...change,
  };
};

function anApp(releases: Releases, vendors: readonly ChatVendor[] = [], now = NOW) {
  return gatewayApp({
    vendors,
    take: clickTaker(deskOf(releases)),
    noticeKeys: [{ name: 'notices', secret: SECRET }],
    webhookKeys: [{ name: 'bot', secret: SECRET }],
    now: () => now,
    trouble: () => Promise.resolve(undefined),
    warn: () => undefined,
  });
}

const A_DECISION = JSON.stringify({ ...approve.value, actor: 'ann', reason: 'looks good' });
const post = (body: string, headers: Record<string, string>) => ({ method: 'POST', body, headers });

describe('a decision by Standard Webhooks', () => {
  test('is signed by the gateway under the name of its key', async () => {
    const release = aRelease();
    const { body, headers } = signedWebhook('m1', A_DECISION, NOW);
    const answer = await anApp(release).request('/decisions', post(body, headers));
    expect([answer.status, await answer.json()]).toEqual([200, { message: 'approved' }]);
    expect(release.signals).toMatchObject([
      { verb: 'approve', wave: 2, actor: 'webhook:bot/ann', channel: 'webhook', signedAt: NOW, reason: 'looks good' },
    ]);
    expect(release.signals[0]?.signature).toMatch(/^-----BEGIN SSH SIGNATURE-----/);
  });

  test.each([
    ['an old one', NOW - 301_000, A_DECISION],
    ['one from the future', NOW + 301_000, A_DECISION],
    ['another body', NOW, `${A_DECISION} `],
  ])('is refused: %s', async (_, at, sent) => {
    const release = aRelease();
    const { headers } = signedWebhook('m1', A_DECISION, at);
    expect((await anApp(release).request('/decisions', post(sent, headers))).status).toBe(401);
    expect(release.signals).toEqual([]);
  });

  test('is refused with the secret of somebody else', async () => {
    const { body, headers } = signedWebhook('m1', A_DECISION, NOW, `whsec_${Buffer.alloc(24, 1).toString('base64')}`);
    expect((await anApp(aRelease()).request('/decisions', post(body, headers))).status).toBe(401);
  });

  test('is refused when it is replayed, and counts once when it is delivered again with a new time', async () => {
    const release = aRelease();
    const app = anApp(release);
    const first = signedWebhook('m1', A_DECISION, NOW);
    const again = signedWebhook('m1', A_DECISION, NOW + 2_000);
    const codes = [];
    for (const { body, headers } of [first, first, again])
      codes.push((await app.request('/decisions', post(body, headers))).status);
    expect(codes).toEqual([200, 409, 200]);
    expect(release.signals).toHaveLength(1);
  });

  test('reaches no workflow that is no release', async () => {
    const body = JSON.stringify({ ...approve.value, workflowId: 'payments/1', actor: 'ann' });
    const { headers } = signedWebhook('m1', body, NOW);
    expect((await anApp(aRelease()).request('/decisions', post(body, headers))).status).toBe(400);
  });
});

describe('a click', () => {
  test('of the same person on the same card is the same vote, whatever the replica', () => {
    expect(decisionOf({ ...aClick, click: '2', at: NOW + 9 }).id).toBe(decisionOf(aClick).id);
    expect(decisionOf({ ...aClick, actor: 'slack:T1/U3' }).id).not.toBe(decisionOf(aClick).id);
  });

  test('that is no vote counts once for each click', () => {
    const pause: Click = { ...aClick, value: { ...aClick.value, verb: 'pause', wave: undefined } };
    expect(decisionOf({ ...pause, click: '2' }).id).not.toBe(decisionOf(pause).id);
    expect(decisionOf({ ...pause }).id).toBe(decisionOf(pause).id);
  });

  test('that the release would refuse is answered with its sentence, and not sent', async () => {
    const sentence = 'no gate is open';
    const release = aRelease({ ask: () => Promise.resolve({ given: false, accepted: false, message: sentence }) });
    expect(await clickTaker(deskOf(release))(aClick)).toBe(sentence);
    expect(release.signals).toEqual([]);
  });

  test('decides nothing while Temporal is down, and says so', async () => {
    const release = aRelease({
      ask: () => Promise.reject(new Error('down')),
      trouble: () => Promise.resolve('Temporal at temporal:7233 does not answer'),
    });
    expect(await clickTaker(deskOf(release))(aClick)).toBe(
      'Temporal at temporal:7233 does not answer; nothing was decided: click again',
    );
    expect(release.signals).toEqual([]);
  });

  test('is sent while no worker answers: Temporal keeps it', async () => {
    let asked = 0;
    const release = aRelease();
    const busy = {
      ...release,
      ask: (...args: Parameters<Releases['ask']>) => (asked++ ? release.ask(...args) : FAILS),
    };
    expect(await clickTaker(deskOf(busy))(aClick)).toBe('approved');
    expect(release.signals).toHaveLength(1);
  });

  test('that Temporal may have or not have says that nobody knows, and is not sent again', async () => {
    let sent = 0;
    const release = aRelease({ signal: () => (sent++, FAILS) });
    expect(await clickTaker(deskOf(release))(aClick)).toBe(UNSURE);
    expect(sent).toBe(1);
  });

  test('after a refusal is another decision, and a double click after it the same one', async () => {
    const refused = new Set([decisionOf(aClick).id]);
    const signals: string[] = [];
    const release = aRelease({
      ask: (_, { id }) =>
        Promise.resolve({
          given: refused.has(id) || signals.includes(id),
          accepted: !refused.has(id),
          message: 'said',
        }),
      signal: (_, { id }) => Promise.resolve(void signals.push(id)),
    });
    const take = clickTaker(deskOf(release));
    await take({ ...aClick, click: '2' });
    await take({ ...aClick, click: '3' });
    expect(signals).toEqual([decisionOf(aClick, 1).id]);
    expect(signals).not.toContain(decisionOf(aClick).id);
  });

  test('that was never sent, because others came first, is told that nothing was decided', async () => {
    const release = aRelease({ signal: () => Promise.reject(new NotCarried('others came first')) });
    expect(await clickTaker(deskOf(release))(aClick)).toBe(CROWDED);
  });

  test('on a release that has ended says so', async () => {
    const release = aRelease({ ask: () => Promise.reject(new Error('not found')), isFinal: () => true });
    expect(await clickTaker(deskOf(release))(aClick)).toMatch(/^the release does not take decisions any more/);
  });

  test('from long ago wants to be clicked again', async () => {
    expect(await clickTaker(deskOf(aRelease()))({ ...aClick, at: NOW - 300_001 })).toBe(
      'this click is too old: click again',
    );
  });
});

/** A chat that remembers what was shown. */
function aChat(name: string): ChatVendor & { readonly shown: (string | undefined)[][] } {
  const shown: (string | undefined)[][] = [];
  return {
    name,
    shown,
    show({ why }, receipt, line) {
      shown.push([why, receipt, line]);
      return Promise.resolve(receipt ?? `${name}:${shown.length}`);
    },
  };
}

describe('a notice', () => {
  const send = async (app: ReturnType<typeof anApp>, notice = aNotice(), receipt?: string, at = NOW) => {
    const { body, headers } = signedWebhook(notice.id, JSON.stringify(notice), at);
    const carried: Record<string, string> = receipt === undefined ? {} : { 'hotwave-receipt': receipt };
    const answer = await app.request('/notices', post(body, { ...headers, ...carried }));
    return [answer.status, await answer.json()] as const;
  };

  test('becomes one card in each chat; its receipt leads to the same cards again', async () => {
    const chats = [aChat('slack'), aChat('feishu')] as const;
    const app = anApp(aRelease(), chats);
    const receipt = 'slack=slack%3A1&feishu=feishu%3A1';
    expect(await send(app)).toEqual([200, { receipt }]);
    const next = aNotice({ id: 'notice-2', kind: 'paused', release: aCard({ why: 'paused by bob' }) });
    expect(await send(app, next, receipt)).toEqual([200, { receipt }]);
    expect(chats[0].shown).toEqual([
      ['wave 2 waits for 1 more of ops', undefined, 'the gate is open'],
      ['paused by bob', 'slack:1', undefined],
    ]);
  });

  test('that is replayed gets the same receipt and changes nothing', async () => {
    const chat = aChat('slack');
    const app = anApp(aRelease(), [chat]);
    expect(await send(app)).toEqual(await send(app));
    expect(chat.shown).toHaveLength(1);
  });

  test('that is sent again because a chat was slow becomes one card, and the second answer has its receipt', async () => {
    const slow = Promise.withResolvers<undefined>();
    const chat = aChat('slack');
    const vendor: ChatVendor = { name: 'slack', show: (...shown) => slow.promise.then(() => chat.show(...shown)) };
    const app = anApp(aRelease(), [vendor]);
    const first = send(app);
    const again = send(app, aNotice(), undefined, NOW + 11_000);
    slow.resolve(undefined);
    expect(await again).toEqual([200, { receipt: 'slack=slack%3A1' }]);
    expect(await again).toEqual(await first);
    expect(chat.shown).toHaveLength(1);
  });

  test('that no chat took is shown when it comes again', async () => {
    const chat = aChat('slack');
    let tries = 0;
    const show: ChatVendor['show'] = (...shown) =>
      (tries += 1) === 1 ? Promise.reject(new Error('down')) : chat.show(...shown);
    const app = anApp(aRelease(), [{ name: 'slack', show }]);
    expect((await send(app))[0]).toBe(503);
    expect(await send(app, aNotice(), undefined, NOW + 1_000)).toEqual([200, { receipt: 'slack=slack%3A1' }]);
  });

  test('is none when it is nested ten thousand levels deep', async () => {
    const text = JSON.stringify(aNotice()).replace(
      '"cluster"',
      `"x":${'['.repeat(10_000)}${']'.repeat(10_000)},"cluster"`,
    );
    const { body, headers } = signedWebhook('notice-1', text, NOW);
    const answer = await anApp(aRelease(), [aChat('slack')]).request('/notices', post(body, headers));
    expect([answer.status, await answer.json()]).toEqual([400, { message: 'it is no notice' }]);
  });

  test('is not taken while every chat is broken, and is while one is not', async () => {
    const broken: ChatVendor = { name: 'feishu', show: () => Promise.reject(new Error('down')) };
    expect((await send(anApp(aRelease(), [broken])))[0]).toBe(503);
    expect(await send(anApp(aRelease(), [broken, aChat('slack')]))).toEqual([200, { receipt: 'slack=slack%3A1' }]);
  });
});

describe('a request that goes wrong', () => {
  const appThat = (take: TakeClick, warned: string[]) =>
    gatewayApp({
      vendors: [],
      take,
      noticeKeys: [],
      webhookKeys: [{ name: 'bot', secret: SECRET }],
      now: () => NOW,
      trouble: () => Promise.resolve(undefined),
      warn: (message, fields) => void warned.push(`${message}: ${JSON.stringify(fields)}`),
    });

  test('is one line in the log, without what was sent', async () => {
    const warned: string[] = [];
    const app = appThat(() => Promise.reject(new TypeError('TOPSECRET')), warned);
    const { body, headers } = signedWebhook('m1', A_DECISION, NOW);
    const answer = await app.request('/decisions', post(body, headers));
    expect([answer.status, await answer.json()]).toEqual([500, { message: 'it could not be answered' }]);
    expect(warned).toEqual(['a request could not be answered: {"path":"/decisions","reason":"TypeError"}']);
  });

  test('because its client hangs up before the end is no line: anybody may do that', async () => {
    const warned: string[] = [];
    const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const server = serve({ fetch: appThat(() => Promise.resolve(''), warned).fetch, hostname: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const arrived = once(server, 'request');
    const client = connect(port, '127.0.0.1');
    client.write('POST /decisions HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n{');
    const [, response] = (await arrived) as [IncomingMessage, ServerResponse];
    const over = once(response, 'close');
    client.destroy();
    await over;
    await new Promise(setImmediate);
    expect([warned, errors.mock.calls]).toEqual([[], []]);
    errors.mockRestore();
    server.close();
  });
});

describe('a card', () => {
  test('offers what can be decided now, with all that a decision needs', () => {
    const { buttons, waves, title } = cardModel(aCard());
    expect(buttons.map(({ value: { verb, wave } }) => [verb, wave])).toEqual([
      ['approve', 2],
      ['reject', 2],
      ['pause', undefined],
      ['rollback', undefined],
    ]);
    expect(title).toBe('duel-2 on arena/duel: v1 to v2 (waiting-approval)');
    expect(waves).toEqual(['██████████ 1 canary: 2 of 2 proven, done', '░░░░░░░░░░ 2 rest: 0 of 8 proven, pending']);
  });

  test('says who vouches for a decision, and what is only claimed', () => {
    const made = { verb: 'pause', actor: 'ann', channel: 'cli', at: 1, accepted: true, answer: 'paused' } as const;
    const { decisions } = cardModel(
      aCard({ decisions: [made, { ...made, vouchedBy: 'the key of slack', reason: 'hm' }] }),
    );
    expect(decisions).toEqual(['pause by ann (claimed, by cli)', 'pause by ann (vouched by the key of slack): hm']);
  });

  test('links to its run in the Temporal UI', () => {
    expect(cardModel(aCard(), 'https://ui/').link).toBe(
      'https://ui/namespaces/default/workflows/hotwave%2Feu%2Farena%2Fduel/0b0f2a52-6a1f-4a3e-9d0f-0d5e9f3f5a11/user-metadata',
    );
  });
});
