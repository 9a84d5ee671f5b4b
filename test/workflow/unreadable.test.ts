import { WorkflowFailedError } from '@temporalio/client';
import { describe, expect } from 'vitest';
import type { LineState } from '../../release/decisions/halt.ts';
import { LINE_MESSAGES, MESSAGES, WORKFLOWS, haltWorkflowId, taskQueueOf } from '../../workflows/messages.ts';
import { until } from '../lab/until.ts';
import { aRelease, test } from '../support/stage.ts';
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
      'a line is stopped for at most 7d: nothing waits for ever',
    );
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
  await halt.signal(LINE_MESSAGES.unhaltSignal, null);
  await halt.signal(LINE_MESSAGES.unhaltSignal, { actor: 'ann\u202E' });
  const state = (): Promise<LineState> => halt.query<LineState>(MESSAGES.state);
  await until({ what: 'both to be counted', deadlineMs: 60_000 }, async () => (await state()).unreadable === 2);
  expect(await state()).toMatchObject({ phase: 'halted' });
  await halt.signal(LINE_MESSAGES.unhaltSignal, { actor: 'ann', reason: 'it is up' });
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
