import { expect, test } from 'vitest';
import { cardOf } from '../../release/notices/card.ts';
import { NO_MAIL, delivered, sorted, taken, troubled } from '../../release/notices/mail.ts';
import type { Notice } from '../../release/notices/notice.ts';
import { undelivered, undeliveredOfAll } from '../../release/notices/undelivered.ts';
import { NOW, aReleaseState } from '../client/support.ts';

const release = cardOf(aReleaseState(), { workflowId: 'w', runId: 'r', temporalNamespace: 'default' });
const notice = (sequence: number): Notice => {
  return { v: 1, id: `r.${sequence}`, sequence, kind: 'paused', at: NOW + sequence, text: 'a sentence', release };
};
const mail = sorted(taken(NO_MAIL, [notice(1), notice(2)]), 2, [{ name: 'chat' }, { name: 'log' }]);

test('a courier says for each sink what waits, since when the oldest does, and since when it takes nothing and why', () => {
  const later = troubled(delivered(mail, 'log', notice(1), undefined), 'chat', 'answers 500', NOW + 60);
  expect(undelivered(later).sinks).toEqual([
    { sink: 'chat', waiting: 2, oldest: NOW + 1, since: NOW + 60, trouble: 'answers 500', dropped: 0 },
    { sink: 'log', waiting: 1, oldest: NOW + 2, since: undefined, trouble: undefined, dropped: 0 },
  ]);
  const after = delivered(delivered(later, 'chat', notice(1), undefined), 'chat', notice(2), undefined);
  expect(undelivered(after).sinks.map(({ sink }) => sink)).toEqual(['log']);
});

test('of several sets each sink is named once, with all that it has not got and the trouble that began first', () => {
  const nothing = { v: 1, sinks: [], unsorted: 0, gone: [], unreadable: 0 } as const;
  const lost = { sink: 'chat', waiting: 0, dropped: 4 };
  const answers = [
    { ...nothing, sinks: [{ sink: 'pager', waiting: 1, oldest: NOW, dropped: 0 }, lost], unsorted: 2 },
    { ...nothing, sinks: [{ sink: 'chat', waiting: 2, oldest: 20, since: 30, trouble: 'answers 502', dropped: 1 }] },
    { ...nothing, sinks: [{ sink: 'chat', waiting: 3, oldest: 10, since: 40, trouble: 'answers 500', dropped: 0 }] },
    { ...nothing, problem: 'the policy is broken', unsorted: 1, unreadable: 3, gone: [{ sink: 'old', dropped: 1 }] },
  ];
  expect(undeliveredOfAll(answers)).toEqual({
    v: 1,
    sinks: [
      { sink: 'chat', waiting: 5, oldest: 10, since: 30, trouble: 'answers 502', dropped: 5 },
      { sink: 'pager', waiting: 1, oldest: NOW, dropped: 0 },
    ],
    unsorted: 3,
    problem: 'the policy is broken',
    gone: [{ sink: 'old', dropped: 1 }],
    unreadable: 3,
  });
  expect(undeliveredOfAll([])).toEqual(nothing);
});
