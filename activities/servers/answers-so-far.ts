import type { UnderWay } from '../../release/checks/under-way.ts';
import { underWay } from '../../release/checks/under-way.ts';

/** Which servers of a batch have answered right so far, and what the others said last: for those who look on. */
export class AnswersSoFar {
  readonly #of: number;
  readonly #right = new Set<string>();
  readonly #objections = new Map<string, string>();

  constructor(of: number) {
    this.#of = of;
  }

  /** Takes an answer that was not right; the server may be asked again. */
  object(server: string, reason: string): void {
    this.#objections.set(server, reason);
  }

  /** Takes a server that is right. */
  accept(server: string): void {
    this.#objections.delete(server);
    this.#right.add(server);
  }

  /** The details of a heartbeat. */
  cursor = (): UnderWay =>
    underWay(
      this.#of,
      this.#right.size,
      [...this.#objections].map(([server, reason]) => ({ server, reason })),
    );
}
