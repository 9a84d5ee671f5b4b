import {
  ActivityFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { readMessage } from '../release/decisions/message.ts';
import {
  NO_MAIL,
  delivered,
  left,
  nextFor,
  receiptFor,
  refused,
  sorted,
  taken,
  troubled,
} from '../release/notices/mail.ts';
import type { CarriedMail } from '../release/notices/mail.ts';
import { batchSchema } from '../release/notices/notice-schema.ts';
import { undelivered } from '../release/notices/undelivered.ts';
import type { Undelivered } from '../release/notices/undelivered.ts';
import { delivering } from './calls.ts';
import { describeFailure } from './call-failures.ts';
import { checkedInput, courierInputSchema } from './input-schemas.ts';
import { COURIER_MESSAGES } from './messages.ts';
import type { CourierInput } from './messages.ts';

const tellSignal = defineSignal<[unknown]>(COURIER_MESSAGES.tell);
const undeliveredQuery = defineQuery<Undelivered>(COURIER_MESSAGES.undelivered);

/** When a courier with nothing to do ends, in milliseconds: it remembers receipts, so it outlives a night at a gate. */
const IDLE_MS = 7 * 86_400_000;
/** A try that takes longer is given up by its courier; its sink may get that notice twice. */
const LAST_TRY_MS = 60_000;
/** How far the clocks of machines may be apart. */
const CLOCKS_MS = 3_600_000;
const BACK_OFF = { first: 1_000, most: 5 * 60_000 };

/**
 * Brings the notices of a set to every sink, to each in order and at least once. A sink that is down is tried again and
 * again, and holds up neither the others nor any release.
 */
export async function courier(raw: CourierInput): Promise<void> {
  const input = checkedInput(courierInputSchema, raw);
  const round = new Round(input);
  while (!round.mustContinue) {
    const hasNews = await condition(() => round.hasWork || round.mustContinue, IDLE_MS, { summary: 'the next notice' });
    if (!hasNews && round.isEmpty) return;
    await round.work();
  }
  await round.ended();
  await continueAsNew<typeof courier>({ ...input, carried: round.mail });
}

/** The notices of a courier, and the work under way for each sink. */
class Round {
  #mail: CarriedMail;
  #isLong = false;
  readonly #input: CourierInput;
  readonly #busy = new Set<string>();

  constructor(input: CourierInput) {
    this.#input = input;
    this.#mail = input.carried ?? NO_MAIL;
    setHandler(undeliveredQuery, () => undelivered(this.mail), { description: 'Notices that are not delivered yet' });
    setHandler(tellSignal, (batch: unknown) => this.#take(batch), { description: 'Sent by a release' });
  }

  /** True as of the last change: a condition must not ask for what a replay cannot know (decision 0020). */
  get mustContinue(): boolean {
    return this.#isLong;
  }

  get mail(): CarriedMail {
    return this.#mail;
  }

  set mail(mail: CarriedMail) {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    this.#mail = mail;
    this.#isLong = continueAsNewSuggested || historyLength > (this.#input.mostEvents ?? Infinity);
  }

  get isEmpty(): boolean {
    return this.mail.inbox.length === 0 && this.mail.queues.every(({ ids }) => ids.length === 0);
  }

  get hasWork(): boolean {
    return this.mail.inbox.length > 0 || this.#idle.length > 0;
  }

  /** Sinks that wait for something, and that nobody is at work for. */
  get #idle(): readonly string[] {
    return this.mail.queues.filter(({ sink, ids }) => ids.length > 0 && !this.#busy.has(sink)).map(({ sink }) => sink);
  }

  /** Anybody who may signal a workflow may send anything. */
  #take(raw: unknown): void {
    const read = readMessage(batchSchema, raw);
    const { cluster, set } = this.#input;
    const isOwn =
      'ok' in read &&
      read.ok.notices.every(
        ({ at, release }) =>
          // One from the future would be tried for ever.
          at <= Date.now() + CLOCKS_MS &&
          release.cluster === cluster &&
          release.set.namespace === set.namespace &&
          release.set.name === set.name,
      );
    this.mail = isOwn ? taken(this.mail, read.ok.notices) : { ...this.mail, unreadable: this.mail.unreadable + 1 };
  }

  async work(): Promise<void> {
    await this.#sort();
    for (const sink of this.#idle) {
      this.#busy.add(sink);
      void this.#serve(sink).finally(() => this.#busy.delete(sink));
    }
  }

  /** Resolves when nobody is at work: what is under way is handed on by what came of it. */
  async ended(): Promise<void> {
    await condition(() => this.#busy.size === 0, LAST_TRY_MS, { summary: 'the last tries before the next run' });
  }

  /** Finds out who is told of what has come. */
  async #sort(): Promise<void> {
    for (let tries = 1; this.mail.inbox.length > 0 && !this.mustContinue; tries += 1) {
      const count = this.mail.inbox.length;
      const { namespace } = this.#input.set;
      const reading = await this.#tried(() => delivering('who is told').readSinks({ namespace }));
      if (!('problem' in reading)) {
        this.mail = sorted(this.mail, Math.min(count, this.mail.inbox.length), reading.sinks);
        return;
      }
      this.mail = { ...this.mail, problem: reading.problem };
      await this.#pause(tries, 'the policy cannot be read');
    }
  }

  /** Brings a sink what waits for it, one after the other. */
  async #serve(sink: string): Promise<void> {
    while (!this.mustContinue) {
      const notice = nextFor(this.mail, sink);
      if (!notice) return;
      const receipt = receiptFor(this.mail, sink, notice);
      const outcome = await this.#tried(() =>
        delivering(`${notice.kind} to ${sink}`).deliverNotice({ sink, notice, receipt }),
      );
      if ('problem' in outcome || outcome.kind === 'trouble') {
        const trouble = 'problem' in outcome ? outcome.problem : outcome.trouble;
        this.mail = troubled(this.mail, sink, trouble, Date.now());
        const { tries = 1 } = this.mail.queues.find((queue) => queue.sink === sink) ?? {};
        await this.#pause(tries, `${sink} takes nothing`, 'problem' in outcome ? undefined : outcome.retryAfterMs);
      } else if (outcome.kind === 'gone') this.mail = left(this.mail, sink);
      else if (outcome.kind === 'refused') this.mail = refused(this.mail, sink, notice, outcome.trouble);
      else this.mail = delivered(this.mail, sink, notice, outcome.receipt);
    }
  }

  /** An attempt that died says nothing; whoever gets a notice twice knows it by its id. */
  async #tried<Result>(call: () => Promise<Result>): Promise<Result | { readonly problem: string }> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      return { problem: describeFailure(error) };
    }
  }

  /** Longer each time, and at least as long as the sink asks for. */
  async #pause(tries: number, summary: string, least = 0): Promise<void> {
    const { first, most } = this.#input.backOff ?? BACK_OFF;
    const wait = Math.max(least, Math.min(most, first * 2 ** Math.min(tries - 1, 30)));
    await condition(() => this.mustContinue, wait, { summary });
  }
}
