import type { CarriedMail } from './mail.ts';

/** A sink that has not got everything. */
export interface UndeliveredSink {
  readonly sink: string;
  readonly waiting: number;
  /** When the oldest of them was told, milliseconds since the epoch. */
  readonly oldest?: number | undefined;
  /** Since when it takes nothing, milliseconds since the epoch. */
  readonly since?: number | undefined;
  readonly trouble?: string | undefined;
  /** Notices that were given up. */
  readonly dropped: number;
}

/** A courier's answer to the query. */
export interface Undelivered {
  readonly v: 1;
  readonly sinks: readonly UndeliveredSink[];
  /** Notices whose sinks are not known yet, and why. */
  readonly unsorted: number;
  /** When the oldest of them was told, milliseconds since the epoch. */
  readonly unsortedSince?: number | undefined;
  readonly problem?: string | undefined;
  /** Sinks that left the policy, with how many notices they did not get. */
  readonly gone: readonly { readonly sink: string; readonly dropped: number }[];
  readonly unreadable: number;
}

/** Notices that a courier has not delivered. */
export function undelivered({ inbox, notices, problem, queues, gone, unreadable }: CarriedMail): Undelivered {
  const toldAt = new Map(notices.map(({ id, at }) => [id, at]));
  const sinks = queues
    .filter(({ ids, dropped }) => ids.length + dropped > 0)
    .map(({ sink, ids: [first, ...others], since, trouble, dropped }) => ({
      sink,
      waiting: first === undefined ? 0 : others.length + 1,
      oldest: first === undefined ? undefined : toldAt.get(first),
      since,
      trouble,
      dropped,
    }));
  return { v: 1, sinks, unsorted: inbox.length, unsortedSince: inbox[0]?.at, problem, gone, unreadable };
}

/** The undelivered notices of several couriers, each sink once, by name. Trouble is that which began first. */
export function undeliveredOfAll(answers: readonly Undelivered[]): Undelivered {
  const sinks = answers.flatMap((answer) => answer.sinks);
  const names = [...new Set(sinks.map(({ sink }) => sink))].toSorted();
  return {
    v: 1,
    sinks: names.map((name) => asOne(name, sinks)),
    unsorted: answers.reduce((sum, one) => sum + one.unsorted, 0),
    problem: answers.find(({ problem }) => problem !== undefined)?.problem,
    gone: answers.flatMap(({ gone }) => gone),
    unreadable: answers.reduce((sum, one) => sum + one.unreadable, 0),
  };
}

function asOne(sink: string, sinks: readonly UndeliveredSink[]): UndeliveredSink {
  const all = sinks.filter((one) => one.sink === sink);
  const [first] = all.toSorted((a, b) => (a.since ?? Infinity) - (b.since ?? Infinity));
  const told = all.flatMap(({ oldest }) => oldest ?? []);
  return {
    sink,
    waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
    oldest: told.length === 0 ? undefined : Math.min(...told),
    since: first?.since,
    trouble: first?.trouble,
    dropped: all.reduce((sum, { dropped }) => sum + dropped, 0),
  };
}
