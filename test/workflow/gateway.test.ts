import { describe, expect, inject } from 'vitest';
import { cardModel } from '../../client/gateway/card.ts';
import { releasesOf } from '../../client/gateway/releases.ts';
import { TAKEN, clickTaker } from '../../client/gateway/take-click.ts';
import type { Click, TakeClick } from '../../client/gateway/vendor.ts';
import { readSigningKey, signDecision } from '../../client/decisions/ssh-signature.ts';
import { temporalOver } from '../../client/temporal/connect.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { aCard } from '../support/gateway.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { personalKey } from '../support/ssh-key.ts';
import type { Connections } from '../support/stage.ts';
import { startKillableWorkers } from '../support/killable-workers.ts';
import { aRelease, emptyStage, test } from '../support/stage.ts';

const GATEWAY = readSigningKey(personalKey().private);
const keys = [{ key: GATEWAY.public }];
const POLICY = aPolicy({
  people: {
    ann: { identities: ['github:ann'] },
    bob: { identities: ['slack:T1/BOB'] },
    cleo: { identities: ['feishu:ou_cleo'] },
    dan: { identities: ['webhook:bot/dan'] },
  },
  groups: { ops: ['bob', 'cleo', 'dan'] },
  channels: { slack: { keys }, feishu: { keys }, webhook: { keys } },
  rules: [{ namespaces: ['*'], vouched: ['approve', 'reject'], gates: [{ before: 1, groups: { ops: 3 } }] }],
});

/** A replica of the gateway, which shares nothing with another one. */
function aGateway({ connection }: Connections, key = GATEWAY): TakeClick {
  const temporal = temporalOver(connection, { address: 'the dev server', namespace: 'default', identity: 'gateway' });
  return clickTaker({
    releases: releasesOf(temporal),
    sign: (decision, now) => signDecision(decision, key, now),
    now: () => Date.now(),
    log: () => undefined,
  });
}

const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

async function aVote(release: StartedRelease): Promise<Click> {
  const { release: name, planHash } = await release.idle('the gate', isOpen);
  const { runId, workflowId } = await release.handle.describe();
  const card = aCard({ release: name, planHash, runId, workflowId, gate: { wave: 1, missing: '', approvedBy: [] } });
  const [approve] = cardModel(card).buttons;
  if (!approve) throw new Error('no button');
  return { vendor: 'slack', actor: 'slack:T1/BOB', card: 'C1:1.2', click: '1', value: approve.value, at: Date.now() };
}

describe('a release behind a gateway', () => {
  test('is approved through Slack, Feishu and Standard Webhooks, each person once', async ({ stage, connections }) => {
    const it = await stage({}, undefined, { policy: fakePolicy(POLICY) });
    const release = await it.start(aRelease(), 'github:ann');
    const bob = await aVote(release);
    const [one, other] = [aGateway(connections), aGateway(connections)];
    const answers = await Promise.all([one(bob), other({ ...bob, click: '2' })]);
    expect(answers[1]).toBe(answers[0]);
    const cleo = { ...bob, vendor: 'feishu', actor: 'feishu:ou_cleo', card: 'om_1' };
    const dan = { ...bob, vendor: 'webhook', actor: 'webhook:bot/dan', card: 'bot' };
    await one(cleo);
    expect(await other(dan)).toBe('approved: wave 1 starts');
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { decisions } = await release.state();
    expect(decisions.map(({ actor, accepted }) => [actor, accepted])).toEqual([
      ['bob', true],
      ['cleo', true],
      ['dan', true],
    ]);
  });

  test('does not believe somebody whom the policy does not know, nor a gateway with another key', async ({
    stage,
    connections,
  }) => {
    const it = await stage({}, undefined, { policy: fakePolicy(POLICY) });
    const release = await it.start(aRelease(), 'github:ann');
    const bob = await aVote(release);
    const stranger = await aGateway(connections)({ ...bob, actor: 'slack:T1/NOBODY' });
    const forged = await aGateway(connections, readSigningKey(personalKey().private))(bob);
    expect([stranger, forged]).not.toContain('approved: wave 1 starts');
    expect((await release.state()).gate?.approvedBy).toEqual([]);
  });

  test('says of a click after the end that it has ended', async ({ stage, connections }) => {
    const it = await stage();
    const release = await it.start(aRelease({}));
    const { runId, workflowId } = await release.handle.describe();
    await release.result();
    const { release: name, planHash } = await release.state();
    const [, , pause] = cardModel(aCard({ release: name, planHash, runId, workflowId })).buttons;
    if (!pause) throw new Error('no button');
    const late = {
      vendor: 'slack',
      actor: 'slack:T1/BOB',
      card: 'C1:1.2',
      click: '1',
      value: pause.value,
      at: Date.now(),
    };
    expect(await aGateway(connections)(late)).toMatch(/ended|over|done/);
  });
});

/** A worker that stands still is missed only by those who wait for it: Temporal keeps its connection. */
test('a click on a release whose worker stands still is told so, and counts once when the worker wakes', async ({
  connections,
}) => {
  const stage = emptyStage(connections, {});
  const [address, bundlePath] = [inject('temporalAddress'), inject('bundlePath')];
  const sleeper = await startKillableWorkers([stage], { address, bundlePath });
  const release = await stage.start(aRelease({ gates: [{ before: 1 }] }), 'github:ann');
  const bob = await aVote(release);
  sleeper.stop();
  const [one, other] = [aGateway(connections), aGateway(connections)];
  expect(await Promise.all([one(bob), other({ ...bob, click: '2' })])).toEqual([TAKEN, TAKEN]);
  await sleeper.wake();
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  const { decisions } = await release.state();
  expect(decisions.map(({ verb, as, actor, accepted }) => [verb, as ?? actor, accepted])).toEqual([
    ['approve', 'slack:T1/BOB', true],
  ]);
  expect(await one({ ...bob, click: '3', at: Date.now() })).toBe('approved: wave 1 starts');
  await sleeper.kill();
});
