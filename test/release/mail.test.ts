import { expect, test } from 'vitest';
import { cardOf } from '../../release/notices/card.ts';
import {
  GIVE_UP_MS,
  NO_MAIL,
  delivered,
  left,
  nextFor,
  receiptFor,
  refused,
  sorted,
  taken,
  troubled,
} from '../../release/notices/mail.ts';
import { batchSchema } from '../../release/notices/notice-schema.ts';
import type { Notice, NoticeKind } from '../../release/notices/notice.ts';
import { NOW, aReleaseState } from '../client/support.ts';

const release = cardOf(aReleaseState(), { workflowId: 'w', runId: 'r', temporalNamespace: 'default' });
const notice = (sequence: number, kind: NoticeKind = 'paused'): Notice => {
  return { v: 1, id: `r.${sequence}`, sequence, kind, at: NOW, text: 'a sentence', release };
};
const two = [{ name: 'chat' }, { name: 'pager', kinds: ['failing' as const] }];
const waiting = (mail: typeof NO_MAIL): unknown => mail.queues.map(({ sink, ids, dropped }) => [sink, ids, dropped]);

test('a notice that comes twice is kept once, also after it was delivered', () => {
  const mail = sorted(taken(NO_MAIL, [notice(1), notice(1)]), 1, two);
  expect(waiting(mail)).toEqual([
    ['chat', ['r.1'], 0],
    ['pager', [], 0],
  ]);
  const after = taken(delivered(mail, 'chat', notice(1), undefined), [notice(1)]);
  expect([after.inbox, after.notices, nextFor(after, 'chat')]).toEqual([[], [], undefined]);
});

test('each sink gets the kinds that it wants, in order, and its own receipt with the next ones of the same release', () => {
  const mail = sorted(taken(NO_MAIL, [notice(1), notice(2, 'failing')]), 2, two);
  expect(waiting(mail)).toEqual([
    ['chat', ['r.1', 'r.2'], 0],
    ['pager', ['r.2'], 0],
  ]);
  const after = delivered(mail, 'chat', notice(1), 'card-1');
  expect(nextFor(after, 'chat')?.id).toBe('r.2');
  expect(receiptFor(after, 'chat', notice(2))).toBe('card-1');
  expect(receiptFor(after, 'pager', notice(2))).toBeUndefined();
  const other = { ...notice(3), release: { ...release, startedAt: NOW + 1 } };
  expect(receiptFor(after, 'chat', other)).toBeUndefined();
});

test('a sink that takes nothing is given up notice by notice after seven days', () => {
  const mail = sorted(taken(NO_MAIL, [notice(1), { ...notice(2), at: NOW + 10 }]), 2, [{ name: 'chat' }]);
  const first = troubled(mail, 'chat', 'answers 500', NOW + GIVE_UP_MS);
  expect(first.queues[0]).toMatchObject({
    ids: ['r.1', 'r.2'],
    tries: 1,
    since: NOW + GIVE_UP_MS,
    trouble: 'answers 500',
  });
  const second = troubled(first, 'chat', 'answers 502', NOW + GIVE_UP_MS + 5);
  expect(second.queues[0]).toMatchObject({ ids: ['r.2'], dropped: 1, since: NOW + GIVE_UP_MS, trouble: 'answers 502' });
  expect(second.notices.map(({ id }) => id)).toEqual(['r.2']);
});

test('what waits for a sink that left the policy is dropped, and that is known', () => {
  const mail = left(sorted(taken(NO_MAIL, [notice(1)]), 1, [{ name: 'chat' }]), 'chat');
  expect([mail.queues, mail.notices, mail.gone]).toEqual([[], [], [{ sink: 'chat', dropped: 1 }]]);
});

test('at most two hundred notices are kept: the oldest goes, and is counted', () => {
  const many = Array.from({ length: 200 }, (_, index) => notice(index + 1));
  const mail = taken(sorted(taken(NO_MAIL, many), 200, [{ name: 'chat' }]), [notice(201)]);
  expect(mail.queues[0]).toMatchObject({ dropped: 1 });
  expect(nextFor(mail, 'chat')?.id).toBe('r.2');
});

test('a courier reads what hotwave writes, and nothing that could not be a notice', () => {
  expect(batchSchema.safeParse({ v: 1, notices: [notice(1)] }).data).toEqual({ v: 1, notices: [notice(1)] });
  const unknown = { ...notice(1), kind: 'of-a-later-version' };
  expect(batchSchema.safeParse({ v: 1, notices: [unknown] }).data).toEqual({ v: 1, notices: [unknown] });
  for (const wrong of [
    {},
    { v: 1, notices: [{ ...notice(1), kind: 'a\r\nx: 1' }] },
    { v: 1, notices: [] },
    { v: 1, notices: [{ ...notice(1), id: '../secrets' }] },
    { v: 1, notices: [{ ...notice(1), release: { ...release, release: 'a\r\nx: 1' } }] },
    { v: 1, notices: [{ ...notice(1), text: 'x'.repeat(2_000) }] },
    { v: 1, notices: Array(21).fill(notice(1)) },
  ])
    expect(batchSchema.safeParse(wrong).success).toBe(false);
});

test('a notice that a sink will never take is dropped and counted, with the reason, and the next one is not kept waiting', () => {
  const mail = sorted(taken(NO_MAIL, [notice(1), notice(2)]), 2, [{ name: 'chat' }]);
  const after = refused(mail, 'chat', notice(1), 'no');
  expect(waiting(after)).toEqual([['chat', ['r.2'], 1]]);
  expect([nextFor(after, 'chat')?.id, after.queues[0]?.trouble, after.queues[0]?.tries]).toEqual(['r.2', 'no', 0]);
});

test.for([20, 5_000, 30_000])('a notice that is nested %i levels deep is none: it could not be sent', (levels) => {
  const nested = JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown;
  const notices = [{ ...notice(1), release: { ...release, nested } }];
  expect(batchSchema.safeParse({ v: 1, notices }).success).toBe(false);
});
