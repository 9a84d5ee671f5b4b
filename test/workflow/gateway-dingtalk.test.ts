import { expect } from 'vitest';
import { cardModel } from '../../client/gateway/card.ts';
import { dingtalkVendor } from '../../client/gateway/dingtalk.ts';
import { releasesOf } from '../../client/gateway/releases.ts';
import { clickTaker } from '../../client/gateway/take-click.ts';
import { readSigningKey, signDecision } from '../../client/decisions/ssh-signature.ts';
import { temporalOver } from '../../client/temporal/connect.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { DINGTALK_APP, dingtalkClick, fakeDingtalk, sentenceIn } from '../support/dingtalk-server.ts';
import { aCard } from '../support/gateway.ts';
import { personalKey } from '../support/ssh-key.ts';
import { aRelease, test } from '../support/stage.ts';

const GATEWAY = readSigningKey(personalKey().private);
const POLICY = aPolicy({
  people: {
    ann: { identities: ['github:ann'] },
    bob: { identities: ['dingtalk:dinge8a565/bob'] },
    eve: { identities: ['dingtalk:dinge8a565/eve'] },
  },
  groups: { ops: ['bob'] },
  channels: { dingtalk: { keys: [{ key: GATEWAY.public }] } },
  rules: [{ namespaces: ['*'], vouched: ['approve', 'reject'], gates: [{ before: 1, groups: { ops: 1 } }] }],
});
const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

test('a release is approved through DingTalk by who may, once, and who may not is told why', async ({
  stage,
  connections: { connection },
}) => {
  const dingtalk = await fakeDingtalk();
  const temporal = temporalOver(connection, { address: 'the dev server', namespace: 'default', identity: 'gateway' });
  const take = clickTaker({
    releases: releasesOf(temporal),
    sign: (decision, now) => signDecision(decision, GATEWAY, now),
    now: () => Date.now(),
    log: () => undefined,
  });
  const chat = { robotCode: 'robot', conversation: 'cid1', template: 't1.schema', apiUrl: dingtalk.apiUrl };
  const tools = { now: () => Date.now(), warn: () => undefined };
  const close = await dingtalkVendor({ ...DINGTALK_APP, ...chat }, tools).connect?.(take);

  const it = await stage({}, undefined, { policy: fakePolicy(POLICY) });
  const release = await it.start(aRelease(), 'github:ann');
  const { release: name, planHash } = await release.idle('the gate', isOpen);
  const { runId, workflowId } = await release.handle.describe();
  const gate = { wave: 1, missing: '', approvedBy: [] };
  const [approve] = cardModel(aCard({ release: name, planHash, runId, workflowId, gate })).buttons;
  if (!approve) throw new Error('no button');
  const press = async (id: string, userId: string): Promise<string | undefined> =>
    sentenceIn(await dingtalk.press(id, dingtalkClick(approve.value, {}, { userId }), Date.now()));

  const stranger = await press('m1', 'nobody');
  const outsider = await press('m2', 'eve');
  expect((await release.state()).gate?.approvedBy).toEqual([]);
  const double = await Promise.all([press('m3', 'bob'), press('m4', 'bob')]);
  expect(double).toEqual(['approved: wave 1 starts', 'approved: wave 1 starts']);
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  const late = await press('m5', 'bob');
  expect(await press('m5', 'bob')).toBe(late);

  const refusal = 'is in no group that decides about wave 1: ask somebody of ops';
  expect([stranger, outsider, late]).toEqual([
    `dingtalk:dinge8a565/nobody ${refusal}`,
    `eve ${refusal}`,
    'approved: wave 1 starts',
  ]);
  const { decisions } = await release.state();
  expect(decisions.filter(({ accepted }) => accepted)).toMatchObject([{ actor: 'bob', channel: 'dingtalk' }]);
  await close?.();
  await dingtalk.close();
});
