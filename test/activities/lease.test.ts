import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Lease } from '../../activities/lease.ts';
import { LeaseLost } from '../../activities/ports/failure.ts';
import type { HeartbeatAnswer, Heartbeats } from '../../activities/ports/heartbeats.ts';

const TTL = 20_000;

/** A lease on clocks that only the test moves, and a Temporal that answers as the test says. */
function world({ signal = new AbortController().signal, details }: { signal?: AbortSignal; details?: unknown } = {}) {
  const clocks = { monotonic: 1_000, calendar: 50_000 };
  const beats: unknown[] = [];
  const temporal = {
    answer: 'taken' as HeartbeatAnswer,
    /** How long an answer takes. */
    takes: 0,
    held: undefined as Promise<undefined> | undefined,
  };
  const heartbeats: Heartbeats = {
    async send(sent) {
      beats.push(sent);
      await temporal.held;
      pass(temporal.takes);
      return temporal.answer;
    },
  };
  const pass = (milliseconds: number): void => {
    clocks.monotonic += milliseconds;
    clocks.calendar += milliseconds;
  };
  const readings = (): readonly number[] => [clocks.monotonic, clocks.calendar];
  const lease = new Lease({ ttl: TTL, heartbeats, signal, details, clocks: readings });
  const sent: string[] = [];
  const send = (what: string): Promise<void> =>
    lease.send(() => {
      sent.push(what);
      return Promise.resolve();
    });
  return { lease, temporal, clocks, pass, beats, sent, send };
}

const leases: Lease[] = [];
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(leases.splice(0).map((lease) => lease.end()));
});

function opened(...parameters: Parameters<typeof world>): ReturnType<typeof world> {
  const made = world(...parameters);
  leases.push(made.lease);
  return made;
}

describe('an attempt', () => {
  test('sends nothing before Temporal has taken a heartbeat', async () => {
    const { temporal, send, sent } = opened();
    const answer = Promise.withResolvers<undefined>();
    temporal.held = answer.promise;
    const sending = send('first');
    await turn();
    expect(sent).toEqual([]);
    answer.resolve(undefined);
    await sending;
    expect(sent).toEqual(['first']);
  });

  test('sends for half the heartbeat time-out, counted from the sending of the heartbeat, not from its answer', async () => {
    const { temporal, send, sent, pass, beats } = opened();
    temporal.takes = 4_000;
    await send('first');
    temporal.answer = 'unanswered';
    temporal.takes = 0;
    pass(6_000);
    await send('still');
    pass(1);
    await expect(send('late')).rejects.toThrow(LeaseLost);
    expect(sent).toEqual(['first', 'still']);
    expect(beats).toHaveLength(2);
  });

  test('goes on when Temporal says that it is still the one, however long it was silent', async () => {
    const { send, sent, pass } = opened();
    await send('first');
    pass(60_000);
    await send('second');
    expect(sent).toEqual(['first', 'second']);
  });

  test('that another one has replaced sends nothing, ever again', async () => {
    const { temporal, send, sent, pass } = opened();
    await send('first');
    pass(TTL);
    temporal.answer = 'ended';
    await expect(send('second')).rejects.toThrow(LeaseLost);
    temporal.answer = 'taken';
    await expect(send('third')).rejects.toThrow(LeaseLost);
    expect(sent).toEqual(['first']);
  });

  test('whose answer comes after the lease would be over does not count it', async () => {
    const { temporal, send, sent } = opened();
    temporal.takes = TTL / 2 + 1;
    await expect(send('first')).rejects.toThrow(LeaseLost);
    expect(sent).toEqual([]);
  });

  test.each(['monotonic', 'calendar'] as const)('that slept by its %s clock alone has slept', async (clock) => {
    const { temporal, send, sent, clocks } = opened();
    await send('first');
    temporal.answer = 'unanswered';
    clocks[clock] += TTL;
    await expect(send('second')).rejects.toThrow(LeaseLost);
    expect(sent).toEqual(['first']);
  });

  test('that is interrupted sends nothing more, and ends with the reason of the interrupt', async () => {
    const interrupt = new AbortController();
    const { temporal, send, sent, pass } = opened({ signal: interrupt.signal });
    await send('first');
    pass(TTL);
    temporal.answer = 'cancelled';
    const sending = send('second');
    await turn();
    interrupt.abort(new Error('interrupted'));
    await expect(sending).rejects.toThrow('interrupted');
    expect(sent).toEqual(['first']);
  });

  test('that has ended sends nothing, and ends only when what it sends has ended', async () => {
    const { lease, send } = opened();
    const command = Promise.withResolvers<undefined>();
    const order: string[] = [];
    const sending = lease.send(() => command.promise).then(() => order.push('the command has ended'));
    await turn();
    const ending = lease.end().then(() => order.push('the attempt has ended'));
    await expect(send('late')).rejects.toThrow(LeaseLost);
    command.resolve(undefined);
    await Promise.all([sending, ending]);
    expect(order).toEqual(['the command has ended', 'the attempt has ended']);
  });

  test('is asked once more by an adapter that has made it wait', async () => {
    const { lease, temporal, pass } = opened();
    const sending = lease.send(async (permit) => {
      pass(TTL);
      temporal.answer = 'ended';
      await permit();
      return 'sent';
    });
    await expect(sending).rejects.toThrow(LeaseLost);
  });

  test('keeps its lease while it works', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { send, temporal, pass, sent } = opened();
    await send('first');
    for (let renewal = 0; renewal < 12; renewal += 1) {
      pass(TTL / 12);
      vi.advanceTimersByTime(TTL / 12);
      await turn();
    }
    temporal.answer = 'unanswered';
    await send('second');
    expect(sent).toEqual(['first', 'second']);
  });
});

describe('what is recorded', () => {
  test('is known to Temporal before what comes next, also while a heartbeat with less is under way', async () => {
    const { lease, temporal, beats } = opened();
    const answer = Promise.withResolvers<undefined>();
    temporal.held = answer.promise;
    const [first, second, third] = ['one', 'two', 'three'].map((details) => lease.acknowledge(details));
    answer.resolve(undefined);
    await Promise.all([first, second, third]);
    expect(beats).toEqual(['one', 'three']);
  });

  test('by the attempt before is kept until this one records something', async () => {
    const { send, beats } = opened({ details: 'of the first attempt' });
    await send('first');
    expect(beats).toEqual(['of the first attempt']);
  });

  test('is not taken for known while Temporal is silent', async () => {
    const { lease, temporal, send, pass } = opened();
    await send('first');
    temporal.answer = 'unanswered';
    pass(TTL);
    await expect(lease.acknowledge('told duel-3')).rejects.toThrow(LeaseLost);
  });
});
