import { createHmac } from 'node:crypto';
import { describe, expect, inject } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { until } from '../lab/until.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { secretFiles, startGatewayProcess } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { SECRET } from '../support/gateway.ts';
import { fakeSlack } from '../support/slack-server.ts';
import type { FakeSlack } from '../support/slack-server.ts';
import { personalKey } from '../support/ssh-key.ts';
import { aRelease, test as staged } from '../support/stage.ts';
import { tcpDoor } from '../support/tcp-door.ts';

const KEY = personalKey();
const secrets = secretFiles({
  HOTWAVE_SLACK_TOKEN_FILE: 'xoxb-1',
  HOTWAVE_SLACK_SIGNING_SECRET_FILE: 'shh',
  HOTWAVE_NOTICES_SECRET_FILE: SECRET,
  HOTWAVE_WEBHOOK_KEYS_FILE: `bot ${SECRET}`,
});
const settings = (slack: FakeSlack, address = inject('temporalAddress')): Record<string, string> => ({
  TEMPORAL_ADDRESS: address,
  HOTWAVE_SIGN_KEY: KEY.path,
  HOTWAVE_SLACK_CHANNEL: 'C1',
  HOTWAVE_SLACK_API_URL: slack.apiUrl,
  ...secrets,
});

/** The people who may decide, and where they are told. */
const policyWith = (gateway: Pick<GatewayProcess, 'url'>) =>
  fakePolicy(
    aPolicy({
      channels: { slack: { keys: [{ key: KEY.public }] } },
      rules: [{ namespaces: ['*'], vouched: ['approve', 'reject'], gates: [{ before: 1, groups: { ops: 1 } }] }],
      sinks: [{ name: 'chat', url: `${gateway.url}/notices`, secretFile: secrets['HOTWAVE_NOTICES_SECRET_FILE']! }],
    }),
  );
const times = { backOff: { first: 50, most: 300 } };
const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

interface Fixtures {
  readonly slack: FakeSlack;
  /** Starts gateways that end with the test. */
  readonly gateway: (env: Readonly<Record<string, string>>) => Promise<GatewayProcess>;
}
const test = staged.extend<Fixtures>({
  // eslint-disable-next-line no-empty-pattern
  slack: async ({}, use) => {
    const slack = await fakeSlack();
    await use(slack);
    await slack.close();
  },
  // eslint-disable-next-line no-empty-pattern
  gateway: async ({}, use) => {
    const started: GatewayProcess[] = [];
    await use(async (env) => {
      const gateway = await startGatewayProcess(env);
      started.push(gateway);
      return gateway;
    });
    await Promise.all(started.map((one) => one.kill()));
  },
});

/** The card that a release has in Slack, once it shows something. */
async function cardThatShows(
  slack: FakeSlack,
  text: string,
): Promise<{ readonly ts: string; readonly blocks: string }> {
  return await until({ what: `a card that shows ${text}`, deadlineMs: 60_000, everyMs: 50 }, () => {
    const [ts = ''] = cardsOf(slack);
    const blocks = slack.shown(ts);
    return blocks.includes(text) && { ts, blocks };
  });
}

/** Messages that are no lines in a thread. */
function cardsOf({ calls }: FakeSlack): string[] {
  return calls.flatMap(({ method, fields }, index) =>
    method === 'chat.postMessage' && fields['thread_ts'] === undefined ? [`1.${index + 1}`] : [],
  );
}

async function isReady({ url }: Pick<GatewayProcess, 'url'>): Promise<void> {
  const wait = { what: 'the gateway to be ready', deadlineMs: 20_000 };
  await until(wait, async () => (await fetch(`${url}/readyz`)).ok);
}

interface ShownButton {
  readonly action_id: string;
  readonly value: string;
}

/** Clicks as Slack reports it, signed; gives the status of the answer. */
async function click(
  { url }: Pick<GatewayProcess, 'url'>,
  { ts, blocks }: { readonly ts: string; readonly blocks: string },
  verb = 'approve',
  person = 'BOB',
): Promise<number> {
  const buttons = (JSON.parse(blocks) as { elements?: ShownButton[] }[]).flatMap(({ elements = [] }) => elements);
  const button = buttons.find(({ action_id: id }) => id === `hotwave-${verb}`);
  if (!button) throw new Error(`the card has no button to ${verb}`);
  const at = Date.now();
  const payload = {
    type: 'block_actions',
    user: { id: person, team_id: 'T1' },
    team: { id: 'T1' },
    trigger_id: '1.2.3',
    container: { channel_id: 'C1', message_ts: ts },
    actions: [{ ...button, action_ts: String(at) }],
  };
  const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
  const time = String(Math.floor(at / 1_000));
  const signature = `v0=${createHmac('sha256', 'shh').update(`v0:${time}:${body}`).digest('hex')}`;
  const headers = { 'x-slack-request-timestamp': time, 'x-slack-signature': signature };
  return (await fetch(`${url}/vendors/slack`, { method: 'POST', body, headers })).status;
}

/** The sentence that a person alone has got. */
const toldTo = async (slack: FakeSlack, act: () => Promise<unknown>): Promise<string> => {
  const told = slack.next('chat.postEphemeral');
  await act();
  return (await told).fields['blocks'] ?? '';
};

describe('hotwave gateway, the process', () => {
  test('shows a release as one card, and a signed click lets it go on', async ({ stage, slack, gateway }) => {
    const it = await gateway(settings(slack));
    expect(await (await fetch(`${it.url}/healthz`)).text()).toBe('ok');
    await isReady(it);
    const hotwave = await stage({}, undefined, { policy: policyWith(it), courierTimes: times });
    const release = await hotwave.start(aRelease({}), 'github:ann');
    await release.until('the gate', isOpen);
    const card = await cardThatShows(slack, 'hotwave-approve');
    const linesOf = () => slack.calls.filter(({ fields }) => fields['thread_ts'] === card.ts);
    await until({ what: 'the line in the thread', deadlineMs: 20_000, everyMs: 20 }, () => linesOf().length > 0);
    expect(linesOf().map(({ fields }) => fields['blocks'])).toEqual([expect.stringContaining('gate')]);
    expect(await toldTo(slack, () => click(it, card))).toContain('approved: wave 1 starts');
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { blocks } = await cardThatShows(slack, '(done)');
    expect(blocks).toContain('approve by bob (vouched by ');
    expect(cardsOf(slack)).toEqual([card.ts]);
    const { code, milliseconds } = await it.stop();
    expect(code).toBe(0);
    expect(milliseconds).toBeLessThan(5_000);
    expect(it.log()).not.toMatch(/xoxb-1|shh|whsec_/);
  });

  test('is killed between a click and its answer: the decision happens once, and a second click says what happened', async ({
    stage,
    slack,
    gateway,
  }) => {
    const first = await gateway(settings(slack));
    const hotwave = await stage({}, undefined, { policy: policyWith(first), courierTimes: times });
    const release = await hotwave.start(aRelease({}), 'github:ann');
    await release.until('the gate', isOpen);
    const card = await cardThatShows(slack, 'hotwave-approve');
    const unanswered = click(first, card).catch(() => 'no answer');
    await until({ what: 'the click to be on its way', deadlineMs: 10_000, everyMs: 1 }, async () => {
      const { decisions } = await release.state();
      return decisions.length > 0;
    });
    await first.kill();
    await unanswered;
    const again = await gateway({ ...settings(slack), HOTWAVE_GATEWAY_HTTP: new URL(first.url).host });
    expect(await toldTo(slack, () => click(again, card))).toContain('approved: wave 1 starts');
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const votes = (await release.state()).decisions.map(({ verb, actor, accepted }) => [verb, actor, accepted]);
    expect(votes).toEqual([['approve', 'bob', true]]);
    await cardThatShows(slack, '(done)');
    expect(cardsOf(slack)).toEqual([card.ts]);
  });

  test('starts while Temporal is down, is not ready, and is when Temporal comes', async ({ slack, gateway }) => {
    const door = await tcpDoor(inject('temporalAddress'));
    door.shut();
    const it = await gateway(settings(slack, door.address));
    const unready = await fetch(`${it.url}/readyz`);
    expect([unready.status, await unready.text()]).toEqual([503, `Temporal at ${door.address} does not answer`]);
    expect((await fetch(`${it.url}/healthz`)).status).toBe(200);
    door.open();
    await isReady(it);
    await it.kill();
    await door.close();
  });
});
