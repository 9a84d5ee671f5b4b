import { expect, test } from 'vitest';
import { recordNotice } from '../../activities/notices/record-notice.ts';
import { ClusterFailure, LeaseLost } from '../../activities/ports/failure.ts';
import { cardOf } from '../../release/notices/card.ts';
import type { Notice } from '../../release/notices/notice.ts';
import { NOW, aReleaseState } from '../client/support.ts';
import { SET } from '../support/builders.ts';
import { fakeCluster } from '../support/fake-cluster.ts';

const { signal } = new AbortController();
const release = cardOf(aReleaseState(), { workflowId: 'w', runId: 'r', temporalNamespace: 'default' });
const notice: Notice = { v: 1, id: 'r.1', sequence: 1, kind: 'paused', at: NOW, text: 'it is paused', release };

test('a notice whose answer was lost is delivered when it is there, and is written once', async () => {
  const cluster = fakeCluster();
  cluster.faults.loseReply('recordEvent');
  expect(await recordNotice(cluster, notice, signal)).toMatchObject({ kind: 'trouble' });
  expect(await recordNotice(cluster, notice, signal)).toEqual({ kind: 'delivered' });
  expect(cluster.eventsOf(SET).map(({ name }) => name)).toEqual(['duel.hotwave.r.1']);
});

test.each([
  ['an API server with too much to do', { retryable: true, retryAfterMs: 7_000 }, 7_000],
  ['a right that is missing', { retryable: false }, undefined],
])('%s is trouble, which is tried again as late as it asks for', async (_what, options, retryAfterMs) => {
  const cluster = fakeCluster();
  cluster.faults.fail('recordEvent', new ClusterFailure('other', `no\u001b[31m ${'x'.repeat(600)}`, options));
  expect(await recordNotice(cluster, notice, signal)).toEqual({
    kind: 'trouble',
    trouble: `no ${'x'.repeat(497)}`,
    retryAfterMs,
  });
});

test('an attempt that may not write any more says nothing about the notice', async () => {
  const lost = { recordEvent: () => Promise.reject(new LeaseLost()) };
  await expect(recordNotice(lost, notice, signal)).rejects.toThrow(LeaseLost);
});

test('an Event that the API server will never take is refused for good', async () => {
  const cluster = fakeCluster();
  cluster.faults.fail('recordEvent', new ClusterFailure('invalid', 'denied', { retryable: false }));
  expect(await recordNotice(cluster, notice, signal)).toEqual({ kind: 'refused', trouble: 'denied' });
});
