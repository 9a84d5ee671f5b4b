import { expect, test } from 'vitest';
import { isSelected, unknownServers } from '../../release/fleet/selection.ts';
import type { ServerCriteria } from '../../release/spec/spec.ts';
import { byName } from '../../release/plan/waves.ts';
import { aGameServer, servers } from '../support/builders.ts';

const fleet = servers(8, (ordinal) => ({ priority: ordinal, labels: { zone: ordinal % 2 === 0 ? 'a' : 'b' } }));
const gameServers = byName(
  fleet.map(({ ordinal }) => aGameServer({ ordinal, opsState: ordinal < 2 ? 'Maintaining' : 'None' })),
);

test.each<[string, ServerCriteria, number[]]>([
  ['ordinals', { servers: [1, 5] }, [1, 5]],
  ['a range of ordinals, both ends included', { servers: ['2-4'] }, [2, 3, 4]],
  ['names', { servers: ['duel-7'] }, [7]],
  ['labels', { labels: { zone: 'b' } }, [1, 3, 5, 7]],
  ['opsState', { opsState: ['Maintaining', 'WaitToBeDeleted'] }, [0, 1]],
  ['a lowest priority', { updatePriority: { min: 6 } }, [6, 7]],
  ['a highest priority', { updatePriority: { max: 1 } }, [0, 1]],
  ['all of several criteria', { servers: ['0-5'], labels: { zone: 'a' }, updatePriority: { min: 1 } }, [2, 4]],
])('servers are chosen by %s', (_by, criteria, ordinals) => {
  expect(fleet.filter((server) => isSelected(server, criteria, gameServers)).map(({ ordinal }) => ordinal)).toEqual(
    ordinals,
  );
});

test('names, ordinals and ranges that nobody answers to are told', () => {
  expect(unknownServers({ servers: [7, 8, '6-9', '10-12', 'duel-1', 'arena-1'] }, fleet)).toEqual([
    '8',
    '10-12',
    'arena-1',
  ]);
});
