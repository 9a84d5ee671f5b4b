import {
  ActivityFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { ApplicationFailure, defineSearchAttributeKey } from '@temporalio/common';
import type { DecisionAnswer } from '../release/decisions/decision.ts';
import type { HaltOfScope, HaltState } from '../release/decisions/halt.ts';
import { isBeyondHalts, scopeName, withException, setOfRelease } from '../release/decisions/halt.ts';
import { EXAMPLES, readException, readFarewell } from '../release/decisions/message.ts';
import { haltMarkdown } from '../release/narrate/narrate-halt.ts';
import { holding, lasting, reading } from './calls.ts';
import { Weighing } from './weighing.ts';
import type { Weighed } from '../release/decisions/person.ts';
import type { HaltInput, HaltResult, UnhaltMessage, UnhaltSetMessage } from './messages.ts';
import { HALT_MESSAGES, MESSAGES } from './messages.ts';
import { checkedInput, haltInputSchema } from './input-schemas.ts';
import { describeFailure } from './call-failures.ts';

const stateQuery = defineQuery<HaltState>(MESSAGES.state);
const unhaltUpdate = defineUpdate<DecisionAnswer, [UnhaltMessage]>(HALT_MESSAGES.unhalt);
const unhaltSetUpdate = defineUpdate<DecisionAnswer, [UnhaltSetMessage]>(HALT_MESSAGES.unhaltSet);
const unhaltSetSignal = defineSignal<[UnhaltSetMessage]>(HALT_MESSAGES.unhaltSetSignal);
const unhaltSignal = defineSignal<[UnhaltMessage]>(HALT_MESSAGES.unhaltSignal);
const phaseKey = defineSearchAttributeKey('HotwavePhase', 'KEYWORD');

/** A look without news ends after this long, so that its state in Temporal is never older. */
const WATCH_MS = 30 * 60_000;
/** How long to wait with the next try when the releases could not be told. */
const TROUBLE_MS = 2_000;
const LET_GO_MS = 60_000;
/** How long a wish to let the releases go waits for the first look. */
const FIRST_LOOK_MS = 30_000;
/**
 * After so many reports they come less often: a release that answers now and then would fill the history of a week.
 * The releases are told at once all the same.
 */
const PROMPT_REPORTS = 500;
const QUIET_MS = 2 * 60_000;

/**
 * Halts releases: as long as this workflow runs, every release of its namespace or cluster stands still and none starts.
 * It ends when somebody lets the releases go on, and by itself when its time is over.
 * @throws ApplicationFailure when its input cannot be read, or says to halt the releases for ever
 */
export async function halt(input: HaltInput): Promise<HaltResult> {
  const halted = new HaltedScope(readHalt(input));
  try {
    while (halted.isStopped) await halted.hold();
  } catch (error) {
    if (!isCancellation(error)) throw error;
    halted.end({ actor: 'somebody', reason: 'cancelled in Temporal' });
  }
  const left = await CancellationScope.nonCancellable(() => halted.letGo());
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished, '10s', { summary: 'last answers' }));
  const { endedBy } = halted.state;
  return { reason: `${endedBy?.actor ?? ''}: ${endedBy?.reason ?? ''}`, left };
}

/** The person who wants the releases to go on, or one set of them. */
interface Unhalting extends UnhaltMessage {
  readonly set?: UnhaltSetMessage['set'];
}

class HaltedScope {
  #state: HaltState;
  #reports = 0;
  readonly #halt: HaltOfScope;
  readonly #key = `halt-${workflowInfo().runId.slice(0, 8)}`;

  /** There is a policy, which says who may end the halt. */
  #underPolicy = false;
  readonly #vouch: HaltInput['vouch'];
  readonly #weighing = new Weighing<Unhalting>((wishes) => this.#weigh(wishes));

  constructor({ v, vouch, ...facts }: HaltInput) {
    this.#halt = facts;
    this.#vouch = vouch;
    this.#state = { v, ...facts, phase: 'halted' };
    this.#set({});
    upsertSearchAttributes([{ key: phaseKey, value: 'halt' }]);
    setHandler(stateQuery, () => this.#state, { description: 'The whole state of the halt' });
    setHandler(unhaltUpdate, (message: unknown) => this.#unhalt(message), {
      description: `Lets the releases go on: ${EXAMPLES.farewell}`,
      validator: (message: unknown) => demandReadable(message),
    });
    setHandler(unhaltSetUpdate, (message: unknown) => this.#unhaltSet(message), {
      description: `Lets one set go on: ${EXAMPLES.exception}`,
    });
    setHandler(
      unhaltSetSignal,
      async (message: unknown) => {
        await this.#unhaltSet(message);
      },
      {
        description: `Lets one set go on: ${EXAMPLES.exception}`,
      },
    );
    setHandler(
      unhaltSignal,
      async (message: unknown) => {
        await this.#unhalt(message);
      },
      {
        description: `Lets the releases go on: ${EXAMPLES.farewell}`,
      },
    );
  }

  get state(): HaltState {
    return this.#state;
  }

  get isStopped(): boolean {
    return this.#state.phase === 'halted';
  }

  /** Keeps the releases stopped until there is news of them, or until time is over. */
  async hold(): Promise<void> {
    const now = Date.now();
    const left = this.#halt.until - now;
    if (left <= 0) {
      this.end({ actor: 'a timer', reason: 'its time is over' });
      return;
    }
    const until = Math.min(this.#halt.until, now + WATCH_MS);
    try {
      const { releases, refusal, underPolicy } = await holding('halts every release', until - now).haltReleases({
        halt: { ...this.#halt, exceptions: this.#state.exceptions },
        key: this.#key,
        known: this.#state.releases,
        ...(this.#vouch ? { vouch: this.#vouch } : {}),
        until,
        quietUntil: this.#reports > PROMPT_REPORTS ? Math.min(until, now + QUIET_MS) : now,
      });
      this.#reports += 1;
      this.#underPolicy ||= underPolicy === true;
      this.#set({ releases, trouble: undefined });
      if (refusal !== undefined) this.end({ actor: 'the policy of the cluster', reason: refusal });
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      this.#set({ trouble: describeFailure(error) });
      await condition(() => !this.isStopped, TROUBLE_MS, { summary: 'the releases could not be told' });
    }
  }

  end({ actor, reason }: { readonly actor: string; readonly reason: string }): void {
    this.#set({ phase: 'ending', endedBy: { actor, reason, at: Date.now() } });
  }

  /** Tells the releases. Those that cannot be told go on waiting for a person, and say so themselves. */
  async letGo(): Promise<readonly string[]> {
    const { releases = [], endedBy } = this.#state;
    const { actor = '', reason = '' } = endedBy ?? {};
    let left: readonly string[];
    try {
      left = await lasting('lets every release go on', LET_GO_MS).letReleasesGo({
        halt: this.#halt,
        key: this.#key,
        known: releases,
        actor,
        reason,
      });
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      left = [`the releases could not be told: ${describeFailure(error)}`];
    }
    this.#set({ phase: 'ended', ...(left.length > 0 ? { trouble: left.join('; ') } : { trouble: undefined }) });
    upsertSearchAttributes([{ key: phaseKey, value: 'halt-ended' }]);
    return left;
  }

  async #unhaltSet(message: unknown): Promise<DecisionAnswer> {
    const read = readException(message);
    if ('problem' in read) return this.#notUnderstood(read.problem);
    const { set } = read.ok;
    const refusal = await this.#refusalByPolicy(read.ok);
    if (refusal !== undefined) return { accepted: false, message: refusal };
    const name = `${set.namespace}/${set.name}`;
    if (!this.isStopped) return { accepted: true, message: `the releases of ${scopeName(this.#halt)} go on already` };
    const result = withException(this.#state, { ...read.ok, at: Date.now() });
    if ('refusal' in result) return { accepted: false, message: result.refusal };
    this.#set({ exceptions: result.exceptions });
    const isRunning = this.#state.releases?.some(({ workflowId }) => setOfRelease(workflowId) === name) === true;
    const goesOn = isRunning ? `${name} goes on` : `no release runs on ${name} now, and one that starts there goes on`;
    return { accepted: true, message: `${goesOn}; every other release of ${scopeName(this.#halt)} stays halted` };
  }

  /** The first look at the releases says whether there is a policy. */
  get #hasLooked(): boolean {
    return this.#state.releases !== undefined;
  }

  #notUnderstood(problem: string): DecisionAnswer {
    this.#set({ unreadable: (this.#state.unreadable ?? 0) + 1 });
    return { accepted: false, message: problem };
  }

  async #refusalByPolicy(wish: Unhalting): Promise<string | undefined> {
    await condition(() => this.#hasLooked || !this.isStopped, FIRST_LOOK_MS, { summary: 'is there a policy?' });
    if (!this.#hasLooked && this.isStopped) return 'nobody could look yet whether there is a policy: say it again';
    if (!this.#underPolicy) return undefined;
    const weighed = await this.#weighing.weigh(wish);
    return 'refusal' in weighed ? weighed.refusal : undefined;
  }

  async #weigh(wishes: readonly Unhalting[]): Promise<readonly Weighed[]> {
    const { cluster, namespace } = this.#halt;
    return await reading('ask the policy of the cluster').weighBeginnings(
      wishes.map(({ set, actor, reason, vouch }) => ({
        beginning: { verb: 'unhalt', cluster, namespace: set?.namespace ?? namespace, set: set?.name, actor, reason },
        vouch,
      })),
    );
  }

  async #unhalt(message: unknown): Promise<DecisionAnswer> {
    const read = readFarewell(message);
    if ('problem' in read) return this.#notUnderstood(read.problem);
    const refusal = await this.#refusalByPolicy(read.ok);
    if (refusal !== undefined) return { accepted: false, message: refusal };
    if (!this.isStopped) return { accepted: true, message: `the releases of ${scopeName(this.#halt)} go on already` };
    this.end(read.ok);
    return { accepted: true, message: `the releases of ${scopeName(this.#halt)} go on` };
  }

  #set(change: Partial<HaltState>): void {
    this.#state = { ...this.#state, ...change };
    setCurrentDetails(haltMarkdown(this.#state));
  }
}

/** @throws ApplicationFailure with the sentence for the person */
function readHalt(input: unknown): HaltInput {
  const read = checkedInput(haltInputSchema, input);
  if (!isBeyondHalts(read.until, Date.now())) return read;
  throw ApplicationFailure.nonRetryable('a halt lasts 7d at most: nothing waits for ever', 'BadInput');
}

/** @throws ApplicationFailure with the sentence for the person */
function demandReadable(message: unknown): void {
  const read = readFarewell(message);
  if ('problem' in read) throw ApplicationFailure.nonRetryable(read.problem, 'NotUnderstood');
}
