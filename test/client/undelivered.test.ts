import { expect, test } from 'vitest';
import { undeliveredText } from '../../client/temporal/undelivered.ts';
import { courierOf, courierWorkflowId, releaseWorkflowId } from '../../workflows/messages.ts';
import { SET } from '../support/builders.ts';
import { NOW } from './support.ts';

test('what is not delivered is said for each sink, with since when and why', () => {
  const nothing = { v: 1, sinks: [], unsorted: 0, gone: [], unreadable: 0 } as const;
  expect(undeliveredText(nothing)).toEqual([]);
  const sinks = [
    { sink: 'chat', waiting: 2, since: NOW, trouble: 'https://chat.test answers 500', dropped: 0 },
    { sink: 'pager', waiting: 0, dropped: 3 },
    { sink: 'log', waiting: 1, dropped: 0 },
  ];
  expect(undeliveredText({ ...nothing, sinks, unsorted: 4, problem: 'the policy is broken', unreadable: 2 })).toEqual([
    'chat was not told 2 notices since 2026-01-02 12:00:00 UTC: https://chat.test answers 500',
    'pager was never told 3 notices, which were given up',
    'log was not told 1 notice',
    'nobody was told 4 notices: the policy is broken',
    '2 unreadable messages to the courier',
  ]);
});

test('the courier of a release is that of its set', () => {
  expect(courierOf(releaseWorkflowId('eu', SET))).toBe(courierWorkflowId('eu', SET));
});
