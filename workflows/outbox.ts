import { CancellationScope, condition, workflowInfo } from '@temporalio/workflow';
import type { SetRef } from '../release/fleet/fleet.ts';
import type { CardFacts } from '../release/notices/card.ts';
import type { News } from '../release/notices/news.ts';
import type { Notice, ReleaseCard } from '../release/notices/notice.ts';
import { MOST_AT_ONCE } from '../release/notices/notice-schema.ts';
import { handingOver } from './calls.ts';
import type { CarriedOutbox } from './messages.ts';

/** How long the end of a workflow waits for its last notices to be handed over, in milliseconds. */
const LAST_HAND_OVER_MS = 10_000;
/** More news than this is more than anybody reads; the oldest goes, and the numbers show it. */
const MOST_WAITING = 200;

/**
 * The news on its way to the courier of the set. One hand-over runs at a time, and takes with it what has
 * gathered meanwhile; nobody waits for it. It is tried until it works, and what is handed over twice has the same ids.
 */
export class Outbox {
  readonly #card: (facts: CardFacts) => ReleaseCard;
  readonly #set: SetRef;
  readonly #root = CancellationScope.current();
  #sequence: number;
  #underWay: readonly Notice[];
  #waiting: readonly News[];
  #isRunning = false;

  constructor(
    card: (facts: CardFacts) => ReleaseCard,
    set: SetRef,
    { sequence, underWay, waiting }: CarriedOutbox = { sequence: 0, underWay: [], waiting: [] },
  ) {
    this.#card = card;
    this.#set = set;
    this.#sequence = sequence;
    this.#underWay = underWay;
    this.#waiting = waiting;
    if (underWay.length + waiting.length > 0) this.#start();
  }

  /** The state for the next run: what was sent and is not known to have arrived goes with it. */
  get carried(): CarriedOutbox {
    return { sequence: this.#sequence, underWay: this.#underWay, waiting: this.#waiting };
  }

  /** Changes what waits, and sees that it is handed over. */
  tell(change: (waiting: readonly News[]) => readonly News[]): void {
    this.#waiting = change(this.#waiting).slice(-MOST_WAITING);
    if (this.#waiting.length > 0) this.#start();
  }

  /** Resolves when everything is handed over, or it takes too long. */
  async empty(): Promise<void> {
    await condition(() => !this.#isRunning, LAST_HAND_OVER_MS, { summary: 'last notices' });
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Its own scope: what interrupts or cancels a release is itself news.
    const scope = new CancellationScope({ cancellable: false, parent: this.#root });
    void scope.run(() => this.#handOver());
  }

  async #handOver(): Promise<void> {
    // Once what happens now has happened: a card then shows what its release does next.
    await Promise.resolve();
    while (this.#underWay.length + this.#waiting.length > 0) {
      if (this.#underWay.length === 0) this.#underWay = this.#notices();
      const [first] = this.#underWay;
      if (!first) break;
      const { cluster } = first.release;
      await handingOver('tell people').tellCourier({ cluster, set: this.#set, notices: this.#underWay });
      this.#underWay = [];
    }
    this.#isRunning = false;
  }

  #notices(): readonly Notice[] {
    const { runId, workflowId, namespace } = workflowInfo();
    const release = this.#card({ workflowId, runId, temporalNamespace: namespace });
    const news = this.#waiting.slice(0, MOST_AT_ONCE);
    this.#waiting = this.#waiting.slice(MOST_AT_ONCE);
    return news.map(({ kind, text, at }) => {
      this.#sequence += 1;
      // The run is part of it: after a reset the same numbers are given again, for other news.
      return { v: 1, id: `${runId}.${this.#sequence}`, sequence: this.#sequence, kind, at, text, release };
    });
  }
}
