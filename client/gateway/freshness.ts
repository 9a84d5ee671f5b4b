/** How far the time of a signed request may be from ours, both ways, in milliseconds. */
const WINDOW_MS = 300_000;

/** True for a time within the window of now. A future one is refused as well: it could be used for longer. */
export function isTimely(at: number, now: number): boolean {
  return Number.isFinite(at) && Math.abs(now - at) <= WINDOW_MS;
}

/** Signed requests that were taken. Only against replays to this replica: elsewhere the id of the decision counts once. */
export class Seen<Answer> {
  readonly #answers = new Map<string, { readonly until: number; readonly answer: Answer }>();

  /** The answer to an earlier request, undefined for a new one. */
  of(signature: string, now: number): Answer | undefined {
    this.#forget(now);
    return this.#answers.get(signature)?.answer;
  }

  /** A request stays known for as long as its time could be taken. */
  add(signature: string, answer: Answer, now: number): void {
    this.#answers.set(signature, { until: now + 2 * WINDOW_MS, answer });
  }

  /** A request that came to nothing may come again. */
  delete(signature: string): void {
    this.#answers.delete(signature);
  }

  #forget(now: number): void {
    // Oldest first: a map keeps the order of insertion.
    for (const [signature, { until }] of this.#answers) {
      if (until > now) return;
      this.#answers.delete(signature);
    }
  }
}
