import { ClusterFailure } from '../../activities/ports/failure.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
/** What can be called on a cluster over the network. Following is reading, again and again. */
export type Operation = Exclude<keyof Cluster, 'describe' | 'followServers' | 'followGameServers' | 'followSet'>;

type Hook = () => void;

interface Fault {
  readonly operation: Operation;
  left: number;
  readonly when: 'before' | 'after';
  readonly failure: ClusterFailure;
}

/** The failure of a network that is down. */
export function unreachable(): ClusterFailure {
  return new ClusterFailure('unreachable', 'the API server at https://fake does not answer: connection refused', {
    retryable: true,
  });
}

/** Trouble that tests put between hotwave and the fake cluster. */
export class Faults {
  readonly #faults: Fault[] = [];
  readonly #hooks: { readonly operation: Operation; left: number; readonly run: Hook }[] = [];

  /** The next `times` calls fail, and nothing happens in the cluster. */
  fail(operation: Operation, failure: ClusterFailure = unreachable(), times = 1): void {
    this.#faults.push({ operation, left: times, when: 'before', failure });
  }

  /** The next `times` calls happen in the cluster, but the answer does not come back. */
  loseReply(operation: Operation, failure: ClusterFailure = unreachable(), times = 1): void {
    this.#faults.push({ operation, left: times, when: 'after', failure });
  }

  /** Runs something right before the next `times` calls: what somebody else does at the worst moment. */
  before(operation: Operation, run: Hook, times = 1): void {
    this.#hooks.push({ operation, left: times, run });
  }

  /** Called by the cluster around every operation. @throws the planned failure */
  strike(operation: Operation, when: 'before' | 'after'): void {
    if (when === 'before') {
      for (const hook of this.#hooks.filter((candidate) => candidate.operation === operation && candidate.left > 0)) {
        hook.left -= 1;
        hook.run();
      }
    }
    const fault = this.#faults.find(
      (candidate) => candidate.operation === operation && candidate.when === when && candidate.left > 0,
    );
    if (!fault) return;
    fault.left -= 1;
    throw fault.failure;
  }
}
