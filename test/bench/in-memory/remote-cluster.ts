import { ClusterFailure } from '../product.ts';
import type { Cluster } from '../product.ts';
import { DeltaReceiver } from './deltas.ts';
import type { Delta } from './deltas.ts';
import { SIGNAL } from './messages.ts';
import type { ClusterAnswer, ClusterCall } from './messages.ts';

/** The question of a worker whether it may still write. */
type Permit = () => Promise<void>;

/** A cluster in another process, as a worker sees it. */
export interface RemoteCluster {
  readonly cluster: Cluster;
  /** Takes what came of a call. */
  readonly take: (answer: ClusterAnswer) => void;
}

/**
 * Sends every call to the process that has the cluster. Operations are not named here, so that the same code serves
 * whatever a version of hotwave asks of a cluster: those whose name begins with `follow` are streams.
 */
export function remoteCluster(send: (call: ClusterCall) => void): RemoteCluster {
  const calls = new Calls(send);
  const operations = new Map<string, unknown>();
  const operationOf = (name: string): unknown => {
    if (name === 'describe') return () => 'https://in-memory (context in-memory)';
    if (name.startsWith('follow')) return (...parameters: unknown[]) => follow(calls, name, parameters);
    return (...parameters: unknown[]) => calls.ask({ kind: 'call', operation: name, parameters });
  };
  const cluster = new Proxy({} as Cluster, {
    get(_target, name) {
      // A cluster is no promise: whoever awaits it asks for `then`.
      if (typeof name === 'symbol' || name === 'then') return undefined;
      if (!operations.has(name)) operations.set(name, operationOf(name));
      return operations.get(name);
    },
  });
  return { cluster, take: (answer) => calls.settle(answer) };
}

type Wish = Pick<ClusterCall, 'kind' | 'operation' | 'parameters'> & { readonly stream?: number };

class Calls {
  readonly #send: (call: ClusterCall) => void;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  constructor(send: (call: ClusterCall) => void) {
    this.#send = send;
  }

  nextId(): number {
    this.#last += 1;
    return this.#last;
  }

  async ask({ kind, operation, parameters, stream = 0 }: Wish, id = this.nextId()): Promise<unknown> {
    const signal = signalIn(parameters);
    signal?.throwIfAborted();
    // Whether the worker may write is asked where it is known: here, right before the call leaves.
    const permit = permitIn(parameters);
    if (permit) {
      await permit();
      signal?.throwIfAborted();
    }
    const call = Promise.withResolvers<unknown>();
    this.#waiting.set(id, call);
    const giveUp = (): void => {
      call.reject(signal?.reason);
      this.#send({ kind: 'abort', id, operation, parameters: [], stream });
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#send({ kind, id, operation, parameters: parameters.map(sendable), stream });
    return await call.promise.finally(() => {
      this.#waiting.delete(id);
      signal?.removeEventListener('abort', giveUp);
    });
  }

  settle(answer: ClusterAnswer): void {
    const call = this.#waiting.get(answer.id);
    if (!call) return;
    if ('result' in answer) {
      call.resolve(answer.result);
      return;
    }
    const { reason, message, retryable } = answer.failure;
    call.reject(reason === undefined ? new Error(message) : new ClusterFailure(reason, message, { retryable }));
  }
}

async function* follow(calls: Calls, operation: string, parameters: readonly unknown[]): AsyncGenerator {
  const signal = signalIn(parameters);
  const [stream, receiver] = [calls.nextId(), new DeltaReceiver()];
  const ask = (kind: 'next' | 'end', more: readonly unknown[]): Promise<unknown> =>
    calls.ask({ kind, operation, parameters: more, stream });
  await calls.ask({ kind: 'open', operation, parameters }, stream);
  try {
    for (;;) {
      const next = (await ask('next', signal ? [signal] : [])) as Delta | undefined;
      if (next === undefined) return;
      yield receiver.receive(next);
    }
  } finally {
    await ask('end', []);
  }
}

function signalIn(parameters: readonly unknown[]): AbortSignal | undefined {
  return parameters
    .map((parameter) => (parameter instanceof AbortSignal ? parameter : optionsOf(parameter)?.signal))
    .find((signal) => signal instanceof AbortSignal);
}

function permitIn(parameters: readonly unknown[]): Permit | undefined {
  const found = parameters
    .map((parameter) => (typeof parameter === 'function' ? parameter : optionsOf(parameter)?.permit))
    .find((permit) => typeof permit === 'function');
  return found as Permit | undefined;
}

/** The same parameter with a mark in place of a signal, and without a permit, which is asked on this side. */
function sendable(parameter: unknown): unknown {
  if (parameter instanceof AbortSignal) return SIGNAL;
  if (typeof parameter === 'function') return undefined;
  const options = optionsOf(parameter);
  if (!options) return parameter;
  const { permit: _asked, ...rest } = options;
  return rest.signal instanceof AbortSignal ? { ...rest, signal: SIGNAL } : rest;
}

function optionsOf(parameter: unknown): { readonly signal?: unknown; readonly permit?: unknown } | undefined {
  if (typeof parameter !== 'object' || parameter === null) return undefined;
  return 'signal' in parameter || 'permit' in parameter ? parameter : undefined;
}
