import pLimit from 'p-limit';
import type { ReleaseSpec } from '../../release/spec/spec.ts';

/** Runs work beside servers, so much at once in all and on one node: a kubelet takes few commands at a time. */
export class Places {
  readonly #perNode: number;
  readonly #inAll: ReturnType<typeof pLimit>;
  readonly #onNode = new Map<string, ReturnType<typeof pLimit>>();

  constructor({ total, perNode }: ReleaseSpec['concurrency']) {
    this.#perNode = perNode;
    this.#inAll = pLimit(total);
  }

  /** Runs the work as soon as there is a place for it, and resolves or rejects with it. */
  run<Result>(node: string, work: () => Promise<Result>): Promise<Result> {
    const onNode = this.#onNode.get(node) ?? pLimit(this.#perNode);
    this.#onNode.set(node, onNode);
    return onNode(() => this.#inAll(work));
  }
}
