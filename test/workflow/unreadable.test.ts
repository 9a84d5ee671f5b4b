import { WorkflowFailedError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect } from 'vitest';
import type { HaltState } from '../../release/decisions/halt.ts';
import { HALT_MESSAGES, MESSAGES, WORKFLOWS, haltWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import { until } from '../lab/until.ts';
import { aRelease, test } from '../support/stage.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { effects } from '../support/fake-log.ts';
import type { Stage } from '../support/stage.ts';

const DAY_MS = 86_400_000;

/** Runs a workflow as anybody may who reaches Temporal, and returns the sentence with which it fails. */
async function failureOf({ client, clusterName }: Stage, type: string, input: unknown): Promise<string> {
  const workflowId = `raw-${type}-${clusterName}`;
  const running = client.workflow.execute(type, { workflowId, taskQueue: taskQueueOf(clusterName), args: [input] });
  const error: unknown = await running.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WorkflowFailedError)) throw new Error(`it did not fail: ${String(error)}`);
  return error.cause?.message ?? '';
}

describe('a workflow that is started with an input that nobody can read', () => {
  test.for(Object.values(WORKFLOWS))('%s ends with one sentence, and no task of it fails', async (type, { stage }) => {
    const it = await stage();
    expect(await failureOf(it, type, null)).toMatch(/^the input of this workflow is not understood: /);
  });

  test('is a halt of a hundred years: it is refused', async ({ stage }) => {
    const it = await stage();
    const now = Date.now();
    const input = { v: 1, cluster: it.clusterName, actor: 'ann', reason: 'fire', since: now };
    expect(await failureOf(it, WORKFLOWS.halt, { ...input, until: now + 36_500 * DAY_MS })).toBe(
      'a halt lasts 7d at most: nothing waits for ever',
    );
  });
});

/** The input of the run that goes on now, as the Temporal UI copies it. */
async function inputOf({ handle }: StartedRelease): Promise<object> {
  const { events } = await handle.fetchHistory();
  const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  if (!payload) throw new Error('the run has no input');
  return defaultPayloadConverter.fromPayload(payload);
}

describe('what one run of a release hands to the next', () => {
  const BY_HAND = /^only a run of a release hands a release on: start it without carried$/;
  const empty = { release: {}, answers: [] };
  const forged = { release: { plan: { waves: 7 }, spec: null, state: 'done', progress: { rows: 'x' } }, answers: 'y' };

  test.for([{}, empty, forged])('is refused when somebody has made it by hand: %j', async (carried, { stage }) => {
    const it = await stage();
    const common = { v: 1, cluster: it.clusterName, requester: 'ann', carried };
    const release = { ...common, file: aRelease() };
    const back = { ...common, set: { namespace: 'arena', name: 'duel' }, reason: 'lost' };
    expect(await failureOf(it, WORKFLOWS.hotUpdate, release)).toMatch(BY_HAND);
    expect(await failureOf(it, WORKFLOWS.rollBackFromCluster, back)).toMatch(BY_HAND);
  });

  test('is refused when it is started once more: what it says was true once', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }), 'ann', { continueEachStep: true });
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const input = await inputOf(release);
    expect(input).toHaveProperty('carried.release.progress');
    const before = it.cluster.log.length;
    expect(await failureOf(it, WORKFLOWS.hotUpdate, input)).toMatch(BY_HAND);
    expect(effects(it.cluster, before)).toEqual([]);
  });
});

test('a halt that is sent what nobody can read counts it, stands, and ends as ever', async ({ stage }) => {
  const it = await stage();
  const { client, clusterName } = it;
  const now = Date.now();
  const halt = await client.workflow.start(WORKFLOWS.halt, {
    workflowId: haltWorkflowId({ cluster: clusterName }),
    taskQueue: taskQueueOf(clusterName),
    args: [{ v: 1, cluster: clusterName, actor: 'ann', reason: 'fire', since: now, until: now + DAY_MS }],
  });
  await halt.signal(HALT_MESSAGES.unhaltSignal, null);
  await halt.signal(HALT_MESSAGES.unhaltSignal, { actor: 'ann\u202E' });
  const state = (): Promise<HaltState> => halt.query<HaltState>(MESSAGES.state);
  await until({ what: 'both to be counted', deadlineMs: 60_000 }, async () => (await state()).unreadable === 2);
  expect(await state()).toMatchObject({ phase: 'halted' });
  await halt.signal(HALT_MESSAGES.unhaltSignal, { actor: 'ann', reason: 'it is up' });
  expect(await halt.result()).toMatchObject({ reason: 'ann: it is up', left: [] });
});

test('a release at its gate that is sent null goes on waiting, and takes the next decision', async ({ stage }) => {
  const it = await stage();
  const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  await release.handle.signal(MESSAGES.decideSignal, null);
  await release.handle.signal(MESSAGES.decideSignal, 'approve');
  expect(await release.decide({ verb: 'approve', wave: 2 })).toMatchObject({ accepted: true });
  expect(await release.result()).toMatchObject({ outcome: 'done' });
});
