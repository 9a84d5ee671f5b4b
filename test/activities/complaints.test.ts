import { expect, test, vi } from 'vitest';
import { Complaints } from '../../activities/servers/complaints.ts';
import { ServerWatch, targetOf } from '../../activities/servers/server-watch.ts';
import type { Servers } from '../../activities/ports/servers.ts';
import type { Complaint } from '../../release/checks/complaint.ts';
import type { Direction } from '../../release/checks/server.ts';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import { MAIN, NEW_IMAGE, NEW_REVISION, SET, SIDECAR, aServer, anUpdatedServer } from '../support/builders.ts';

const before = [2, 1, 0].map((ordinal) => aServer({ ordinal }));
const DENIAL = 'admission webhook "v.test" denied the request: not signed';
const BUDGET = 'admission webhook "vpod.kb.io" denied the request: podunavailablebudget "arena" is forbidden';

/** A watch of three servers, and the complaints of a cluster whose Kruise says this of duel-2. */
function listening(
  says: () => Promise<readonly Complaint[]>,
  direction: Direction = 'forward',
): {
  watch: ServerWatch;
  at: (seconds: number, servers?: readonly ServerView[]) => Promise<void>;
  asked: () => number;
} {
  const servers = before.map((server) => plannedServer(server, [MAIN, SIDECAR]));
  const target = { container: SIDECAR, image: NEW_IMAGE, revision: NEW_REVISION, direction, before: {} };
  const watch = new ServerWatch({ servers, target: targetOf(target) });
  const readComplaints = vi.fn(says);
  const signal = new AbortController().signal;
  const cluster = { readComplaints } as unknown as Servers;
  const complaints = new Complaints(cluster, { set: SET, revision: NEW_REVISION, signal });
  const start = Date.now();
  return {
    watch,
    asked: () => readComplaints.mock.calls.length,
    async at(seconds, seen = before) {
      complaints.tell(watch, start + seconds * 1_000);
      await Promise.resolve();
      await Promise.resolve();
      complaints.tell(watch, start + seconds * 1_000);
      watch.look(seen, start + seconds * 1_000);
    },
  };
}

const saying = (refusal: string) => (): Promise<readonly Complaint[]> => {
  const message = `failed to update pod duel-2 in-place(revision ${NEW_REVISION}): ${refusal}`;
  return Promise.resolve([{ reason: 'FailedUpdatePodInPlace', message, about: SET.name, at: Date.now() }]);
};

test('a denial fails every server that waits behind it after a moment, with what was said', async () => {
  const { watch, at } = listening(saying(DENIAL));
  for (const seconds of [0, 1, 6, 25]) await at(seconds);
  expect(watch.failures).toEqual([]);
  await at(26);
  expect(watch.failures).toEqual([
    { server: 'duel-2', class: 'refused', reason: `the write of its new image is refused: ${DENIAL}` },
    ...['duel-1', 'duel-0'].map((server) => ({
      server,
      class: 'refused',
      reason: `Kruise does not come to it: the write of the new image of duel-2 is refused: ${DENIAL}`,
    })),
  ]);
});

test('a budget is waited for, and named when time is over', async () => {
  const { watch, at } = listening(saying(BUDGET));
  for (const seconds of [0, 1, 6, 60, 600]) await at(seconds);
  expect(watch.failures).toEqual([]);
  watch.giveUp(before, '10m');
  expect(watch.failures[0]).toEqual({
    server: 'duel-2',
    class: 'refused',
    reason: `not Ready within 10m: the write of its new image is refused: ${BUDGET}`,
  });
});

test('on the way back a denial is waited for, too: there is nothing better to do', async () => {
  const { watch, at } = listening(saying(DENIAL), 'rollback');
  for (const seconds of [0, 1, 6, 60]) await at(seconds);
  expect([watch.failures, watch.pending.length]).toEqual([[], 3]);
});

test('a denial that was lifted is forgotten as soon as its server moves', async () => {
  const { watch, at } = listening(saying(DENIAL));
  for (const seconds of [0, 1, 6, 20]) await at(seconds);
  const moved = [anUpdatedServer({ ordinal: 2 }), before[1]!, before[2]!];
  for (const seconds of [21, 30, 45]) await at(seconds, moved);
  expect([watch.failures, watch.pending.map(({ name }) => name)]).toEqual([[], ['duel-1', 'duel-0']]);
});

test('nobody is asked while servers move, and ever more seldom while none does', async () => {
  const { at, asked } = listening(() => Promise.resolve([]));
  await at(0);
  await at(4, before);
  await at(4, [anUpdatedServer({ ordinal: 2 }), before[1]!, before[2]!]);
  await at(5);
  expect(asked()).toBe(0);
  for (let seconds = 9; seconds <= 69; seconds += 1)
    await at(seconds, [anUpdatedServer({ ordinal: 2 }), ...before.slice(1)]);
  expect(asked()).toBe(4);
});

test('who was taken out of service and could not be written is known for it, also while its gate is open again', async () => {
  const { watch, at } = listening(() => Promise.resolve([]));
  const shut = aServer({
    ordinal: 2,
    ready: false,
    conditions: { ...before[0]!.conditions, InPlaceUpdateReady: 'False' },
  });
  await at(0, [shut, ...before.slice(1)]);
  await at(9);
  watch.giveUp(before, '20s');
  expect(watch.failures.map(({ reason }) => reason)).toEqual([
    'not Ready within 20s: Kruise took it out of service for the update and has not written its image: admission refuses the write, for which its log has the reason, or Kruise is away',
    'not Ready within 20s: waits for Kruise to write the image',
    'not Ready within 20s: waits for Kruise to write the image',
  ]);
});

test('what Kruise said before this step counts as long as it is refused again', async () => {
  const message = `failed to update pod duel-2 in-place(revision ${NEW_REVISION}): ${DENIAL}`;
  const said = { reason: 'FailedUpdatePodInPlace', message, about: SET.name, at: Date.now() - 60_000 };
  const { watch, at } = listening(() => Promise.resolve([said]));
  const shut = aServer({
    ordinal: 2,
    ready: false,
    conditions: { ...before[0]!.conditions, InPlaceUpdateReady: 'False' },
  });
  for (const seconds of [0, 1, 6]) await at(seconds);
  expect(watch.blocker).toBeUndefined();
  for (const seconds of [7, 8, 9]) await at(seconds, [shut, ...before.slice(1)]);
  expect(watch.blocker?.words).toBe(`${DENIAL} (so Kruise said at ${new Date(said.at).toISOString()})`);
});

test('a cluster that does not tell is no trouble', async () => {
  const { watch, at } = listening(() => Promise.reject(new Error('the API server is away')));
  for (const seconds of [0, 1, 6, 60]) await at(seconds);
  expect(watch.failures).toEqual([]);
  watch.giveUp(before, '1m');
  expect(watch.failures[0]).toEqual({
    server: 'duel-2',
    class: 'notReady',
    reason: 'not Ready within 1m: waits for Kruise to write the image',
  });
});
