/** Carries a list of items to a release within a time in milliseconds; the outcomes are in the same order. */
export type CarryAll<Item, Outcome> = (
  workflowId: string,
  items: readonly Item[],
  milliseconds: number,
) => Promise<readonly Outcome[]>;

/** Carries one item to a release. @throws what the carrying of its list throws; NotCarried, or Error, when the time is over */
export type CarryOne<Item, Outcome> = (workflowId: string, item: Item, milliseconds: number) => Promise<Outcome>;

/** The time was over before anything was carried: it is certain that nothing has happened. */
export class NotCarried extends Error {}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  /** By `performance.now()`. */
  readonly until: number;
  /** A caller that waits has been told that the time is over. */
  isOver: boolean;
  isUnderWay: boolean;
  readonly settle: (settled: { readonly outcome: Outcome } | { readonly error: unknown }) => void;
}

/**
 * Clicks come in crowds, and Temporal takes what is for one workflow one after the other: a release gets one call after the
 * other, each with all that has come meanwhile.
 * @param most how many items one call may have
 */
export function together<Item, Outcome>(carryAll: CarryAll<Item, Outcome>, most: number): CarryOne<Item, Outcome> {
  const queues = new Map<string, Waiting<Item, Outcome>[]>();

  const inTurn = async (workflowId: string, queue: Waiting<Item, Outcome>[]): Promise<void> => {
    while (queue.length > 0) await carry(carryAll, workflowId, queue.splice(0, most));
    queues.delete(workflowId);
  };

  return (workflowId, item, milliseconds) => {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const waiting: Waiting<Item, Outcome> = {
      item,
      until: performance.now() + milliseconds,
      isOver: false,
      isUnderWay: false,
      settle(settled) {
        clearTimeout(late);
        if ('outcome' in settled) resolve(settled.outcome);
        else reject(settled.error);
      },
    };
    const late = setTimeout(() => {
      waiting.isOver = true;
      reject(waiting.isUnderWay ? new Error('no answer in time') : new NotCarried('others came first'));
    }, milliseconds);
    const others = queues.get(workflowId);
    if (others) others.push(waiting);
    else {
      const queue = [waiting];
      queues.set(workflowId, queue);
      void inTurn(workflowId, queue);
    }
    return promise;
  };
}

/** A notice whose time is over is not carried any more. */
async function carry<Item, Outcome>(
  carryAll: CarryAll<Item, Outcome>,
  workflowId: string,
  batch: readonly Waiting<Item, Outcome>[],
): Promise<void> {
  const now = performance.now();
  const timely = batch.filter(({ until, isOver }) => !isOver && until > now);
  if (timely.length === 0) return;
  for (const one of timely) one.isUnderWay = true;
  const longest = Math.max(...timely.map(({ until }) => until - now));
  try {
    const outcomes = await carryAll(
      workflowId,
      timely.map(({ item }) => item),
      longest,
    );
    if (outcomes.length !== timely.length) throw new Error('not every item has an answer');
    for (const [index, { settle }] of timely.entries()) settle({ outcome: outcomes[index] as Outcome });
  } catch (error) {
    for (const { settle } of timely) settle({ error });
  }
}
