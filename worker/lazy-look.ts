/**
 * A look at something that is made when somebody wants to know, and not more often than it may be. Nobody waits for it: what
 * was seen last is told, and trouble shows in its age and in nothing else.
 */
export class LazyLook<Seen> {
  readonly #look: (at: number) => Promise<Seen>;
  readonly #everyMs: number;
  #last: Seen | undefined;
  #begunAt = -Infinity;
  #looking: Promise<void> | undefined;

  /** `everyMs` is the least time between two looks, in milliseconds; a look may fail. */
  constructor(everyMs: number, look: (at: number) => Promise<Seen>) {
    this.#everyMs = everyMs;
    this.#look = look;
  }

  /** The last observation; undefined before the first look is done. Begins a new one when that is old. */
  latest(now = Date.now()): Seen | undefined {
    if (this.#looking === undefined && now - this.#begunAt >= this.#everyMs) {
      this.#begunAt = now;
      this.#looking = this.#again(now).finally(() => (this.#looking = undefined));
    }
    return this.#last;
  }

  /** Resolves when no look is under way. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  async #again(at: number): Promise<void> {
    try {
      this.#last = await this.#look(at);
    } catch {
      // The next look may find Temporal again.
    }
  }
}
