import type { Notice, NoticeKind } from './notice.ts';

/** A notice that nobody takes is tried for so long, in milliseconds. */
export const GIVE_UP_MS = 7 * 86_400_000;
/** Doubles are known among so many of the last notices. */
const MOST_SEEN = 1_000;
/** Most notices that are kept for sinks that are down, and their length as JSON: a run of a workflow hands 2 MB to the next. */
const MOST_KEPT = 200;
const MOST_CHARACTERS = 1_000_000;
/** Receipts of so many releases are kept for each sink. */
const MOST_RECEIPTS = 20;

/** The queue of one sink, oldest first. */
export interface Queue {
  readonly sink: string;
  readonly ids: readonly string[];
  /** Tries of the first one that came to nothing. */
  readonly tries: number;
  readonly since?: number | undefined;
  readonly trouble?: string | undefined;
  readonly dropped: number;
  /** By release, see {@link cardKey}. */
  readonly receipts: readonly (readonly [string, string])[];
}

/** All that a courier has, as a value. */
export interface CarriedMail {
  readonly seen: readonly string[];
  /** The sets whose sinks are not known yet. */
  readonly inbox: readonly Notice[];
  readonly problem?: string | undefined;
  readonly notices: readonly Notice[];
  readonly queues: readonly Queue[];
  readonly gone: readonly { readonly sink: string; readonly dropped: number }[];
  readonly unreadable: number;
}

/** A courier that has just begun. */
export const NO_MAIL: CarriedMail = { seen: [], inbox: [], notices: [], queues: [], gone: [], unreadable: 0 };

/** Takes notices, each once. */
export function taken(mail: CarriedMail, notices: readonly Notice[]): CarriedMail {
  const known = new Set(mail.seen);
  const fresh = notices.filter(({ id }) => !known.has(id) && known.add(id));
  const seen = [...mail.seen, ...fresh.map(({ id }) => id)].slice(-MOST_SEEN);
  return bounded({ ...mail, seen, inbox: [...mail.inbox, ...fresh] });
}

/** Puts the first `count` notices of the inbox behind what waits for these sinks. */
export function sorted(
  mail: CarriedMail,
  count: number,
  sinks: readonly { readonly name: string; readonly kinds?: readonly NoticeKind[] | undefined }[],
): CarriedMail {
  const notices = mail.inbox.slice(0, count);
  const queues = sinks.reduce((all, { name, kinds }) => {
    const ids = notices.filter(({ kind }) => kinds?.includes(kind) ?? true).map(({ id }) => id);
    const known = all.find(({ sink }) => sink === name);
    const queue = known ?? { sink: name, ids: [], tries: 0, dropped: 0, receipts: [] };
    return [...all.filter((one) => one !== known), { ...queue, ids: [...queue.ids, ...ids] }];
  }, mail.queues);
  const rest = { ...mail, inbox: mail.inbox.slice(count), notices: [...mail.notices, ...notices], queues };
  return kept({ ...rest, problem: undefined });
}

/** The notice that a sink is to get next. */
export function nextFor(mail: CarriedMail, sink: string): Notice | undefined {
  const [id] = mail.queues.find((queue) => queue.sink === sink)?.ids ?? [];
  return mail.notices.find((notice) => notice.id === id);
}

/** The sink's answer to an earlier notice of the same release. */
export function receiptFor(mail: CarriedMail, sink: string, notice: Notice): string | undefined {
  const { receipts = [] } = mail.queues.find((queue) => queue.sink === sink) ?? {};
  return receipts.find(([key]) => key === cardKey(notice))?.[1];
}

/** A name may be used again for another release. */
function cardKey({ release: { release, startedAt } }: Notice): string {
  return `${release}@${startedAt}`;
}

/** A sink has it. */
export function delivered(mail: CarriedMail, sink: string, notice: Notice, receipt: string | undefined): CarriedMail {
  return changed(mail, sink, ({ ids, receipts, dropped }) => {
    const key = cardKey(notice);
    const others = receipts.filter(([known]) => receipt === undefined || known !== key);
    const all = receipt === undefined ? others : [...others, [key, receipt] as const];
    return { ids: ids.filter((id) => id !== notice.id), receipts: all.slice(-MOST_RECEIPTS), dropped, tries: 0 };
  });
}

/** A sink will never take this one: it is dropped and counted, and the next one may pass. */
export function refused(mail: CarriedMail, sink: string, notice: Notice, trouble: string): CarriedMail {
  return changed(
    mail,
    sink,
    ({ ids, receipts, dropped }) => ({ ids, receipts, dropped, tries: 0, trouble }),
    new Set([notice.id]),
  );
}

/** A try came to nothing; what is older than {@link GIVE_UP_MS} is given up. */
export function troubled(mail: CarriedMail, sink: string, trouble: string, now: number): CarriedMail {
  const old = new Set(mail.notices.filter(({ at }) => at + GIVE_UP_MS < now).map(({ id }) => id));
  return changed(
    mail,
    sink,
    (queue) => ({ ...queue, tries: queue.tries + 1, since: queue.since ?? now, trouble }),
    old,
  );
}

/** The policy has no such sink any more. */
export function left(mail: CarriedMail, sink: string): CarriedMail {
  const dropped = mail.queues.find((queue) => queue.sink === sink)?.ids.length ?? 0;
  const queues = mail.queues.filter((queue) => queue.sink !== sink);
  return kept({ ...mail, queues, gone: [...mail.gone, { sink, dropped }].slice(-MOST_RECEIPTS) });
}

function changed(
  mail: CarriedMail,
  sink: string,
  change: (queue: Queue) => Omit<Queue, 'sink'>,
  without: ReadonlySet<string> = new Set(),
): CarriedMail {
  const queues = mail.queues.map((queue) => {
    if (queue.sink !== sink) return queue;
    const next = change(queue);
    const ids = next.ids.filter((id) => !without.has(id));
    return { ...next, sink, ids, dropped: next.dropped + next.ids.length - ids.length };
  });
  return kept({ ...mail, queues });
}

/** Without the notices that nobody waits for. */
function kept(mail: CarriedMail): CarriedMail {
  const wanted = new Set(mail.queues.flatMap(({ ids }) => ids));
  return { ...mail, notices: mail.notices.filter(({ id }) => wanted.has(id)) };
}

/** The oldest goes when there is too much, counted for each sink that waits for it. */
function bounded(mail: CarriedMail): CarriedMail {
  let result = mail;
  while (isTooMuch(result)) {
    const [oldest] = result.notices;
    if (!oldest) return { ...result, inbox: result.inbox.slice(1) };
    const drop = (queue: Queue): Queue => {
      const ids = queue.ids.filter((id) => id !== oldest.id);
      return { ...queue, ids, dropped: queue.dropped + queue.ids.length - ids.length };
    };
    result = { ...result, queues: result.queues.map(drop), notices: result.notices.slice(1) };
  }
  return result;
}

function isTooMuch({ notices, inbox }: CarriedMail): boolean {
  const all = notices.length + inbox.length;
  return all > MOST_KEPT || (all > 1 && JSON.stringify([notices, inbox]).length > MOST_CHARACTERS);
}
