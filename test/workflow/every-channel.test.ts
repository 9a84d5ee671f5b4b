import { request } from 'undici';
import { expect, inject } from 'vitest';
import { cardModel } from '../../client/gateway/card.ts';
import { releasesOf } from '../../client/gateway/releases.ts';
import { clickTaker } from '../../client/gateway/take-click.ts';
import { readSigningKey, signDecision } from '../../client/decisions/ssh-signature.ts';
import { temporalOver } from '../../client/temporal/connect.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { BOTS } from '../support/bot-programs.ts';
import type { Bot } from '../support/bot-programs.ts';
import { aCard } from '../support/gateway.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { listed, runBot } from '../support/run-bot.ts';
import { personalKey } from '../support/ssh-key.ts';
import { stageCommand } from '../support/stage-command.ts';
import type { Connections, Stage } from '../support/stage.ts';
import { aRelease, test } from '../support/stage.ts';

const ANN = personalKey();
const BOT = personalKey();
const GATEWAY = readSigningKey(personalKey().private);
const keys = [{ key: GATEWAY.public }];
const POLICY = aPolicy({
  people: {
    ann: {
      identities: ['github:ann', 'slack:T1/ANN', 'feishu:ou_ann', 'dingtalk:corp/ann', 'webhook:bot/ann'],
      keys: [{ key: ANN.public }],
    },
    bot: { keys: [{ key: BOT.public }] },
  },
  groups: {},
  channels: { slack: { keys }, feishu: { keys }, dingtalk: { keys }, webhook: { keys } },
});
/** Building the Go program for the first time. */
const BUILDING_MS = 15 * 60_000;

interface Around {
  readonly it: Stage;
  readonly release: StartedRelease;
  readonly wave: number;
  readonly connections: Connections;
}

/** How a vote comes: what does it, and what the record says of it then. */
interface Way {
  readonly vote: (around: Around) => Promise<unknown>;
  readonly recorded: object;
}

async function byCommand({ it, wave }: Around, ...flags: string[]): Promise<void> {
  const env = { HOTWAVE_SIGN_KEY: ANN.path };
  const argv = ['approve', 'arena/duel', '--wave', String(wave), '--actor', 'github:ann', ...flags];
  expect(await stageCommand(it, argv, {}, env)).toMatchObject({ code: 0 });
}

/** The request of the web UI when a person fills in its form for an update, with its cookie against forgery. */
async function byTemporalUi({ release, wave }: Around): Promise<void> {
  const { release: name, planHash } = await release.state();
  const ui = inject('temporalUi');
  const page = await request(`${ui}/api/v1/settings`);
  await page.body.dump();
  const cookies = [page.headers['set-cookie'] ?? []].flat().map((cookie) => cookie.split(';')[0] ?? '');
  const token = cookies.find((cookie) => cookie.startsWith('_csrf='))?.slice('_csrf='.length) ?? '';
  const decision = {
    id: `ui-${wave}`,
    verb: 'approve',
    release: name,
    plan: planHash,
    wave,
    actor: 'github:ann',
    channel: 'ui',
  };
  const data = Buffer.from(JSON.stringify(decision)).toString('base64');
  const encoding = Buffer.from('json/plain').toString('base64');
  const { workflowId } = await release.handle.describe();
  const { statusCode, body } = await request(
    `${ui}/api/v1/namespaces/default/workflows/${encodeURIComponent(workflowId)}/update/${MESSAGES.decide}`,
    {
      method: 'POST',
      headers: { 'content-type': 'application/json', cookie: cookies.join('; '), 'x-csrf-token': token },
      body: JSON.stringify({
        waitPolicy: { lifecycleStage: 'UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED' },
        request: {
          meta: { updateId: decision.id, identity: 'the web UI' },
          input: { name: MESSAGES.decide, args: { payloads: [{ metadata: { encoding }, data }] } },
        },
      }),
    },
  );
  expect([statusCode, await body.text()]).toEqual([200, expect.stringContaining('outcome')]);
}

function byBot(bot: Bot, by: 'update' | 'signal'): Way {
  return {
    async vote({ it, wave }) {
      await listed(it, wave);
      await runBot(bot, it, { keyPath: BOT.path, by });
    },
    recorded: { actor: 'bot', channel: bot, vouchedBy: "bot's key" },
  };
}

/** The way of a click through the gateway, once the chat has vouched for the person who clicked. */
function byChat(vendor: string, identity: string): Way {
  return {
    async vote({ release, wave, connections: { connection } }) {
      const temporal = temporalOver(connection, {
        address: 'the dev server',
        namespace: 'default',
        identity: 'gateway',
      });
      const take = clickTaker({
        releases: releasesOf(temporal),
        sign: (decision, now) => signDecision(decision, GATEWAY, now),
        now: () => Date.now(),
        log: () => undefined,
      });
      const { release: name, planHash } = await release.state();
      const { runId, workflowId } = await release.handle.describe();
      const card = aCard({ release: name, planHash, runId, workflowId, gate: { wave, missing: '', approvedBy: [] } });
      const [approve] = cardModel(card).buttons;
      if (!approve) throw new Error('no button');
      const { value } = approve;
      const click = { vendor, actor: `${vendor}:${identity}`, card: 'C1:1.2', click: `${vendor}-${wave}`, value };
      expect(await take({ ...click, at: Date.now() })).toBe(`approved: wave ${wave} starts`);
    },
    recorded: { actor: 'ann', as: `${vendor}:${identity}`, channel: vendor, vouchedBy: `the key of ${vendor}` },
  };
}

const WAYS: readonly Way[] = [
  { vote: (around) => byCommand(around), recorded: { actor: 'ann', as: 'github:ann', channel: 'cli' } },
  {
    vote: (around) => byCommand(around, '--sign'),
    recorded: { actor: 'ann', channel: 'cli', vouchedBy: "ann's key" },
  },
  { vote: byTemporalUi, recorded: { actor: 'ann', as: 'github:ann', channel: 'ui' } },
  ...BOTS.map((bot) => byBot(bot, bot === 'temporal-cli' ? 'signal' : 'update')),
  byChat('slack', 'T1/ANN'),
  byChat('feishu', 'ou_ann'),
  byChat('dingtalk', 'corp/ann'),
  byChat('webhook', 'bot/ann'),
];

test(
  'one release is approved through every channel, and history and report say who, over which, and what vouches for it',
  { timeout: BUILDING_MS },
  async ({ stage, connections }) => {
    const it = await stage({ sets: [{ replicas: WAYS.length }] }, undefined, { policy: fakePolicy(POLICY) });
    const waves = [...WAYS.slice(1).map(() => 1), 'rest'];
    const gates = WAYS.map((_, index) => ({ before: index + 1 }));
    const release = await it.start(aRelease({ waves, gates }), 'github:ann');
    for (const [index, { vote }] of WAYS.entries()) {
      const wave = index + 1;
      const isOpen = (state: ReleaseState): boolean => state.phase === 'waiting-approval' && state.gate?.wave === wave;
      await release.idle(`the gate before wave ${wave}`, isOpen);
      await vote({ it, release, wave, connections });
    }
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { decisions } = await release.state();
    expect(decisions).toMatchObject(
      WAYS.map(({ recorded }, index) => ({ ...recorded, wave: index + 1, accepted: true })),
    );
    expect(decisions.map(({ vouchedBy }) => vouchedBy !== undefined)).toEqual(
      WAYS.map(({ recorded }) => 'vouchedBy' in recorded),
    );
    const status = await stageCommand(it, ['status', 'arena/duel']);
    expect(status.out).toContain('approve wave 3 by ann via ui, claimed');
    expect(status.out).toContain('approve wave 10 by ann via dingtalk, vouched for by the key of dingtalk');
    const { out } = await stageCommand(it, ['history', 'arena/duel', '-o', 'json']);
    expect(out).toContain('"channel": "slack"');
  },
);
