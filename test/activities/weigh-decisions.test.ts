import { expect, test } from 'vitest';
import { weighDecisions } from '../../activities/policy/weigh-decisions.ts';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import { readSigningKey, signDecision } from '../../client/decisions/ssh-signature.ts';
import type { DecisionMessage } from '../../release/decisions/message.ts';
import type { HaltOfScope } from '../../release/decisions/halt.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { personalKey } from '../support/ssh-key.ts';

const RUN = '01990000-0000-7000-8000-000000000001';
const BOB = readSigningKey(personalKey().private);
const policy = fakePolicy(aPolicy({ people: { bob: { keys: [{ key: BOB.public }] } }, groups: {} }));
const about = { cluster: 'eu', set: { namespace: 'arena', name: 'duel' }, runs: [RUN] };
const vote: DecisionMessage = {
  id: '1',
  verb: 'approve',
  release: 'fix',
  plan: 'abcdef12',
  wave: 2,
  actor: 'bob',
  run: RUN,
};

test('a release that began under a policy is decided by nobody through a worker without one', async () => {
  expect(await weighDecisions(undefined, NO_RELEASES)({ ...about, decisions: [vote, vote] })).toEqual(
    Array(2).fill({
      refusal:
        'it began under a policy, and the worker that was asked has none: start every worker with HOTWAVE_POLICY',
    }),
  );
});

test.each(['run', 'plan', 'wave'] as const)('a signed vote without its %s counts for nothing', async (field) => {
  const { [field]: _left, ...less } = vote;
  const decisions = [signDecision(less, BOB)];
  expect(await weighDecisions(policy, NO_RELEASES)({ ...about, decisions })).toEqual([
    { refusal: 'what is signed must say run and signedAt, plan and wave: nothing else may be decided with it' },
  ]);
});

test('a signed pause needs no plan and no wave', async () => {
  const pause: DecisionMessage = { id: '2', verb: 'pause', release: 'fix', actor: 'bob', run: RUN };
  const decisions = [signDecision(pause, BOB)];
  expect(await weighDecisions(policy, NO_RELEASES)({ ...about, decisions })).toEqual([
    { person: 'bob', vouchedBy: "bob's key" },
  ]);
});

test('the verdicts come in the order of the decisions', async () => {
  const decisions = ['ann', 'bob', 'cleo'].map((actor, index) => ({ ...vote, id: String(index), actor }));
  expect(await weighDecisions(policy, NO_RELEASES)({ ...about, decisions })).toEqual([
    { person: 'ann' },
    { person: 'bob' },
    { person: 'cleo' },
  ]);
});

test.each([
  ['halt', true, { person: 'ops' }],
  ['halt', false, { refusal: 'no halt holds it: hotwave halt begins one' }],
  ['unhalt', false, { person: 'ops' }],
  ['unhalt', true, { refusal: 'a halt holds it: end that with hotwave unhalt' }],
] as const)('the word of a halt, %s, counts by what is: halted %s', async (verb, isHalted, weighed) => {
  const halt: HaltOfScope = { cluster: 'eu', actor: 'ops', reason: 'launch', since: 0, until: 1 };
  const releases = { ...NO_RELEASES, haltsOn: () => Promise.resolve(isHalted ? [halt] : []) };
  const decisions: DecisionMessage[] = [{ id: 'h', verb, release: 'fix', actor: 'ops' }];
  expect(await weighDecisions(policy, releases)({ ...about, decisions })).toEqual([weighed]);
});
