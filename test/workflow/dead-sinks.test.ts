import { describe, expect } from 'vitest';
import type { ServerResponse } from 'node:http';
import type { Undelivered } from '../../workflows/messages.ts';
import { COURIER_MESSAGES, courierWorkflowId } from '../../workflows/messages.ts';
import { until } from '../lab/until.ts';
import { SET } from '../support/builders.ts';
import { commandsBesideHandOvers, waitedForHandOvers } from '../support/hand-overs.ts';
import { policyOf, startSink } from '../support/http-sinks.ts';
import type { TestSink } from '../support/http-sinks.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { aRelease, test } from '../support/stage.ts';
import type { Stage, Told } from '../support/stage.ts';

/**
 * Times of a courier are so much shorter here: back-offs of 1 s to 5 min, and so an hour of a sink. With
 * HOTWAVE_TIMES_SHORTER=1 an hour is an hour.
 */
const SHORTER = Number(process.env['HOTWAVE_TIMES_SHORTER'] ?? 500);
const HOUR = 3_600_000 / SHORTER;
const told = (sinks: readonly TestSink[]): Told => ({
  policy: policyOf(sinks),
  courierTimes: { backOff: { first: 1_000 / SHORTER, most: 300_000 / SHORTER } },
});

const GATES = [{ before: 2 }, { before: 3 }];
const KINDS = ['started', 'gate-opened', 'gate-decided', 'gate-opened', 'gate-decided', 'done'];
const taken = (response: ServerResponse): void => void response.writeHead(204).end();

async function undelivered({ client, clusterName }: Stage): Promise<Undelivered['sinks']> {
  const courier = client.workflow.getHandle(courierWorkflowId(clusterName, SET));
  return (await courier.query<Undelivered>(COURIER_MESSAGES.undelivered)).sinks;
}

async function approved(release: StartedRelease, wave: number): Promise<void> {
  await release.idle(`the gate before wave ${wave}`, ({ gate }) => gate?.wave === wave);
  await release.decide({ verb: 'approve', wave, actor: 'bob' });
}

/** A release through both of its gates. */
async function released(it: Stage): Promise<StartedRelease> {
  const release = await it.start(aRelease({ gates: GATES }));
  await approved(release, 2);
  await approved(release, 3);
  expect(await release.result()).toMatchObject({ outcome: 'done' });
  return release;
}

/** Every notice came, in the order in which it was told, and again only with the same id and the same words. */
async function expectEverything(it: Stage, { received }: TestSink): Promise<void> {
  await until({ what: 'everything to be delivered', deadlineMs: 90_000 + HOUR / 10, everyMs: 50 }, async () => {
    return received.some(({ notice }) => notice.kind === 'done') && (await undelivered(it)).length === 0;
  });
  const notices = received.map(({ notice }) => notice);
  const firsts = notices.filter(({ id }, index) => notices.findIndex((one) => one.id === id) === index);
  expect(firsts.map(({ kind }) => kind)).toEqual(KINDS);
  expect(firsts.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  // A double follows its first at once: nothing overtakes.
  expect(notices.map(({ sequence }) => sequence)).toEqual(notices.map(({ sequence }) => sequence).toSorted());
  for (const notice of notices) expect(firsts.find(({ id }) => id === notice.id)).toEqual(notice);
}

describe('a release whose notices nobody takes', () => {
  test(
    'goes on while its sink is down for an hour, which then gets every notice, in order',
    {
      timeout: 120_000 + 2 * HOUR,
    },
    async ({ stage }) => {
      const sink = await startSink('down');
      const it = await stage({}, undefined, told([sink]));
      const release = await it.start(aRelease({ gates: GATES }));
      await release.idle('the first gate', ({ gate }) => gate?.wave === 2);
      await until({ what: 'the gate to be told', deadlineMs: 60_000 }, () => sink.received.length === 2);
      await sink.down();
      await approved(release, 2);
      await release.idle('the second gate', ({ gate }) => gate?.wave === 3);
      await until(
        { what: 'an hour to be over', deadlineMs: 60_000 + HOUR, everyMs: Math.min(5_000, HOUR / 100) },
        async () => {
          const [{ since = Infinity } = {}] = await undelivered(it);
          return Date.now() - since >= HOUR;
        },
      );
      expect(await undelivered(it)).toMatchObject([
        {
          sink: 'down',
          waiting: 2,
          dropped: 0,
          trouble: `${new URL(sink.url).origin} cannot be reached: ECONNREFUSED`,
        },
      ]);
      await sink.up();
      await approved(release, 3);
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      await expectEverything(it, sink);
      expect(sink.received).toHaveLength(6);
      await sink.close();
    },
  );

  test('ends while its sink takes the first notice and gives no answer', async ({ stage }) => {
    const sink = await startSink('hangs');
    sink.answer = () => undefined;
    const it = await stage({}, undefined, told([sink]));
    const release = await released(it);
    // All that it ever got is the first one: nothing overtakes what hangs.
    expect(new Set(sink.received.map(({ notice }) => notice.kind))).toEqual(new Set(['started']));
    // The last one is handed over a moment after the end.
    await until({ what: 'all six to wait', deadlineMs: 20_000, everyMs: 50 }, async () => {
      const [left] = await undelivered(it);
      return left?.sink === 'hangs' && left.waiting === 6 && left.dropped === 0;
    });
    sink.answer = taken;
    await expectEverything(it, sink);
    expect(await waitedForHandOvers(release.handle)).toEqual([]);
    await sink.close();
  });

  test('reaches a sink that answers 429 to each at first, no sooner than it asks for', async ({ stage }) => {
    const sink = await startSink('busy');
    const at: number[] = [];
    sink.answer = (response, number) => {
      at.push(performance.now());
      response.writeHead(number % 2 === 1 ? 429 : 204, { 'retry-after': '1' }).end();
    };
    const it = await stage({}, undefined, told([sink]));
    await released(it);
    await expectEverything(it, sink);
    expect(sink.received).toHaveLength(12);
    for (let index = 1; index < at.length; index += 2) expect(at[index]! - at[index - 1]!).toBeGreaterThanOrEqual(990);
    await sink.close();
  });

  test('reaches a sink that takes each and answers 500: twice, with one id', async ({ stage }) => {
    const sink = await startSink('twice');
    sink.answer = (response, number) => void response.writeHead(number % 2 === 1 ? 500 : 204).end();
    const it = await stage({}, undefined, told([sink]));
    await released(it);
    await expectEverything(it, sink);
    expect(sink.received.map(({ notice }) => notice.sequence)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    await sink.close();
  });

  test('asks for the same in the same order as one that tells nobody, and waits for no hand-over', async ({
    stage,
  }) => {
    const [down, hangs, twice] = [await startSink('down'), await startSink('hangs'), await startSink('twice')];
    await down.down();
    hangs.answer = () => undefined;
    twice.answer = (response, number) => void response.writeHead(number % 2 === 1 ? 500 : 204).end();
    const quiet = await released(await stage({}, undefined, told([])));
    const release = await released(await stage({}, undefined, told([down, hangs, twice])));
    expect(await commandsBesideHandOvers(release.handle)).toEqual(await commandsBesideHandOvers(quiet.handle));
    expect(await waitedForHandOvers(release.handle)).toEqual([]);
    await Promise.all([hangs, twice].map((sink) => sink.close()));
  });
});
