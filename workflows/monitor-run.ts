import {
  CancellationScope,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { ApplicationFailure, defineSearchAttributeKey } from '@temporalio/common';
import type { DecisionAnswer } from '../release/decisions/decision.ts';
import type { MonitorState } from '../release/monitor/monitor.ts';
import { EXAMPLES, readFarewell, readMessage } from '../release/decisions/message.ts';
import type { Farewell } from '../release/decisions/message.ts';
import type { Weighed } from '../release/decisions/person.ts';
import { endMonitor, withUnreadable } from '../release/monitor/monitor.ts';
import { monitorMarkdown } from '../release/narrate/narrate-monitor.ts';
import { guardCard } from '../release/notices/card.ts';
import { monitorNews } from '../release/notices/news.ts';
import { Outbox } from './outbox.ts';
import { reading } from './calls.ts';
import { Weighing } from './weighing.ts';
import type { CarriedOutbox, MonitorInput, StopMonitorMessage } from './messages.ts';
import { GUARD_MESSAGES, MESSAGES } from './messages.ts';
import { monitorInputSchema } from './input-schemas.ts';

const stateQuery = defineQuery<MonitorState>(MESSAGES.state);
const stopUpdate = defineUpdate<DecisionAnswer, [StopMonitorMessage]>(GUARD_MESSAGES.stop);
const stopSignal = defineSignal<[StopMonitorMessage]>(GUARD_MESSAGES.stopSignal);
const takeOverSignal = defineSignal<[MonitorInput]>(GUARD_MESSAGES.takeOver);

const phaseKey = defineSearchAttributeKey('HotwavePhase', 'KEYWORD');
const releaseKey = defineSearchAttributeKey('HotwaveRelease', 'KEYWORD');

/**
 * The running monitor as its handlers and its loop share it. Handlers only end it or hand it a newer release, and
 * interrupt the wait at work; the loop draws the consequences.
 */
export class MonitorRun {
  #state: MonitorState;
  #wait: CancellationScope | undefined;
  /** A newer release on the set, which this monitor takes over in its next run. */
  next: MonitorInput | undefined;
  /** When the release ended that is guarded. */
  readonly #finishedAt: number;

  /** Undefined while nobody is told anything. */
  readonly #outbox: Outbox | undefined;

  readonly #underPolicy: boolean;
  readonly #weighing = new Weighing<Farewell>((wishes) => this.#weigh(wishes));

  constructor(
    state: MonitorState,
    { last, sinks, outbox, underPolicy }: Pick<MonitorInput, 'last' | 'sinks' | 'outbox' | 'underPolicy'>,
  ) {
    this.#state = state;
    this.#underPolicy = underPolicy === true;
    this.#finishedAt = last.finishedAt;
    const { strategy, previousVersion, startedAt, finishedAt: endedAt, outcome: phase } = last;
    const guarded = { strategy, previousVersion, startedAt, endedAt, phase };
    if (sinks)
      this.#outbox = new Outbox((facts) => guardCard(this.#state, guarded, facts, Date.now()), state.set, outbox);
    this.set(state);
    upsertSearchAttributes([
      { key: phaseKey, value: 'guarding' },
      { key: releaseKey, value: state.release },
    ]);
    setHandler(stateQuery, () => this.#state, { description: 'The whole state of the monitor' });
    setHandler(stopUpdate, (message: unknown) => this.#stop(message), {
      description: `Ends the monitor: ${EXAMPLES.farewell}`,
      validator: (message: unknown) => demandReadable(message),
    });
    setHandler(
      stopSignal,
      async (message: unknown) => {
        await this.#stop(message);
      },
      {
        description: `Ends the monitor: ${EXAMPLES.farewell}`,
      },
    );
    setHandler(takeOverSignal, (input: unknown) => this.#takeOver(input), {
      description: 'Sent by a release that has ended on the same set',
    });
  }

  get state(): MonitorState {
    return this.#state;
  }

  /** True while there is something to watch and nobody has asked for anything else. */
  get isMonitoring(): boolean {
    return this.#state.phase === 'guarding' && this.next === undefined;
  }

  /** The news that people are still to be told. */
  get outbox(): CarriedOutbox | undefined {
    return this.#outbox?.carried;
  }

  /** The last notices are handed over, or it takes too long. */
  async toldPeople(): Promise<void> {
    await this.#outbox?.empty();
  }

  /** Replaces the state and shows it. */
  set(state: MonitorState): void {
    const before = this.#state;
    this.#outbox?.tell((waiting) => [...waiting, ...monitorNews(before, state, Date.now())]);
    this.#state = state;
    setCurrentDetails(monitorMarkdown(state, Date.now()));
  }

  /** Ends the monitor for good. */
  end(reason: string): void {
    this.set(endMonitor(this.#state, reason, Date.now()));
    upsertSearchAttributes([{ key: phaseKey, value: 'guard-ended' }]);
  }

  /** Runs a wait that a handler may end early: then undefined. */
  async interruptible<Result>(run: () => Promise<Result>): Promise<Result | undefined> {
    if (!this.isMonitoring) return undefined;
    const scope = new CancellationScope();
    this.#wait = scope;
    try {
      return await scope.run(run);
    } catch (error) {
      if (isCancellation(error) && this.#wasAsked()) return undefined;
      throw error;
    } finally {
      this.#wait = undefined;
    }
  }

  /** True when a handler, and not Temporal, ended the wait. */
  #wasAsked(): boolean {
    return !this.isMonitoring && !CancellationScope.current().consideredCancelled;
  }

  /** Waits, unless a handler ends it. */
  async rest(milliseconds: number, summary: string): Promise<void> {
    await condition(() => !this.isMonitoring, Math.max(1, milliseconds), { summary });
  }

  async #stop(message: unknown): Promise<DecisionAnswer> {
    const read = readFarewell(message);
    if ('problem' in read) {
      this.set(withUnreadable(this.#state));
      return { accepted: false, message: read.problem };
    }
    const weighed = this.#underPolicy ? await this.#weighing.weigh(read.ok) : undefined;
    if (weighed && 'refusal' in weighed) return { accepted: false, message: weighed.refusal };
    if (this.#state.phase === 'ended')
      return { accepted: true, message: `the monitor has ended: ${this.#state.reason}` };
    const by = weighed?.vouchedBy === undefined ? '' : `, vouched for by ${weighed.vouchedBy}`;
    this.end(`stopped by ${weighed?.person ?? read.ok.actor}${by}: ${read.ok.reason}`);
    this.#wait?.cancel();
    return { accepted: true, message: `stopped; the servers stay as they are` };
  }

  async #weigh(wishes: readonly Farewell[]): Promise<readonly Weighed[]> {
    const { cluster, set, release } = this.#state;
    const { namespace, name } = set;
    return await reading('ask the policy of the cluster').weighBeginnings(
      wishes.map(({ actor, reason, vouch }) => ({
        beginning: { verb: 'unguard', cluster, namespace, set: name, release, actor, reason },
        vouch,
      })),
    );
  }

  /** A release that ended later wins; one that ended earlier was delayed on its way here. */
  #takeOver(message: unknown): void {
    const read = readMessage(monitorInputSchema, message);
    if ('problem' in read) {
      this.set(withUnreadable(this.#state));
      return;
    }
    const input = read.ok;
    const known = this.next?.last.finishedAt ?? this.#finishedAt;
    if (this.#state.phase === 'ended' || input.last.finishedAt <= known) return;
    this.next = input;
    this.#wait?.cancel();
  }
}

/** @throws ApplicationFailure with the sentence for the person */
function demandReadable(message: unknown): void {
  const read = readFarewell(message);
  if ('problem' in read) throw ApplicationFailure.nonRetryable(read.problem, 'NotUnderstood');
}
