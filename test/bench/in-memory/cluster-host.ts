import { ClusterFailure } from '../product.ts';
import { DeltaSender } from './deltas.ts';
import { SIGNAL } from './messages.ts';
import type { ClusterAnswer, ClusterCall, FailureFacts } from './messages.ts';

type Operations = Readonly<Record<string, (...parameters: readonly unknown[]) => unknown>>;

interface Stream {
  readonly items: AsyncIterator<unknown>;
  readonly sender: DeltaSender;
  readonly abort: AbortController;
}

/** Carries out in this process what a worker in another one asks of the cluster. */
export class ClusterHost {
  readonly #cluster: Operations;
  readonly #answer: (answer: ClusterAnswer) => void;
  readonly #streams = new Map<number, Stream>();
  readonly #aborts = new Map<number, AbortController>();

  constructor(cluster: object, answer: (answer: ClusterAnswer) => void) {
    this.#cluster = cluster as Operations;
    this.#answer = answer;
  }

  /** Takes a call; what comes of it goes to `answer`. */
  take(call: ClusterCall): void {
    if (call.kind === 'abort') this.#abort(call);
    else void this.#settle(call);
  }

  #abort({ id, stream }: ClusterCall): void {
    this.#aborts.get(id)?.abort();
    this.#streams.get(stream)?.abort.abort();
  }

  async #settle(call: ClusterCall): Promise<void> {
    try {
      this.#answer({ kind: 'answer', id: call.id, result: await this.#run(call) });
    } catch (error) {
      this.#answer({ kind: 'answer', id: call.id, failure: factsOf(error) });
    }
  }

  async #run(call: ClusterCall): Promise<unknown> {
    switch (call.kind) {
      case 'open':
        this.#open(call);
        return undefined;
      case 'next':
        return this.#next(call);
      case 'end':
        this.#end(call);
        return undefined;
      default:
        return this.#call(call);
    }
  }

  async #call({ id, operation, parameters }: ClusterCall): Promise<unknown> {
    const abort = new AbortController();
    this.#aborts.set(id, abort);
    try {
      return await this.#operation(operation, parameters, abort.signal);
    } finally {
      this.#aborts.delete(id);
    }
  }

  #open({ id, operation, parameters }: ClusterCall): void {
    const abort = new AbortController();
    const items = this.#operation(operation, parameters, abort.signal) as AsyncIterable<unknown>;
    this.#streams.set(id, { items: items[Symbol.asyncIterator](), sender: new DeltaSender(), abort });
  }

  async #next({ stream }: ClusterCall): Promise<unknown> {
    const { items, sender } = this.#streams.get(stream)!;
    const item = (await items.next()) as IteratorResult<unknown, unknown>;
    return item.done === true ? undefined : sender.send(item.value);
  }

  #end({ stream }: ClusterCall): void {
    const { items, abort } = this.#streams.get(stream)!;
    this.#streams.delete(stream);
    abort.abort();
    // It ends with its next look; nobody waits for that.
    items.return?.().catch(() => undefined);
  }

  #operation(name: string, parameters: readonly unknown[], signal: AbortSignal): unknown {
    const run = this.#cluster[name];
    if (!run) throw new Error(`the cluster in memory has no operation ${name}`);
    return run.call(this.#cluster, ...parameters.map((parameter) => withSignal(parameter, signal)));
  }
}

function withSignal(parameter: unknown, signal: AbortSignal): unknown {
  if (parameter === SIGNAL) return signal;
  const isMarked = typeof parameter === 'object' && parameter !== null && 'signal' in parameter;
  return isMarked && parameter.signal === SIGNAL ? { ...parameter, signal } : parameter;
}

function factsOf(error: unknown): FailureFacts {
  if (!(error instanceof ClusterFailure))
    return { message: error instanceof Error ? error.message : String(error), retryable: false };
  const { reason, message, retryable } = error;
  return { reason, message, retryable };
}
