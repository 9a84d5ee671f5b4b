import { ClusterFailure } from '../../activities/ports/failure.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
import type { ExecOutcome } from '../../activities/ports/probes.ts';

/** The calls on a cluster over the network. Following is reading, again and again. */
export type Operation = Exclude<keyof Cluster, 'describe' | 'followServers' | 'followGameServers' | 'followSet'>;

/** All of them. */
export const OPERATIONS: readonly Operation[] = [
  'readSet',
  'listSets',
  'readWorkload',
  'listServers',
  'readComplaints',
  'serversWithOtherPriority',
  'listGameServers',
  'patch',
  'recordEvent',
  'exec',
  'httpGet',
  'httpSend',
  'tcpConnect',
  'findInLog',
  'missingAccess',
  'versionOf',
  'account',
  'admissionPolicies',
  'hasNamespace',
];

type Hook = () => void;

interface Fault {
  readonly operation: Operation;
  left: number;
  readonly when: 'before' | 'after';
  readonly failure: ClusterFailure;
}

/** Which commands meet with trouble. */
export interface ExecFaultWishes {
  /** Default whichever comes next. */
  readonly server?: string;
  /** Default 1. */
  readonly times?: number;
  /** The adapter's reading of it. */
  readonly outcome?: ExecOutcome;
}

/** A command that met with trouble. */
export interface ExecFault {
  /** The container has run it all the same. */
  readonly hasRun: boolean;
  readonly outcome: ExecOutcome;
}

/** The API server cannot reach the node: 500 before the connection is upgraded. */
const NEVER_STARTED: ExecOutcome = {
  kind: 'failed',
  message: 'error dialing backend: dial tcp 10.0.0.9:10250: connect: connection refused',
};
const CONNECTION_LOST: ExecOutcome = { kind: 'unknown', message: 'the connection closed without an exit status' };

/** The failure of a network that is down. */
export function unreachable(): ClusterFailure {
  return new ClusterFailure('unreachable', 'the API server at https://fake does not answer: connection refused', {
    retryable: true,
  });
}

/** Trouble that tests put between hotwave and the fake cluster. */
export class Faults {
  readonly #faults: Fault[] = [];
  readonly #execs: (ExecFault & { times: number; readonly server: string | undefined })[] = [];
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

  /** The next commands never start. */
  refuseExec(wishes: ExecFaultWishes = {}): void {
    this.#execs.push({ server: undefined, times: 1, outcome: NEVER_STARTED, ...wishes, hasRun: false });
  }

  /** The next commands run, but nobody is told how they ended. */
  loseExec(wishes: ExecFaultWishes = {}): void {
    this.#execs.push({ server: undefined, times: 1, outcome: CONNECTION_LOST, ...wishes, hasRun: true });
  }

  /** Called by the cluster for each command that it has been given. */
  execFault(server: string): ExecFault | undefined {
    const fault = this.#execs.find(({ times, server: of = server }) => times > 0 && of === server);
    if (fault) fault.times -= 1;
    return fault;
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
