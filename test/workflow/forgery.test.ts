import { describe, expect } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { readSigningKey, signDecision } from '../../client/decisions/ssh-signature.ts';
import type { DecisionMessage, ReleaseInput } from '../../workflows/messages.ts';
import {
  GUARD_MESSAGES,
  HALT_MESSAGES,
  MESSAGES,
  WORKFLOWS,
  haltWorkflowId,
  monitorWorkflowId,
  taskQueueOf,
} from '../../workflows/messages.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import type { FakePolicy, PolicyWishes } from '../support/a-policy.ts';
import { NEW_IMAGE, SET } from '../support/builders.ts';
import { movedTo, setWrites } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { personalKey } from '../support/ssh-key.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, test } from '../support/stage.ts';

const GATEWAY = readSigningKey(personalKey().private);

const GATED: PolicyWishes = {
  people: {
    ann: { identities: ['slack:T1/ANN', 'github:ann'] },
    bob: { identities: ['slack:T1/BOB'] },
    cleo: { identities: ['slack:T1/CLEO'] },
  },
  groups: { ops: ['bob', 'cleo'] },
  channels: { slack: { keys: [{ key: GATEWAY.public }] } },
};
const gate = { before: 1, groups: { ops: 1 } };
const withRule = (rule: object): FakePolicy =>
  fakePolicy(aPolicy({ ...GATED, rules: [{ namespaces: ['*'], gates: [gate], ...rule }] }));

const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

async function aVote(release: StartedRelease, change: Partial<DecisionMessage> = {}): Promise<DecisionMessage> {
  const { release: name, planHash, gate: open } = await release.state();
  const { runId } = await release.handle.describe();
  const vote = { id: 'vote-1', verb: 'approve', release: name, plan: planHash, wave: open?.wave, run: runId } as const;
  return { ...vote, actor: 'slack:T1/BOB', channel: 'slack', ...change };
}

/** The state that a run of a release has handed on, made into a release that knows neither gate nor policy. */
async function forgedInput({ handle }: StartedRelease): Promise<object> {
  const { events } = await handle.fetchHistory();
  const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const input = defaultPayloadConverter.fromPayload<ReleaseInput>(payload!);
  const { underPolicy: _policy, state, spec, ...release } = input.carried!.release;
  const { gate: _gate, ...ungated } = state;
  const carried = { ...input.carried!, release: { ...release, state: ungated, spec: { ...spec, gates: [] } } };
  return { ...input, continueEachStep: false, carried };
}

/** How one run has failed, and which run Temporal has begun after it. */
async function endOf(run: WorkflowHandle): Promise<{ readonly message: string; readonly next: string }> {
  await run.result().catch(() => undefined);
  const { events } = await run.fetchHistory();
  const failed = events?.at(-1)?.workflowExecutionFailedEventAttributes;
  return { message: failed?.failure?.message ?? 'it has not failed', next: failed?.newExecutionRunId ?? '' };
}

describe('somebody who may start workflows and has no key', () => {
  const ONCE = 'a release is started once: start it without a cron schedule and without a retry policy';

  test.for([
    ['a cron schedule', { cronSchedule: '@every 1s' }],
    ['a retry policy', { retry: { maximumAttempts: 3 } }],
  ] as const)('makes no run with %s look like one that a release has handed on', async ([, options], { stage }) => {
    const it = await stage({}, undefined, { policy: withRule({ vouched: ['approve'] }) });
    const release = await it.start(aRelease(), 'ann', { continueEachStep: true });
    await release.idle('the gate', isOpen);
    const input = await forgedInput(release);
    await release.handle.terminate();
    const { client, clusterName } = it;
    const { workflowId } = release.handle;
    const start = { workflowId, taskQueue: taskQueueOf(clusterName), args: [input], ...options };
    const { firstExecutionRunId } = await client.workflow.start(WORKFLOWS.hotUpdate, start);
    const first = client.workflow.getHandle(workflowId, firstExecutionRunId, { followRuns: false });
    const { message, next } = await endOf(first);
    expect(message).toBe(ONCE);
    if (next !== '') {
      const second = client.workflow.getHandle(workflowId, next, { followRuns: false });
      expect(await endOf(second)).toMatchObject({ message: ONCE });
    }
    await client.workflow
      .getHandle(workflowId)
      .terminate()
      .catch(() => undefined);
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual([]);
  });
});

describe('a person who may not roll back', () => {
  test.for([
    { verb: 'rollback' },
    { verb: 'cancel', then: 'rollback' },
    { verb: 'supersede', then: 'rollback', by: 'other' },
  ] as const)('makes no release go back by %j', async (wish, { stage }) => {
    const it = await stage({}, undefined, { policy: withRule({ gates: [], may: { rollback: ['ops'] } }) });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann');
    await release.idle('the gate', isOpen);
    expect(await release.decide({ ...wish, reason: 'because', actor: 'mallory' })).toEqual({
      accepted: false,
      message: 'mallory may not rollback in namespace arena: the policy of the cluster wants somebody of ops',
    });
    expect(await release.decide({ verb: 'cancel', then: 'hold', actor: 'mallory' })).toMatchObject({ accepted: true });
  });
});

describe('a group of the policy that changes while its gate is open', () => {
  test('counts as it is now: who has left it opens nothing, and who has joined it does', async ({ stage }) => {
    const policy = withRule({ vouched: ['approve'] });
    const it = await stage({}, undefined, { policy });
    const release = await it.start(aRelease(), 'mallory');
    await release.idle('the gate', isOpen);
    policy.reading = { policy: { ...policy.reading.policy, groups: { ops: ['ann'] } } };
    expect(await release.decide(signDecision(await aVote(release), GATEWAY))).toEqual({
      accepted: false,
      message: 'bob is in no group that decides about wave 1: ask somebody of ops',
    });
    const anns = await aVote(release, { id: 'vote-2', actor: 'slack:T1/ANN' });
    expect(await release.decide(signDecision(anns, GATEWAY))).toEqual({
      accepted: true,
      message: 'approved: wave 1 starts',
    });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });
});

describe('before the plan stands', () => {
  test.for([{ verb: 'cancel', then: 'hold' }, { verb: 'pause' }] as const)(
    'the policy is asked as well: %j',
    async (wish, { stage }) => {
      const policy = withRule({ gates: [], may: { cancel: ['ops'], pause: ['ops'] } });
      const it = await stage({}, undefined, { policy });
      const held = it.calls.hold({ activity: 'planRelease' });
      const release = await it.start(aRelease(), 'ann');
      await held.reached;
      expect(await release.decide({ ...wish, actor: 'mallory' })).toEqual({
        accepted: false,
        message: `mallory may not ${wish.verb} in namespace arena: the policy of the cluster wants somebody of ops`,
      });
      expect(await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' })).toMatchObject({ accepted: true });
      held.release();
      expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    },
  );

  test('anybody may decide where there is no policy', async ({ stage }) => {
    const it = await stage();
    const held = it.calls.hold({ activity: 'planRelease' });
    const release = await it.start(aRelease(), 'ann');
    await held.reached;
    expect(await release.decide({ verb: 'cancel', then: 'hold', actor: 'bob' })).toMatchObject({ accepted: true });
    held.release();
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('a monitor under a policy', () => {
  test('is ended only by those who may, and says what vouches for them', async ({ stage }) => {
    const key = personalKey();
    const people = { ...GATED.people, bob: { keys: [{ key: readSigningKey(key.private).public }] } };
    const rules = [{ namespaces: ['*'], may: { unguard: ['ops'] }, vouched: ['unguard' as const] }];
    const it = await stage({}, undefined, { policy: fakePolicy(aPolicy({ ...GATED, people, rules })) });
    const release = await it.start(aRelease({ guard: '1h' }), 'ann');
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const guard = it.client.workflow.getHandle(monitorWorkflowId(it.clusterName, SET));
    const stop = ['guard', 'arena/duel', '--stop', '--reason', 'moving house', '--actor'];
    await guard.signal(GUARD_MESSAGES.stopSignal, { actor: 'bob' });
    const refused = await stageCommand(it, [...stop, 'bob']);
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.out).toContain(
      'the policy of the cluster wants unguard in namespace arena to be vouched for: sign it with hotwave guard --stop --sign',
    );
    const signing = { HOTWAVE_SIGN_KEY: key.path };
    expect(await stageCommand(it, [...stop, 'ann', '--sign'], {}, signing)).toMatchObject({ code: 6 });
    expect(await guard.describe()).toMatchObject({ status: { name: 'RUNNING' } });
    expect(await stageCommand(it, [...stop, 'bob', '--sign'], {}, signing)).toMatchObject({ code: 0 });
    expect(await guard.result()).toMatchObject({ reason: "stopped by bob, vouched for by bob's key: moving house" });
  });
});

test('a strategy without waves has the gate of the policy as well: no new server gets the version before it', async ({
  stage,
}) => {
  const it = await stage({}, undefined, { policy: withRule({ gates: [{ ...gate, before: 2 }] }) });
  const file = aRelease({ strategy: 'newServersOnly', newServers: { watch: '20s', count: 1 } });
  const release = await it.start(file, 'mallory');
  await release.idle('the gate', isOpen);
  expect(setWrites(it.cluster).map(({ image }) => image)).not.toContain(NEW_IMAGE);
});

test('a halt is ended by nobody before it is known whether there is a policy', async ({ stage }) => {
  const rules = [{ namespaces: ['*'], may: { halt: ['ops'], unhalt: ['ops'] } }];
  const it = await stage({}, undefined, { policy: fakePolicy(aPolicy({ ...GATED, rules })) });
  const { client, clusterName: cluster } = it;
  const [since, until] = [Date.now(), Date.now() + 3_600_000];
  const halt = await client.workflow.signalWithStart(WORKFLOWS.halt, {
    workflowId: haltWorkflowId({ cluster }),
    taskQueue: taskQueueOf(cluster),
    args: [{ v: 1, cluster, actor: 'bob', reason: 'login is down', since, until }],
    signal: HALT_MESSAGES.unhaltSignal,
    signalArgs: [{ actor: 'mallory' }],
  });
  const unhalt = async (actor: string): Promise<unknown> =>
    await halt.executeUpdate(HALT_MESSAGES.unhalt, { args: [{ actor }] });
  expect(await unhalt('mallory')).toMatchObject({ accepted: false });
  expect(await halt.query(MESSAGES.state)).toMatchObject({ phase: 'halted' });
  expect(await unhalt('bob')).toMatchObject({ accepted: true });
  expect(await halt.result()).toMatchObject({ reason: 'bob: no reason given' });
});

test('a decision that was refused does not count later because a flood has washed its record away', async ({
  stage,
}) => {
  const it = await stage();
  const release = await it.start(aRelease({ gates: [{ before: 1 }, { before: 2 }] }));
  await release.idle('the first gate', isOpen);
  const early = { id: 'early', verb: 'approve', wave: 2, actor: 'bob' } as const;
  const refused = await release.decide(early);
  expect(refused).toMatchObject({ accepted: false });
  const decision = { verb: 'approve', release: (await release.state()).release, actor: 'mallory', channel: 'bot' };
  await release.signal(early);
  for (const part of ['a', 'b', 'c'])
    await release.handle.signal(
      MESSAGES.decideSignal,
      Array.from({ length: 100 }, (_, index) => ({ ...decision, id: `${part}${index}`, wave: 3 })),
    );
  await release.decide({ verb: 'approve', wave: 1, actor: 'bob' });
  const { decisions } = await release.idle('the second gate', ({ gate: open }) => open?.wave === 2);
  expect(decisions.map(({ id }) => id)).not.toContain('early');
  expect(await release.decide(early)).toEqual(refused);
});
