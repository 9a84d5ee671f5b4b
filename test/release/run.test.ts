import { expect, test } from 'vitest';
import { isSamePod, serverName, shortUid } from '../../release/fleet/identity.ts';
import { NO_RUN, fingerprint, isSameRun, restartsOf } from '../../release/fleet/run.ts';
import { MAIN, SET, aServer, uidOf } from '../support/builders.ts';

test.each<[string, string, boolean]>([
  ['0:a', '0:a', true],
  ['0:a', '1:b', false],
  ['0:a', '0:b', false],
  ['1:a', '2:b', false],
  ['-', '-', true],
  ['-', '0:a', true],
  ['-', '1:a', false],
  ['0:a', '-', false],
  [NO_RUN, '0:a', false],
  [NO_RUN, '-', false],
])('a run %s that is %s later is the same: %s', (before, now, same) => {
  expect(isSameRun(before, now)).toBe(same);
});

test('a container without a status, or without an id, has never begun', () => {
  const { containers } = aServer();
  const [engine] = containers;
  const bare = { name: MAIN, image: engine!.image };
  expect(fingerprint(aServer({ containers: [bare] }), MAIN)).toBe('-');
  expect(
    fingerprint(aServer({ containers: [{ ...bare, status: { ...engine!.status!, containerId: '' } }] }), MAIN),
  ).toBe('-');
  expect(fingerprint(aServer({ mainStatus: { restartCount: 3 } }), MAIN)).toMatch(/^3:[0-9a-f]{12}$/);
});

test.each([
  ['-', 0],
  ['0:a', 0],
  ['12:abc', 12],
  [NO_RUN, 0],
  ['', 0],
])('the run %s began after %i restarts', (run, restarts) => {
  expect(restartsOf(run)).toBe(restarts);
});

test('a short uid has the first twelve digits of a long one, stays what it is, and names the same pod', () => {
  const long = uidOf('pod');
  expect(shortUid(long)).toBe(long.replaceAll('-', '').slice(0, 12));
  expect(shortUid(shortUid(long))).toBe(shortUid(long));
  expect(isSamePod({ uid: long }, { uid: shortUid(long) })).toBe(true);
  expect(isSamePod({ uid: long }, { uid: uidOf('another pod') })).toBe(false);
});

test('a uid that looks otherwise gets a short form of its own', () => {
  expect(shortUid('uid-1')).toMatch(/^[0-9a-f]{12}$/);
  expect(shortUid('uid-1')).not.toBe(shortUid('uid-2'));
});

test("a server has its set's name and its ordinal", () => {
  expect(serverName(SET, 12)).toBe('duel-12');
});
