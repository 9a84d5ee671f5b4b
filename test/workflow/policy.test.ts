import { describe, expect } from 'vitest';
import { readSigningKey, signDecision } from '../../client/decisions/ssh-signature.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { until } from '../lab/until.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import type { FakePolicy, PolicyWishes } from '../support/a-policy.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import { movedTo } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { releaseOf } from '../support/hotwave.ts';
import { personalKey } from '../support/ssh-key.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, releaseText, test } from '../support/stage.ts';

const BOBS_KEY = personalKey();
const BOB = readSigningKey(BOBS_KEY.private);
const GATEWAY = readSigningKey(personalKey().private);
const MALLORY = readSigningKey(personalKey().private);

const GATED: PolicyWishes = {
  people: {
    ann: { identities: ['slack:T1/ANN', 'github:ann'] },
    bob: { identities: ['slack:T1/BOB'], keys: [{ key: BOB.public }] },
    cleo: { identities: ['slack:T1/CLEO'] },
  },
  groups: { ops: ['bob', 'cleo'] },
  channels: { slack: { keys: [{ key: GATEWAY.public }] } },
};
const gate = { before: 1, groups: { ops: 1 } };
/** Everything about gates wants a key, and one of ops. */
const strict = (): FakePolicy =>
  fakePolicy(
    aPolicy({
      ...GATED,
      rules: [
        { namespaces: ['*'], vouched: ['approve', 'reject', 'skip', 'override-freeze', 'supersede'], gates: [gate] },
      ],
    }),
  );

const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';
const UNVOUCHED =
  'the policy of the cluster wants approve in namespace arena to be vouched for: decide in a chat with a gateway, or sign it with hotwave approve --sign';

/** A vote for the open gate as a careful sender makes it. */
async function aVote(release: StartedRelease, change: Partial<DecisionMessage> = {}): Promise<DecisionMessage> {
  const { release: name, planHash, gate: open } = await release.state();
  const { runId } = await release.handle.describe();
  const vote = { id: 'vote-1', verb: 'approve', release: name, plan: planHash, wave: open?.wave, run: runId } as const;
  return { ...vote, actor: 'slack:T1/BOB', channel: 'slack', ...change };
}

describe('a gate that the policy wants', () => {
  test('stands although the release file has none, and says whom it wants', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'github:Ann');
    const { gate: open, requester } = await release.idle('the gate', isOpen);
    expect(open).toMatchObject({ wave: 1, groups: [{ name: 'ops', members: ['bob', 'cleo'], needed: 1 }] });
    expect(requester).toBe('ann');
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual([]);
  });

  test('opens by a vote that a gateway vouches for, and the record says so', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'ann');
    await release.idle('the gate', isOpen);
    const vote = signDecision(await aVote(release), GATEWAY);
    expect(await release.decide(vote)).toEqual({ accepted: true, message: 'approved: wave 1 starts' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { signature: _signature, ...kept } = vote;
    const [record] = (await release.state()).decisions;
    expect(record).toMatchObject({ ...kept, actor: 'bob', as: 'slack:T1/BOB', vouchedBy: 'the key of slack' });
    expect(record).not.toHaveProperty('signature');
  });

  test('opens by a signal that a person has signed', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'ann');
    await release.idle('the gate', isOpen);
    const vote = signDecision(await aVote(release, { actor: 'Bob', channel: 'cli' }), BOB);
    expect(await release.signal(vote)).toMatchObject({ accepted: true, actor: 'bob', vouchedBy: "bob's key" });
  });

  test('takes a vote that was signed for the run before this one', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'ann', { continueEachStep: true });
    await release.idle('the gate', isOpen);
    const { firstExecutionRunId } = release.handle as typeof release.handle & { firstExecutionRunId: string };
    const later = await aVote(release);
    expect(later.run).not.toBe(firstExecutionRunId);
    const vote = signDecision({ ...later, run: firstExecutionRunId }, GATEWAY);
    expect(await release.decide(vote)).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('somebody with every right on Temporal and no key', () => {
  test('opens no gate: neither by update nor by signal, nor under another name or another key', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'mallory');
    await release.idle('the gate', isOpen);
    const vote = await aVote(release, { actor: 'mallory', channel: 'cli' });
    const good = signDecision(await aVote(release, { id: 'good' }), GATEWAY);
    const forged: readonly (readonly [string, DecisionMessage, string | RegExp])[] = [
      ['a claim', vote, UNVOUCHED],
      ['the name of another', { ...vote, id: '2', actor: 'bob' }, UNVOUCHED],
      ['another spelling', { ...vote, id: '3', actor: ' Slack:t1/BOB' }, UNVOUCHED],
      ['the channel of the gateway', { ...vote, id: '4', actor: 'slack:T1/BOB', channel: 'slack' }, UNVOUCHED],
      [
        'a key of her own',
        signDecision({ ...vote, id: '5' }, MALLORY),
        'it is signed with a key that the policy of the cluster does not know, or not for this time',
      ],
      [
        'the signature of another decision',
        { ...vote, id: '6', signedAt: good.signedAt, signature: good.signature },
        'the signature is of something else than this decision',
      ],
      ['a good one with another id', { ...good, id: '7' }, 'the signature is of something else than this decision'],
      [
        'a good one with another person',
        { ...good, id: '8', actor: 'slack:T1/CLEO' },
        'the signature is of something else than this decision',
      ],
      [
        'a later time',
        { ...good, id: '9', signedAt: (good.signedAt ?? 0) + 1 },
        'the signature is of something else than this decision',
      ],
      [
        'an old one',
        signDecision({ ...vote, id: '10', actor: 'slack:T1/BOB', channel: 'slack' }, GATEWAY, Date.now() - 600_000),
        /^it was signed 10m(\d+s)? ago, and a signature counts for 5m: decide again$/,
      ],
      [
        'one of another run',
        signDecision({ ...vote, id: '11', actor: 'slack:T1/BOB', channel: 'slack', run: crypto.randomUUID() }, GATEWAY),
        'it was signed for another run of this release: look at it again',
      ],
    ];
    for (const [what, decision, message] of forged) {
      const answer = await release.decide(decision);
      expect(answer.accepted, what).toBe(false);
      expect(answer.message, what).toMatch(message);
    }
    expect(await release.signal({ ...vote, id: 'by-signal' })).toMatchObject({ accepted: false, answer: UNVOUCHED });
    const another = releaseOf(it.client.workflow.getHandle(release.handle.workflowId), vote.release);
    expect(await another.decide({ ...vote, id: 'another-client' })).toEqual({ accepted: false, message: UNVOUCHED });
    expect(await release.state()).toMatchObject({ phase: 'waiting-approval', gate: { approvedBy: [] } });
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual([]);
  });

  test('does not get past a gate by a skip of its wave, nor by a weaker release file', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const weaker = { before: 1, approvals: 1, timeout: '1h', onTimeout: 'proceed' } as const;
    const file = aRelease({
      gates: [weaker],
      approvers: { ops: ['mallory'] },
    });
    const release = await it.start(file, 'mallory');
    const { gate: open } = await release.idle('the gate', isOpen);
    expect(open).toMatchObject({
      spec: { onTimeout: 'pause', notRequester: true },
      groups: [{ members: ['bob', 'cleo'] }],
    });
    const skip = { verb: 'skip', wave: 1, reason: 'hurry', actor: 'mallory' } as const;
    expect(await release.decide(skip)).toMatchObject({ accepted: false });
    const bobs = signDecision({ ...(await aVote(release, { id: 'skip' })), ...skip, actor: 'slack:T1/BOB' }, GATEWAY);
    expect(await release.decide(bobs)).toMatchObject({ accepted: true });
    await release.idle('the gate, which a skipped wave has as well', isOpen);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual([]);
  });

  test('does not replay a vote into a release that was reset', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'mallory');
    await release.idle('the gate', isOpen);
    const vote = signDecision(await aVote(release), GATEWAY);
    const { events = [] } = await release.handle.fetchHistory();
    const finished = (events ?? []).findLast(
      ({ workflowTaskCompletedEventAttributes }) => workflowTaskCompletedEventAttributes,
    );
    const { runId } = await release.handle.describe();
    await it.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: release.handle.workflowId, runId },
      workflowTaskFinishEventId: finished?.eventId ?? null,
      requestId: crypto.randomUUID(),
      reason: 'a forger',
    });
    const reset = releaseOf(it.client.workflow.getHandle(release.handle.workflowId), vote.release);
    await reset.idle('the gate of the new run', isOpen);
    expect(await reset.decide(vote)).toEqual({
      accepted: false,
      message: 'it was signed for another run of this release: look at it again',
    });
  });

  test('does not begin a release where the policy says who may', async ({ stage }) => {
    const rules = [{ namespaces: ['*'], may: { start: ['ops'] }, vouched: ['start' as const] }];
    const it = await stage({}, undefined, { policy: fakePolicy(aPolicy({ ...GATED, rules })) });
    const release = await it.start(aRelease(), 'bob');
    expect(await release.result()).toMatchObject({
      outcome: 'refused',
      reason:
        'the policy of the cluster wants start in namespace arena to be vouched for: decide in a chat with a gateway, or sign it with hotwave start --sign',
    });
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual([]);
  });

  test('does not end a halt that holds it, nor begin one that is none', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'ann');
    await release.idle('the gate', isOpen);
    expect(await release.decide({ verb: 'halt', until: Date.now() + 60_000, actor: 'mallory' })).toEqual({
      accepted: false,
      message: 'no halt holds it: hotwave halt begins one',
    });
  });
});

describe('the policy of now', () => {
  test('counts, not that of the start: a key that is gone vouches for nobody', async ({ stage }) => {
    const policy = strict();
    const it = await stage({}, undefined, { policy });
    const release = await it.start(aRelease(), 'ann');
    await release.idle('the gate', isOpen);
    policy.reading = { policy: { ...policy.reading.policy, channels: {} } };
    expect(await release.decide(signDecision(await aVote(release), GATEWAY))).toMatchObject({ accepted: false });
    policy.reading = strict().reading;
    expect(await release.decide(signDecision(await aVote(release, { id: 'again' }), GATEWAY))).toMatchObject({
      accepted: true,
    });
  });
});

describe('decisions under a policy', () => {
  test('count in the order in which they were sent', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'ann');
    await release.idle('the gate', isOpen);
    const vote = signDecision(await aVote(release), GATEWAY);
    await release.send({ id: 'a', verb: 'pause', reason: 'wait' });
    await release.send({ id: 'b', verb: 'resume' });
    await release.send(vote);
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const { decisions } = await release.state();
    expect(decisions.map(({ verb, accepted }) => [verb, accepted])).toEqual([
      ['pause', true],
      ['resume', true],
      ['approve', true],
    ]);
  });

  test('need nobody to be known for what the policy says nothing about', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'ann');
    await release.idle('the gate', isOpen);
    expect(await release.decide({ verb: 'rollback', actor: 'the person on call' })).toMatchObject({ accepted: true });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  });
});

describe('a halt under a policy', () => {
  const rules = [{ namespaces: ['*'], may: { halt: ['ops'], unhalt: ['ops'] }, vouched: ['unhalt' as const] }];
  test('is begun and ended only by those who may', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: fakePolicy(aPolicy({ ...GATED, rules })) });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.idle('the gate', isOpen);
    const forbidden = await stageCommand(it, ['halt', '--reason', 'mine', '--actor', 'mallory']);
    expect(forbidden).toMatchObject({ code: 6 });
    expect(forbidden.err).toContain(
      'mallory may not halt in the whole cluster: the policy of the cluster wants somebody of ops',
    );
    expect(await release.state()).toMatchObject({ phase: 'waiting-approval' });
    expect(await stageCommand(it, ['halt', '--reason', 'login is down', '--actor', 'bob'])).toMatchObject({ code: 0 });
    await release.idle('the halt', ({ phase }) => phase === 'halted');
    expect(await stageCommand(it, ['unhalt', '--actor', 'bob'])).toMatchObject({ code: 6 });
    expect(await release.decide({ verb: 'unhalt', actor: 'bob' })).toEqual({
      accepted: false,
      message: 'a halt holds it: end that with hotwave unhalt',
    });
    const signing = { HOTWAVE_SIGN_KEY: BOBS_KEY.path };
    expect(await stageCommand(it, ['unhalt', '--actor', 'bob', '--sign'], {}, signing)).toMatchObject({ code: 0 });
    await release.idle('the gate again', isOpen);
  });
});

describe('hotwave approve --sign', () => {
  test('counts with the SSH key of the person, as ssh-keygen signs; before that the same command did not', async ({
    stage,
  }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'ann');
    await release.idle('the gate', isOpen);
    const approve = ['approve', 'arena/duel', '--wave', '1', '--actor', 'bob'];
    const refused = await stageCommand(it, approve);
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.err).toContain(UNVOUCHED);
    const signed = await stageCommand(it, [...approve, '--sign'], {}, { HOTWAVE_SIGN_KEY: BOBS_KEY.path });
    expect(signed).toMatchObject({ code: 0, out: 'approved: wave 1 starts ' });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const told = "approve wave 1 by bob via cli, vouched for by bob's key: approved: wave 1 starts";
    // A busy worker does not answer in time for a release that has ended: status is then what Temporal has of it.
    await until({ what: 'the decisions in the status', deadlineMs: 60_000, everyMs: 200 }, async () =>
      (await stageCommand(it, ['status', 'arena/duel'])).out.includes(told),
    );
  });

  test('says what is missing when it cannot sign', async ({ stage }) => {
    const it = await stage({}, undefined, { policy: strict() });
    const release = await it.start(aRelease(), 'ann');
    await release.idle('the gate', isOpen);
    const nowhere = { HOTWAVE_SIGN_KEY: '/nowhere/id' };
    const signed = await stageCommand(it, ['approve', 'arena/duel', '--wave', '1', '--sign'], {}, nowhere);
    expect(signed).toMatchObject({ code: 64 });
    expect(signed.err).toContain('--sign: /nowhere/id cannot sign: ');
  });
});

describe('a release that must be vouched for', () => {
  test('begins with the signature of its requester, over this very file', async ({ stage }) => {
    const rules = [{ namespaces: ['*'], vouched: ['start' as const] }];
    const it = await stage({}, undefined, { policy: fakePolicy(aPolicy({ ...GATED, rules })) });
    const files = { 'release.yaml': releaseText() };
    const command = ['start', 'release.yaml', '--requester', 'bob', '--wait'];
    expect(await stageCommand(it, command, files)).toMatchObject({ code: 6 });
    const env = { HOTWAVE_SIGN_KEY: BOBS_KEY.path };
    const signed = await stageCommand(it, [...command, '--sign'], files, env);
    expect(signed).toMatchObject({ code: 0 });
  });
});
