import { workflowInfo } from '@temporalio/workflow';
import type { Fence } from '../release/patches/fence.ts';

/**
 * Counts the writes of a release to its set, so that each can demand to be the next one. A write of which nobody knows
 * how it ended may be on the set or not: the next one takes both.
 */
export class FenceCounter {
  #from = 0;
  #to = 0;

  /** One write of the set. */
  async write<Written extends { readonly fence?: number }>(
    write: (fence: Fence) => Promise<Written>,
  ): Promise<Written> {
    const fence = { token: workflowInfo().firstExecutionRunId, from: this.#from, to: this.#to };
    this.#to = fence.to + 1;
    const written = await write(fence);
    this.#to = written.fence ?? fence.to;
    if (written.fence !== undefined) this.#from = written.fence;
    return written;
  }
}
