import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { moversOf, openingFor, priorityValue, updateOrder } from '../../release/fleet/order.ts';
import { NEW_REVISION, OLD_REVISION, aServer } from '../support/builders.ts';

const withLabels = (labels: readonly (string | undefined)[]): ServerView[] =>
  labels.map((label, ordinal) => {
    const { [PRIORITY_LABEL]: _given, ...others } = aServer({ ordinal }).labels;
    return { ...aServer({ ordinal }), labels: label === undefined ? others : { ...others, [PRIORITY_LABEL]: label } };
  });

test.each([
  ['10', 10],
  ['abc-7', 7],
  ['high', 0],
  ['', 0],
])('the priority of label %j is the number at its end: %i', (label, value) => {
  expect(priorityValue(label)).toBe(value);
});

test.each([
  [
    ['0', '0', '0'],
    [2, 1, 0],
  ],
  [
    ['0', '9', '0'],
    [1, 2, 0],
  ],
  [
    ['0', undefined, '9'],
    [1, 2, 0],
  ],
])('servers with labels %j are updated in the order %j', (labels, order) => {
  expect(updateOrder(withLabels(labels)).map(({ ordinal }) => ordinal)).toEqual(order);
});

test.each([
  { replicas: 10, updated: 0, leaving: 0, count: 1, partition: 9 },
  { replicas: 10, updated: 1, leaving: 0, count: 3, partition: 6 },
  { replicas: 10, updated: 1, leaving: 1, count: 3, partition: 5 },
  { replicas: 10, updated: 7, leaving: 0, count: 3, partition: 0 },
])('the partition that lets exactly $count more of $replicas servers move is $partition', (row) => {
  const servers = Array.from({ length: row.replicas }, (_, ordinal) => ({
    ...aServer({ ordinal }),
    revision: ordinal < row.updated ? NEW_REVISION : OLD_REVISION,
    deleting: ordinal >= row.updated && ordinal < row.updated + row.leaving,
  }));
  const opening = openingFor(servers, NEW_REVISION, row.replicas, row.count);
  expect(opening.partition).toBe(row.partition);
  expect(opening.moves).toHaveLength(row.count);
});

test('servers that go because the set is to have fewer use up none of the quota', () => {
  const servers = Array.from({ length: 10 }, (_, ordinal) => ({
    ...aServer({ ordinal }),
    revision: OLD_REVISION,
    deleting: ordinal >= 8,
  }));
  expect(openingFor(servers, NEW_REVISION, 8, 2)).toEqual({ partition: 6, moves: ['duel-7', 'duel-6'] });
});

const NOBODY = { taken: [], left: [] };

/** Servers in update order by their ordinals; those in `moved` are at the revision already. */
function moving(
  order: readonly number[],
  wave: readonly number[],
  { later = [], came = [], moved = [] }: Partial<Record<'later' | 'came' | 'moved', readonly number[]>>,
): ReturnType<typeof moversOf> {
  const servers = order.map((ordinal, index) => ({
    ...aServer({ ordinal }),
    labels: { [PRIORITY_LABEL]: String(order.length - index) },
    revision: moved.includes(ordinal) ? NEW_REVISION : OLD_REVISION,
  }));
  const names = new Set(wave.map((ordinal) => `duel-${ordinal}`));
  return moversOf(servers, NEW_REVISION, {
    wave: names,
    isLater: ({ ordinal }) => later.includes(ordinal),
    isNewcomer: ({ ordinal }) => came.includes(ordinal),
  });
}

test.each([
  ['its own servers', moving([3, 2, 1], [3, 2], { later: [1] }), { count: 2, joined: [], instead: NOBODY }],
  [
    'newcomers that are before the last of it',
    moving([5, 4, 3, 2, 1], [3, 2], { came: [5, 4], later: [1] }),
    { count: 4, joined: ['duel-5', 'duel-4'], instead: NOBODY },
  ],
  [
    'no newcomers behind it',
    moving([3, 2, 1, 5], [3, 2], { came: [5], later: [1] }),
    { count: 2, joined: [], instead: NOBODY },
  ],
  [
    'one of a later wave that is first now, in the place of its last',
    moving([1, 3, 2], [3, 2], { later: [1] }),
    { count: 2, joined: [], instead: { taken: ['duel-1'], left: ['duel-2'] } },
  ],
  [
    'nobody more when it is asked again after that one has moved',
    moving([1, 3, 2], [3, 2], { later: [1], moved: [1] }),
    { count: 1, joined: [], instead: { taken: ['duel-1'], left: ['duel-2'] } },
  ],
])('a wave lets move %s', (_whom, found, expected) => {
  expect(found).toEqual(expected);
});

test('a server of no wave to come is a stranger', () => {
  expect(moving([3, 2, 1], [3, 1], {})).toMatchObject({ count: 3, stranger: 'duel-2' });
});

test('an opening never moves a server that has moved, and never more than were asked for', () => {
  const anyServer = fc.record({ moved: fc.boolean(), deleting: fc.boolean(), priority: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(anyServer, { minLength: 1, maxLength: 30 }), fc.nat(30), (rows, count) => {
      const servers = withLabels(rows.map(({ priority }) => String(priority))).map((server, index) => ({
        ...server,
        revision: rows[index]!.moved ? NEW_REVISION : OLD_REVISION,
        deleting: rows[index]!.deleting,
      }));
      const { moves, partition } = openingFor(servers, NEW_REVISION, servers.length, count);
      expect(moves.length).toBeLessThanOrEqual(count);
      expect(partition).toBeGreaterThanOrEqual(0);
      for (const name of moves) {
        const server = servers.find((candidate) => candidate.name === name)!;
        expect(server.revision).toBe(OLD_REVISION);
        expect(server.deleting).toBe(false);
      }
    }),
  );
});
