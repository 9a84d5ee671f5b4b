import { unlessAborted } from './abort.ts';

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

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #due = new Map<number, (() => void)[]>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): void {
    const at = this.#now + milliseconds;
    const others = this.#due.get(at);
    if (others) others.push(run);
    else this.#due.set(at, [run]);
  }

  /** Moves time on and runs what is due on the way, in order. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (let next = this.#earliest(); next <= until; next = this.#earliest()) {
      this.#now = next;
      const runs = this.#due.get(next) ?? [];
      this.#due.delete(next);
      for (const run of runs) run();
    }
    this.#now = until;
  }

  #earliest(): number {
    return Math.min(...this.#due.keys());
  }
}

/** Resolves when so much time has passed. @throws the reason of `signal` */
export async function passed(clock: Clock, milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds === 0) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  clock.after(milliseconds, () => resolve(undefined));
  await unlessAborted(promise, signal);
}
