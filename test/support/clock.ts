/** Time for simulations: what the fake cluster does later goes through here. */
export interface Clock {
  /** Milliseconds since some start. */
  now(): number;
  /** Runs something later. */
  after(milliseconds: number, run: () => void): void;
}

/** Real time; nothing that is still to come keeps the process alive. */
export function realClock(): Clock {
  return {
    now: () => Date.now(),
    after: (milliseconds, run) => {
      setTimeout(run, milliseconds).unref();
    },
  };
}

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0;
  #order = 0;
  #due: Due[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): void {
    this.#order += 1;
    this.#due.push({ at: this.#now + milliseconds, order: this.#order, run });
  }

  /** Moves time on and runs what is due on the way, in order. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (let next = this.#takeNext(until); next; next = this.#takeNext(until)) {
      this.#now = next.at;
      next.run();
    }
    this.#now = until;
  }

  #takeNext(until: number): Due | undefined {
    const [next] = this.#due
      .filter(({ at }) => at <= until)
      .sort((left, right) => left.at - right.at || left.order - right.order);
    if (next) this.#due = this.#due.filter((due) => due !== next);
    return next;
  }
}
