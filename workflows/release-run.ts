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
import { applyDecision } from '../release/decisions/decision.ts';
import type { DecisionAnswer } from '../release/decisions/decision.ts';
import { agreeing, detailsMarkdown } from '../release/narrate/narrate.ts';
import { describeSkew, isOverMixed } from '../release/decisions/max-mixed.ts';
import type { SkewBudget } from '../release/decisions/max-mixed.ts';
import type {
  Drift,
  Halt,
  Outcome,
  Phase,
  ReleaseState,
  RollbackOrder,
  RollbackScope,
  Wait,
} from '../release/progress/state.ts';
import { isFinal } from '../release/progress/state.ts';
import { QUICK_MS } from './calls.ts';
import type { DecisionMessage, ExpectedAnswer } from './messages.ts';
import { MESSAGES, decisionSchema } from './messages.ts';

const decideUpdate = defineUpdate<DecisionAnswer, [DecisionMessage]>(MESSAGES.decide);
const decideSignal = defineSignal<[DecisionMessage]>(MESSAGES.decideSignal);
const answerQuery = defineQuery<ExpectedAnswer, [DecisionMessage]>(MESSAGES.answer);
const stateQuery = defineQuery<ReleaseState>(MESSAGES.state);

const phaseKey = defineSearchAttributeKey('HotwavePhase', 'KEYWORD');
const waveKey = defineSearchAttributeKey('HotwaveWave', 'INT');

/** How long after its end a halt may still be taken back by whoever made it. */
const HALT_GRACE_MS = 30_000;

/** More than a crowd of voters, and some hundred kilobytes at most. */
const KEPT_ANSWERS = 2_000;

const EXAMPLE = '{"id":"1","verb":"approve","release":"NAME","wave":2,"actor":"YOU","channel":"ui"}';

/** How a release goes back. */
export interface RollbackWishes {
  /** Default all at once. */
  readonly order?: RollbackOrder | undefined;
  /** Nobody asked for it: servers have failed. */
  readonly failed?: true;
}

/** Where the runbook goes when it leaves its path, and why. Thrown by `checkpoint`, caught by the runbook. */
export class Departure extends Error {
  override readonly name = 'Departure';
  /** `leave`: nothing more is written but what came of it. */
  readonly to: 'rollback' | 'hold' | 'leave';
  /** How the release ends once that is done. */
  readonly outcome: Outcome;
  readonly how: RollbackWishes;

  constructor(to: Departure['to'], outcome: Outcome, reason: string, how: RollbackWishes = {}) {
    super(reason);
    this.to = to;
    this.outcome = outcome;
    this.how = how;
  }
}

/**
 * The running release as its handlers and its runbook share it.
 *
 * Handlers only replace the state and interrupt the step at work; every consequence is drawn by the runbook at its next
 * `checkpoint`. So a decision that arrives between two awaits cannot make two things happen at once, and the order in
 * which decisions arrived is the order in which they count.
 */
export class ReleaseRun {
  #state: ReleaseState;
  #step: CancellationScope | undefined;
  #interrupted = false;
  /** What was said to which decision, for those who signalled it; the oldest go first. */
  readonly #answers = new Map<string, DecisionAnswer>();

  constructor(state: ReleaseState) {
    this.#state = state;
    setHandler(answerQuery, (message: DecisionMessage) => this.#expectedAnswer(message), {
      description: 'What the release has said to this decision, or would say to it',
    });
    setHandler(stateQuery, () => this.#state, { description: 'The whole state of the release' });
    setHandler(decideUpdate, (message: DecisionMessage) => this.#decide(message), {
      description: `A person's decision: ${EXAMPLE}`,
      validator: (message: DecisionMessage) => this.#demandAcceptable(message),
    });
    setHandler(decideSignal, (message) => void this.#decide(message), {
      description: `A person's decision: ${EXAMPLE}`,
    });
  }

  get state(): ReleaseState {
    return this.#state;
  }

  /** Replaces the state and shows it: details for people, search attributes for lists. */
  set(change: Partial<ReleaseState>): void {
    const before = this.#state;
    this.#state = { ...before, ...change };
    setCurrentDetails(detailsMarkdown(this.#state));
    if (before.phase !== this.#state.phase || before.wave !== this.#state.wave) {
      upsertSearchAttributes([
        { key: phaseKey, value: this.#state.phase },
        { key: waveKey, value: this.#state.wave },
      ]);
    }
  }

  /** Shows what the release is doing, whose turn it is, and until when: nothing is waited for without all three. */
  enter(phase: Phase, step: string, { owner, until, since = Date.now() }: Patience): void {
    const doing = agreeing(step);
    this.set({ phase, step: doing, wait: { for: doing, owner, since, until } });
  }

  /**
   * Somebody else has changed what the release holds, or, without a sentence, has taken that back. The step at work is
   * interrupted, and the release stands still until a person says whose values stay.
   */
  noteDrift(what: string | undefined): void {
    const { drift: before, pausedBecause, wait, phase } = this.#state;
    if (before?.what === what || isFinal(phase)) return;
    const drift: Drift | undefined = what === undefined ? undefined : { what, seenAt: Date.now() };
    const because = what ?? `${before?.what ?? ''}; that was taken back since, resume goes on`;
    const stands = { pausedBecause: because, ...(wait ? { wait: { ...wait, for: because } } : {}) };
    this.set({ drift, ...(pausedBecause === undefined ? {} : stands) });
    if (drift) this.#interrupt();
  }

  /** The foreign edit has been dealt with as a person decided. */
  forgetDrift(): void {
    this.set({ drift: undefined });
  }

  /** Ends the release. */
  finish(outcome: Outcome, reason: string): void {
    this.set({
      phase: outcome,
      reason,
      step: '',
      wait: undefined,
      gate: undefined,
      pausedBecause: undefined,
      drift: undefined,
      freeze: undefined,
      mixedUntil: undefined,
      requests: {},
      endedAt: Date.now(),
    });
  }

  /** What a person has asked for that the runbook must heed before it goes on. */
  get #attention(): boolean {
    const { pause, rollback, cancel } = this.#state.requests;
    return (pause ?? rollback ?? cancel ?? this.#state.halt) !== undefined;
  }

  /**
   * Refuses an update before it leaves anything in the history: however many people press a button, only what they
   * change is kept, and a run has room for 2,000 updates.
   * @throws ApplicationFailure with the sentence for the person
   */
  #demandAcceptable(message: DecisionMessage): void {
    const { answer } = this.#judge(message);
    if (!answer.accepted) throw ApplicationFailure.nonRetryable(answer.message, 'DecisionRefused');
  }

  #judge(message: DecisionMessage): ReturnType<typeof applyDecision> {
    const parsed = decisionSchema.safeParse(message);
    if (parsed.success) return applyDecision(this.#state, parsed.data, Date.now());
    const problem = `not a decision: ${describeIssue(parsed.error.issues[0])}. Expected ${EXAMPLE}`;
    return { state: this.#state, answer: { accepted: false, message: problem } };
  }

  #decide(message: DecisionMessage): DecisionAnswer {
    const { state, answer } = this.#judge(message);
    this.set(state);
    this.#keep(message.id, answer);
    // Who is skipped is no more waited for: the step at work goes on with the others.
    if (answer.accepted && (this.#attention || message.verb === 'skip') && !isFinal(state.phase)) this.#interrupt();
    return answer;
  }

  #expectedAnswer(message: DecisionMessage): ExpectedAnswer {
    const given = this.#answers.get(message.id);
    return given ? { ...given, given: true } : { ...this.#judge(message).answer, given: false };
  }

  #keep(id: string, answer: DecisionAnswer): void {
    this.#answers.set(id, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > KEPT_ANSWERS && oldest !== undefined) this.#answers.delete(oldest);
  }

  #interrupt(): void {
    if (this.#state.phase === 'rolling-back') return;
    this.#interrupted = true;
    this.#step?.cancel();
  }

  /**
   * Runs a step that a decision may interrupt. It is run again after a pause, so it must be safe to repeat.
   * @throws Departure when a person asked for a rollback or to cancel
   */
  async interruptible<Result>(onPause: PauseActions, run: () => Promise<Result>): Promise<Result> {
    for (;;) {
      await this.checkpoint(onPause);
      if (this.#state.drift) continue;
      const scope = new CancellationScope();
      this.#step = scope;
      this.#interrupted = false;
      try {
        return await scope.run(run);
      } catch (error) {
        if (isCancellation(error) && this.wasInterrupted()) continue;
        throw error;
      } finally {
        this.#step = undefined;
      }
    }
  }

  /** True when a decision, and not Temporal, ended the step. */
  private wasInterrupted(): boolean {
    return this.#interrupted && !CancellationScope.current().consideredCancelled;
  }

  /**
   * Heeds what people asked for: waits while the release is paused, and leaves the runbook for a rollback or a cancel.
   * @throws Departure
   */
  async checkpoint(onPause: PauseActions): Promise<void> {
    for (;;) {
      if (this.#state.halt) await this.#standHalted(onPause);
      this.#depart();
      const { drift } = this.#state;
      const { pause, retry, rollback } = this.#state.requests;
      if (rollback && !pause) await onPause.fulfil();
      else if (drift) await this.#heedDrift(onPause, drift);
      else if (pause) await this.pauseUntilResumed(onPause, `by ${pause.actor}: ${pause.reason}`);
      else if (retry) await onPause.fulfil();
      else return;
    }
  }

  async #heedDrift(onPause: PauseActions, drift: Drift): Promise<void> {
    if (drift.wins === undefined) await this.pauseUntilResumed(onPause, drift.what);
    else await onPause.settleDrift(drift);
  }

  /**
   * Stands still while the line is stopped. Who stopped it ends it; should nobody say so, the release does not go on by
   * itself but pauses for a person.
   * @throws Departure
   */
  async #standHalted(onPause: PauseActions): Promise<void> {
    const { phase, step, wait, halt } = this.#state;
    if (!halt) return;
    this.set({ phase: 'halted', step: 'stands still until the line goes on', wait: waitOf(halt) });
    const problem = await onPause.freeze();
    const heard = await this.#untilUnhalted(problem);
    const reason = `nobody said that the line goes on; ${stoppedBy(this.#state.halt ?? halt)}`;
    this.set({ halt: undefined, phase, step, wait });
    if (!heard) await this.pauseUntilResumed(onPause, reason);
    else if (this.#mayThaw) await onPause.thaw();
  }

  /** Nothing else than the halt keeps servers from moving. */
  get #mayThaw(): boolean {
    const { pausedBecause, requests, drift } = this.#state;
    return pausedBecause === undefined && Object.keys(requests).length === 0 && !drift;
  }

  /** False when time is over; a newer halt of the same release may have made it longer. */
  async #untilUnhalted(problem: string | undefined): Promise<boolean> {
    for (;;) {
      const { halt } = this.#state;
      if (!halt) return true;
      const left = halt.until + HALT_GRACE_MS - Date.now();
      if (left <= 0) return false;
      this.set({ wait: waitOf(halt, problem) });
      await condition(() => this.#state.halt !== halt, left, { summary: 'the line is stopped' });
    }
  }

  /**
   * Stands still until a person says how to go on, or until nobody has for too long.
   * @throws Departure
   */
  async pauseUntilResumed(onPause: PauseActions, reason: string): Promise<void> {
    const { phase, step } = this.#state;
    const since = Date.now();
    const wait: Wait = { for: reason, owner: 'a person', since, until: since + onPause.timeout };
    this.set({ phase: 'paused', step: 'waits for a person', pausedBecause: reason, wait });
    const problem = await onPause.freeze();
    // Somebody may have resumed while the set was being frozen.
    if (problem !== undefined && this.#state.pausedBecause !== undefined)
      this.set({ pausedBecause: `${this.#state.pausedBecause}; the set could not be frozen: ${problem}` });
    await this.#untilHeard(onPause, wait);
    this.#depart();
    const { pause: _heeded, ...requests } = this.#state.requests;
    const now = Date.now();
    const goingOn: Wait = { for: 'goes on', owner: 'the API server', since: now, until: now + QUICK_MS };
    this.set({ phase, step, pausedBecause: undefined, wait: goingOn, requests, ...this.#anotherBudget(onPause) });
    // Who wants a part back gets that first, and then stands still again. Servers must not move on to what somebody else
    // has written before it is settled whose values stay.
    if (this.#state.requests.rollback === undefined && !this.#state.drift) await onPause.thaw();
  }

  /** Waits for a person, also while the line is stopped. @throws Departure when nobody came in time */
  async #untilHeard(onPause: PauseActions, { for: reason, until }: Wait): Promise<void> {
    for (;;) {
      if (this.#state.halt) await this.#standHalted(onPause);
      const said = this.#saySkew(onPause);
      const next = said ? until : Math.min(until, this.#state.mixedUntil ?? until);
      const heard = await condition(
        () => this.#heard() || this.#state.halt !== undefined,
        Math.max(1, next - Date.now()),
        { summary: 'paused: waits for resume, rollback or cancel' },
      );
      if (!heard && next < until) continue;
      if (!heard) throw new Departure('hold', 'failed', `nobody resumed it in time; it was paused because: ${reason}`);
      if (!this.#state.halt) return;
    }
  }

  /**
   * While paused: once servers have been of two versions for too long the release goes back, or the pause says so.
   * @returns true when the pause says so
   * @throws Departure
   */
  #saySkew({ skew }: PauseActions): boolean {
    const { pausedBecause, wait } = this.#state;
    if (!skew || pausedBecause === undefined || !wait || !isOverMixed(this.#state, Date.now())) return false;
    const sentence = describeSkew(skew);
    if (skew.then === 'rollback') throw new Departure('rollback', 'rolled-back', sentence);
    if (!pausedBecause.includes(sentence)) {
      const because = `${pausedBecause}; ${sentence}`;
      this.set({ pausedBecause: because, wait: { ...wait, for: because } });
    }
    return true;
  }

  /** Who resumes a release whose servers have been of two versions for too long gives it the whole time again. */
  #anotherBudget({ skew }: PauseActions): Partial<ReleaseState> {
    return skew && isOverMixed(this.#state, Date.now()) ? { mixedUntil: Date.now() + skew.limit } : {};
  }

  /** While paused: somebody resumed (which clears the reason), or asked for more than a pause. */
  #heard(): boolean {
    const { rollback, cancel } = this.#state.requests;
    return this.#state.pausedBecause === undefined || (rollback ?? cancel) !== undefined;
  }

  #depart(): void {
    const { rollback, cancel } = this.#state.requests;
    if (cancel) {
      throw new Departure(cancel.then, 'cancelled', `by ${cancel.actor}: ${cancel.reason}`);
    }
    if (!rollback || isPartial(rollback)) return;
    const reason = `asked for by ${rollback.actor}: ${rollback.reason}`;
    throw new Departure('rollback', 'rolled-back', reason, { order: rollback.order });
  }
}

/** Who or what ends a step of the release, and when at the latest. Times are milliseconds since the epoch. */
export interface Patience {
  readonly owner: string;
  readonly until: number;
  /** Default now. */
  readonly since?: number;
}

/** What a pause does to the set, and what a resume undoes. */
export interface PauseActions {
  /** How long a pause may last, in milliseconds. */
  readonly timeout: number;
  /** How long servers may be of two versions. Default any time. */
  readonly skew?: SkewBudget | undefined;
  /** Stops Kruise from starting on more servers; a sentence when that did not work. */
  readonly freeze: () => Promise<string | undefined>;
  readonly thaw: () => Promise<void>;
  /**
   * Does what a person decided about a foreign edit.
   * @throws Departure when the edit stays
   */
  readonly settleDrift: (drift: Drift) => Promise<void>;
  /** Does what was asked for of a release that stands still, and takes the request away: a retry, or a part back. */
  readonly fulfil: () => Promise<void>;
}

function isPartial({ scope = 'release' }: { readonly scope?: RollbackScope | undefined }): boolean {
  return scope !== 'release';
}

function stoppedBy({ actor, reason }: Halt): string {
  return `${actor} stopped the line: ${reason}`;
}

function waitOf(halt: Halt, problem?: string): Wait {
  const { since, until } = halt;
  const frozen = problem === undefined ? '' : `; the set could not be frozen: ${problem}`;
  return { for: `${stoppedBy(halt)}${frozen}`, owner: 'whoever ends it with hotwave unhalt', since, until };
}

function describeIssue(issue: { readonly path: readonly PropertyKey[]; readonly message: string } | undefined): string {
  return issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'unreadable';
}
