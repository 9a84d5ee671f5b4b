import {
  CancellationScope,
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
import { applyDecision, refusalOfAnybody } from '../release/decisions/decision.ts';
import type { DecisionAnswer } from '../release/decisions/decision.ts';
import type { Weighed } from '../release/decisions/person.ts';
import { detailsMarkdown } from '../release/narrate/narrate.ts';
import { cardOf } from '../release/notices/card.ts';
import { noticesBetween, withNews } from '../release/notices/news.ts';
import { Outbox } from './outbox.ts';
import { apply } from '../release/progress/apply.ts';
import { callTroubleSchema, waitInTrouble } from '../release/progress/call-trouble.ts';
import type { Doing } from '../release/progress/describe-step.ts';
import type { Event } from '../release/progress/events.ts';
import { withCounts } from '../release/progress/groups.ts';
import { nextStep } from '../release/progress/next-step.ts';
import type { Step } from '../release/progress/step.ts';
import type { Release } from '../release/progress/table.ts';
import { isFinal } from '../release/progress/state.ts';
import type { ReleaseState, Wait } from '../release/progress/state.ts';
import { EXAMPLES, readDecision } from '../release/decisions/message.ts';
import type { Carried, CarriedOutbox, DecisionMessage, ExpectedAnswer } from './messages.ts';
import { MESSAGES, MOST_AT_ONCE, decisionSchema } from './messages.ts';
import { reading } from './calls.ts';
import { Weighing } from './weighing.ts';

const decideUpdate = defineUpdate<DecisionAnswer, [DecisionMessage]>(MESSAGES.decide);
const decideSignal = defineSignal<[DecisionMessage | readonly DecisionMessage[]]>(MESSAGES.decideSignal);
const callTroubleSignal = defineSignal<[unknown]>(MESSAGES.callTrouble);
const answerQuery = defineQuery<
  ExpectedAnswer | readonly ExpectedAnswer[],
  [DecisionMessage | readonly DecisionMessage[]]
>(MESSAGES.answer);
const stateQuery = defineQuery<ReleaseState>(MESSAGES.state);

const phaseKey = defineSearchAttributeKey('HotwavePhase', 'KEYWORD');
const waveKey = defineSearchAttributeKey('HotwaveWave', 'INT');

/** More than a crowd of voters, and some hundred kilobytes at most. */
const KEPT_ANSWERS = 2_000;

/** A signature counts for minutes; a release goes on in a new run once in hours. */
const KEPT_RUNS = 20;

/**
 * The running release as its handlers and its loop share it.
 *
 * Handlers only change what people see and want, and interrupt the step at work; every consequence is drawn by the loop at
 * its next step. So a decision that arrives between two awaits cannot make two things happen at once, and the order in
 * which decisions arrived is the order in which they count.
 */
export class RunningRelease {
  #release: Release;
  #changedAt = Date.now();
  #isLong = false;
  #scope: CancellationScope | undefined;
  /** Something is at work outside that has to end first. */
  #isAtWork = false;
  #isInterrupted = false;
  /** The wait of the step at work when all goes well, and since when it is shown. */
  #shown: { readonly wait: Wait; readonly at: number } | undefined;
  /** The answer to each decision, for those who signalled it; the oldest go first. */
  readonly #answers: Map<string, DecisionAnswer>;
  /** The runs of this release, this one last: what was signed for another is a replay. */
  readonly #runs: readonly string[];
  readonly #weighing = new Weighing<DecisionMessage>((decisions) => this.#weigh(decisions));

  /** Undefined while nobody is told anything. */
  #outbox: Outbox | undefined;

  constructor(
    release: Release,
    { answers = [], runs = [], waiting = [], outbox }: Partial<Omit<Carried, 'release'>> = {},
  ) {
    this.#release = release;
    this.tellPeople(release.sinks, outbox);
    this.#answers = new Map(answers);
    this.#runs = [...runs.slice(1 - KEPT_RUNS), workflowInfo().runId];
    setHandler(answerQuery, (asked) => this.#expectedAnswers(asked), {
      description: 'The answer of the release to this decision, also when it has not come yet; for a list, a list',
    });
    setHandler(stateQuery, () => this.#release.state, { description: 'The whole state of the release' });
    setHandler(decideUpdate, (message: DecisionMessage) => this.#receive(message), {
      description: `A person's decision: ${EXAMPLES.decision}`,
      validator: (message: DecisionMessage) => this.#demandAcceptable(message),
    });
    setHandler(decideSignal, (message) => this.#receiveSignal(message), {
      description: `A person's decision: ${EXAMPLES.decision}`,
    });
    setHandler(callTroubleSignal, (message) => this.#meetTrouble(message), {
      description: 'An activity says that its call fails and is made again',
    });
    for (const message of waiting) void this.#receive(message);
  }

  get release(): Release {
    return this.#release;
  }

  get state(): ReleaseState {
    return this.#release.state;
  }

  /**
   * The next step, as of the last change. A condition asks this and never the clock: a refused update wakes
   * conditions, too, but it leaves nothing in the history, so a replay knows nothing of its time (decision 0020).
   */
  get next(): Step {
    return nextStep(this.#release, this.#changedAt);
  }

  /** Temporal advised a new run when the release last changed; what a condition may ask, as with `next`. */
  get isLong(): boolean {
    return this.#isLong;
  }

  /** The knowledge of the next run, to answer the same, and to answer those that still wait. */
  get handed(): Omit<Carried, 'release'> {
    const outbox = this.#outbox ? { outbox: this.#outbox.carried } : {};
    return { answers: [...this.#answers], runs: this.#runs, waiting: this.#weighing.waiting, ...outbox };
  }

  /** From now on people are told what they must know, if there is anybody to tell. */
  tellPeople(sinks: true | undefined, carried?: CarriedOutbox): void {
    if (sinks)
      this.#outbox = new Outbox((facts) => cardOf(this.#release.state, facts), this.#release.state.set, carried);
  }

  /** The last notices are handed over, or it takes too long. */
  async toldPeople(): Promise<void> {
    await this.#outbox?.empty();
  }

  /** Something happened. */
  apply(event: Event): void {
    this.replace(apply(this.#release, event, Date.now()));
  }

  /** Replaces the release and shows it: details for people, search attributes for lists. */
  replace(release: Release): void {
    const before = this.#release.state;
    this.#change(release);
    this.#publish(before);
  }

  #change(release: Release): void {
    this.#release = release;
    this.#changedAt = Date.now();
    this.#isLong = workflowInfo().continueAsNewSuggested;
  }

  #publish(before: ReleaseState): void {
    const { state } = this.#release;
    const outbox = this.#outbox;
    outbox?.tell((waiting) => withNews(waiting, noticesBetween(before, state, this.#changedAt), state));
    setCurrentDetails(detailsMarkdown(state));
    if (before.phase === state.phase && before.wave === state.wave) return;
    upsertSearchAttributes([
      { key: phaseKey, value: state.phase },
      { key: waveKey, value: state.wave },
    ]);
  }

  /** Shows what the release is doing, whose turn it is, and until when: nothing is waited for without all three. */
  show({ phase, step, for: what, owner, since = Date.now(), until }: Doing): void {
    const wait = { for: what ?? step, owner, since, until };
    this.#shown = { wait, at: Date.now() };
    this.#showState({ phase, step, wait });
  }

  /**
   * A call of the step at work fails and is made again, or has got through: only its activity sees attempts. A word
   * about a step that is over comes too late.
   */
  #meetTrouble(message: unknown): void {
    const read = callTroubleSchema.safeParse(message);
    if (!read.success) {
      this.#countUnreadable('a callTrouble that cannot be read: only activities send it');
      return;
    }
    const shown = this.#shown;
    if (!shown || read.data.scheduledAt < shown.at || !this.#isAtWork) return;
    const isOver = read.data.reason === undefined;
    if (isOver && this.state.wait === shown.wait) return;
    this.#showState({ wait: isOver ? shown.wait : waitInTrouble(shown.wait, read.data) });
  }

  #showState(change: Partial<ReleaseState>): void {
    this.replace({ ...this.#release, state: { ...this.#release.state, ...change } });
  }

  /** Runs a step to its end: whoever wants something else waits for it, and sees that. */
  async toItsEnd<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#isAtWork = true;
    try {
      return await CancellationScope.nonCancellable(run);
    } finally {
      this.#isAtWork = false;
    }
  }

  /** Runs a step that a decision may interrupt; undefined when one did. */
  async interruptible<Result>(run: () => Promise<Result>): Promise<Result | undefined> {
    const scope = new CancellationScope();
    this.#scope = scope;
    this.#isAtWork = true;
    this.#isInterrupted = false;
    try {
      return await scope.run(run);
    } catch (error) {
      if (isCancellation(error) && this.#wasInterrupted()) return undefined;
      throw error;
    } finally {
      this.#scope = undefined;
      this.#isAtWork = false;
    }
  }

  /** True when a decision, and not Temporal, ended the step. */
  #wasInterrupted(): boolean {
    return this.#isInterrupted && !CancellationScope.current().consideredCancelled;
  }

  /** Somebody else has changed what the release holds: the step at work ends, and then it stands still. */
  interruptForEdit(): void {
    if (this.#isAtWork && !WAITING.has(this.state.phase)) this.#showState({ phase: 'pausing' });
    this.interrupt();
  }

  /** A decision, or somebody else's change, wants the step at work to end. */
  interrupt(): void {
    this.#isInterrupted = true;
    this.#scope?.cancel();
  }

  /**
   * Refuses an update before it leaves anything in the history: however many people press a button, only what they
   * change is kept, and a run has room for 2,000 updates.
   * @throws ApplicationFailure with the sentence for the person
   */
  #demandAcceptable(message: DecisionMessage): void {
    const answer = this.#expected(message);
    if (!answer.accepted) throw ApplicationFailure.nonRetryable(answer.message, 'DecisionRefused');
  }

  #judge(message: unknown, weighed?: Weighed): ReturnType<typeof applyDecision> & { readonly id?: string } {
    const read = readDecision(message);
    const { state } = this.#release;
    if ('problem' in read) return { state, answer: { accepted: false, message: read.problem } };
    const { id } = read.ok;
    // Answers are kept longer than records: nobody makes a decision count again by a flood of others.
    const given = this.#answers.get(id);
    return given ? { state, answer: given, id } : { ...applyDecision(state, read.ok, Date.now(), weighed), id };
  }

  /** A signal that needs nobody's opinion counts at once. */
  #receiveSignal(sent: DecisionMessage | readonly DecisionMessage[]): void | Promise<void> {
    const answers = (isList(sent) ? sent : [sent]).map((message) => this.#receive(message));
    const awaited = answers.filter((answer) => answer instanceof Promise);
    if (awaited.length > 0) return Promise.all(awaited).then(() => undefined);
  }

  /**
   * Takes a decision. Where the cluster has a policy, it says first who that is and whether it counts; what the release
   * is sure to refuse is not asked about, unless somebody who came before has still to be heard.
   */
  #receive(message: DecisionMessage): DecisionAnswer | Promise<DecisionAnswer> {
    if (!this.#isAsked(message)) return this.#decide(message);
    return this.#weighing.weigh(message).then((weighed) => this.#decide(message, weighed));
  }

  /** Before there is a plan it is not known whether there is a policy, so it is asked. */
  #isAsked(message: unknown): boolean {
    const mayBeUnderPolicy =
      this.#release.underPolicy === true || this.#beforePlan || this.#weighing.waiting.length > 0;
    return mayBeUnderPolicy && !this.#isSettled(message);
  }

  get #beforePlan(): boolean {
    return this.state.planHash === '';
  }

  /** The answer does not depend on who decides, and nobody has still to be heard. */
  #isSettled(message: unknown): boolean {
    const read = readDecision(message);
    if ('problem' in read) return true;
    const { state } = this.#release;
    if (this.#answers.has(read.ok.id) || state.decisions.some(({ id }) => id === read.ok.id)) return true;
    return this.#weighing.waiting.length === 0 && refusalOfAnybody(state, read.ok) !== undefined;
  }

  async #weigh(decisions: readonly DecisionMessage[]): Promise<readonly Weighed[]> {
    const { cluster, set, gate } = this.state;
    const groups = gate?.groups ? { groups: gate.groups.map(({ name }) => name) } : {};
    return await reading('ask the policy of the cluster').weighDecisions({
      cluster,
      set,
      runs: this.#runs,
      ...groups,
      ...(this.#beforePlan ? { beforePlan: true } : {}),
      decisions,
    });
  }

  #decide(message: DecisionMessage, weighed?: Weighed): DecisionAnswer {
    const { state, answer, id } = this.#judge(message, weighed);
    if (id === undefined) {
      this.#countUnreadable(answer.message);
      return answer;
    }
    const { verb } = message;
    const before = this.#release.state;
    this.#keep(id, answer);
    // A crowd of refused decisions must not cost more than its reading: what they leave is shown with the next step.
    if (!answer.accepted) this.#change({ ...this.#release, state });
    else this.replace({ ...this.#release, state: withCounts({ ...this.#release, state }) });
    if (answer.accepted && !isFinal(state.phase)) this.#heed(before, verb);
    return answer;
  }

  /** A message that cannot be read steers nothing, and is not dropped in silence. */
  #countUnreadable(problem: string): void {
    const { unreadable } = this.#release.state;
    const last = problem.slice(0, 200);
    this.#showState({ unreadable: { count: (unreadable?.count ?? 0) + 1, last, at: Date.now() } });
  }

  /** The step at work ends for whoever wants something else; who is skipped is no more waited for. */
  #heed(before: ReleaseState, verb: DecisionMessage['verb']): void {
    const { requests, halt } = this.#release.state;
    const { pause, rollback, cancel } = requests;
    const wantsAttention = (pause ?? rollback ?? cancel ?? (halt === before.halt ? undefined : halt)) !== undefined;
    if (!wantsAttention && verb !== 'skip') return;
    if (this.#goesBack && this.#release.state.pausedBecause === undefined) return;
    if (this.#isAtWork && !WAITING.has(before.phase) && pause !== undefined) this.#showState({ phase: 'pausing' });
    this.interrupt();
  }

  /** A rollback of the whole release is not stopped half-way. */
  get #goesBack(): boolean {
    return this.#release.progress.back?.scope === 'release';
  }

  #expectedAnswers(asked: DecisionMessage | readonly DecisionMessage[]): ExpectedAnswer | readonly ExpectedAnswer[] {
    if (!isList(asked)) return this.#expectedAnswer(asked);
    return asked.map((message) => this.#expectedAnswer(message));
  }

  #expectedAnswer(message: DecisionMessage): ExpectedAnswer {
    const id = decisionSchema.shape.id.safeParse((message as Partial<DecisionMessage> | null)?.id);
    const given = id.success ? this.#answers.get(id.data) : undefined;
    return given ? { ...given, given: true } : { ...this.#expected(message), given: false };
  }

  /** The answer now; where the policy has to be asked, that is not known yet. */
  #expected(message: DecisionMessage): DecisionAnswer {
    return this.#isAsked(message)
      ? { accepted: true, message: 'the policy of the cluster is asked' }
      : this.#judge(message).answer;
  }

  #keep(id: string, answer: DecisionAnswer): void {
    this.#answers.set(id, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > KEPT_ANSWERS && oldest !== undefined) this.#answers.delete(oldest);
  }
}

/** An empty list and one that is too long are no lists of decisions: they are as unreadable as any other text. */
function isList(asked: DecisionMessage | readonly DecisionMessage[]): asked is readonly DecisionMessage[] {
  return Array.isArray(asked) && asked.length > 0 && asked.length <= MOST_AT_ONCE;
}

/** Phases in which nothing is at work: whoever interrupts them need not wait for an end. */
const WAITING: ReadonlySet<ReleaseState['phase']> = new Set(['waiting-approval', 'frozen', 'paused', 'halted']);
