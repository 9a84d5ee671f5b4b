import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shortUid } from '../../release/fleet/identity.ts';
import { packOrdinals, unpackOrdinals } from '../../release/fleet/ordinals.ts';
import { countServers, packServers, unpackServers } from '../../release/fleet/server-rows.ts';
import type { ServerRows } from '../../release/fleet/server-rows.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import { MAIN, SET, SIDECAR, aServer, servers } from '../support/builders.ts';

const ordinal = fc.nat({ max: 20_000 });
const aRun = fc.oneof(
  fc.constantFrom('-', '!', '0:'),
  fc.tuple(fc.nat({ max: 500 }), fc.string({ maxLength: 12 })).map(([restarts, id]) => `${restarts}:${id}`),
);
const aPlannedServer = fc
  .record({
    ordinal,
    uid: fc.oneof(fc.uuid(), fc.string({ minLength: 1 })).map(shortUid),
    containers: fc.dictionary(fc.constantFrom(MAIN, SIDECAR, 'metrics', 'log|agent 50%'), aRun, {
      noNullPrototype: true,
    }),
  })
  .map((server) => ({ name: `${SET.name}-${server.ordinal}`, ...server }));

test('servers that are packed and unpacked are the same, in the same order', () => {
  fc.assert(
    fc.property(fc.array(aPlannedServer, { maxLength: 40 }), (list) => {
      const rows = packServers(list);
      expect(unpackServers(SET, rows)).toEqual(list);
      expect(countServers(rows)).toBe(list.length);
    }),
  );
});

test('ordinals that are packed and unpacked are the same, in the same order', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(ordinal, fc.nat({ max: 5 })), { maxLength: 60 }), (list) => {
      expect(unpackOrdinals(packOrdinals(list))).toEqual(list);
    }),
  );
});

test.each<[readonly number[], string]>([
  [[], ''],
  [[7], '7'],
  [[9, 8, 7, 6], '9-6'],
  [[0, 1, 2, 9, 8], '0-2,9-8'],
  [[1, 2, 1], '1-2,1'],
  [[3, 3], '3,3'],
])('the ordinals %j are %j', (ordinals, text) => {
  expect(packOrdinals(ordinals)).toBe(text);
});

test('any other text is refused with one clear error, and nothing else happens', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-z| %:,-]*$/)), (text) => {
      const read = (): unknown => unpackServers(SET, text as ServerRows);
      let message = '';
      try {
        read();
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).toMatch(/^$|^this is no list of servers: |^these are no ordinals: /);
    }),
  );
});

test.each([
  '',
  'x',
  '1 engine|0|0f3c2a1b9d4e 0:a',
  '0 engine|0-1|0f3c2a1b9d4e 0:a',
  '0 engine|0|0f3c2a1b9d4e',
  '0|0-999999999',
])('the text %j is refused', (text) => {
  expect(() => unpackServers(SET, text as ServerRows)).toThrow(/this is no list of servers|these are no ordinals/);
});

test('a server takes less than 45 bytes', () => {
  const all = servers(1_000).map((server) => plannedServer(server, [MAIN, SIDECAR]));
  const bytes = JSON.stringify(packServers(all)).length;
  expect(bytes / all.length).toBeLessThan(45);
  expect(unpackServers(SET, packServers([plannedServer(aServer({ ordinal: 3 }), [MAIN])]))).toMatchObject([
    { name: 'duel-3', ordinal: 3 },
  ]);
});
