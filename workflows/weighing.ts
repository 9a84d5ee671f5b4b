import { CancellationScope, condition } from '@temporalio/workflow';
import { ActivityFailure } from '@temporalio/common';
import type { Weighed } from '../release/decisions/person.ts';
import { describeFailure } from './call-failures.ts';

/** Most decisions that are weighed at once. */
const AT_ONCE = 100;

/** Longer than the call may take that asks the policy, in milliseconds. */
const MOST_MS = 60 * 60_000;

interface Ticket<Message> {
  readonly message: Message;
  weighed?: Weighed;
}

/**
 * Messages on their way to the policy of the cluster, which a workflow cannot read itself. They come back in the order in
 * which they came: a pause that was sent before an approval counts before it.
 */
export class Weighing<Message> {
  readonly #tickets: Ticket<Message>[] = [];
  readonly #ask: (messages: readonly Message[]) => Promise<readonly Weighed[]>;
  #isAtWork = false;

  constructor(ask: (messages: readonly Message[]) => Promise<readonly Weighed[]>) {
    this.#ask = ask;
  }

  /** Messages that wait: the next run of the workflow has to weigh them. */
  get waiting(): readonly Message[] {
    return this.#tickets.map(({ message }) => message);
  }

  /** The policy's answer about a message, once all that came before was answered. */
  async weigh(message: Message): Promise<Weighed> {
    const ticket: Ticket<Message> = { message };
    this.#tickets.push(ticket);
    if (!this.#isAtWork) void this.#weighAll();
    await CancellationScope.nonCancellable(() => condition(() => ticket.weighed !== undefined, MOST_MS));
    return ticket.weighed ?? { refusal: NO_ANSWER };
  }

  async #weighAll(): Promise<void> {
    this.#isAtWork = true;
    while (this.#tickets.length > 0) {
      const batch = this.#tickets.slice(0, AT_ONCE);
      const answers = await this.#answersTo(batch.map(({ message }) => message));
      this.#tickets.splice(0, batch.length);
      for (const [index, ticket] of batch.entries()) ticket.weighed = answers[index] ?? { refusal: NO_ANSWER };
    }
    this.#isAtWork = false;
  }

  async #answersTo(messages: readonly Message[]): Promise<readonly Weighed[]> {
    try {
      return await CancellationScope.nonCancellable(() => this.#ask(messages));
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      const refusal = `nobody could look at the policy of the cluster (${describeFailure(error)}): decide again`;
      return messages.map(() => ({ refusal }));
    }
  }
}

const NO_ANSWER = 'the policy of the cluster says nothing about it: decide again';
