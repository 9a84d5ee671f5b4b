import { applyDecision } from '../../release/decisions/decision.ts';
import { detailsMarkdown } from '../../release/narrate/narrate.ts';
import { editsOf } from '../../release/patches/foreign-edit.ts';
import { NEW_SERVERS_ONLY, controlledStrategy } from '../../release/patches/patches.ts';
import { apply } from '../../release/progress/apply.ts';
import { describeStep } from '../../release/progress/describe-step.ts';
import type { Event } from '../../release/progress/events.ts';
import { withCounts } from '../../release/progress/groups.ts';
import { nextStep } from '../../release/progress/next-step.ts';
import type { Step } from '../../release/progress/step.ts';
import { isInterruptible, writesSet } from '../../release/progress/steps.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { Decision, ReleaseState } from '../../release/progress/state.ts';
import type { Release } from '../../release/progress/table.ts';
import { failureEvents } from '../../workflows/failure-events.ts';
import { NEW_IMAGE, OLD_IMAGE, SET } from '../support/builders.ts';
import { Demands } from './demands.ts';
import { handedOn } from './handed-on.ts';
import { Performing } from './performing.ts';
import { OTHER_IMAGE, clusterOf, planned, specOf } from './planning.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import { nameOf } from './simulated-cluster.ts';
import type { Happening, Story, Turn, Wish } from './story.ts';

/** The result of a release of a story. */
export interface Ending {
  readonly release: Release;
  readonly cluster: SimulatedCluster;
  /** The acts and the events, a line each. */
  readonly script: readonly string[];
  /** The broken rules: each a sentence. */
  readonly violations: readonly string[];
}

const START = 1_000_000;
/** Consequences that follow one upon the other without any time or decision: more would be for ever. */
const MOST_NOTES = 12;
/** Steps in which a person who wants it over brings a release to its end. */
const MOST_STEPS = 600;

/** Plays the release of a story to its end, and writes down what happened when that is wanted: it costs most of the time. */
export function play(story: Story, writesDown = false): Ending {
  return new Play(story, writesDown).run();
}

class Play {
  readonly #writesDown: boolean;
  readonly #story: Story;
  readonly #cluster: SimulatedCluster;
  readonly #performing: Performing;
  readonly #script: string[] = [];
  readonly #demands: Demands;
  readonly #turns: Turn[];
  /** When something was last done to a server from outside, in steps. */
  readonly #struck = new Map<string, number>();
  #release: Release;
  #now = START;
  #steps = 0;
  #notes = 0;
  #patience: number;
  /** The step in which the release has looked at its servers for its last word. */
  #lastLook = -1;
  /** Somebody was waited for who lets it go on. */
  #hasStood = false;
  /** Why it stood still when somebody had resumed it again and again, and it did not go on. */
  #stuck: string | undefined;
  #willFail = false;
  #isInterrupted = false;
  #round = 0;
  #sent = 0;

  constructor(story: Story, writesDown: boolean) {
    this.#writesDown = writesDown;
    this.#story = story;
    this.#cluster = clusterOf(story);
    this.#demands = new Demands(this.#cluster);
    this.#performing = new Performing(this.#cluster, { busyUntil: START + 200_000, freezes: story.freezes });
    this.#release = planned(specOf(story), story, this.#cluster, START);
    this.#turns = [...story.turns];
    this.#patience = this.#turns[0]?.after ?? 0;
  }

  run(): Ending {
    while (this.#steps < MOST_STEPS && this.#demands.violations.length === 0) {
      const step = nextStep(this.#release, this.#now);
      if (step.kind === 'end') break;
      if (step.kind === 'note') this.#note(step.event);
      else this.#do(step);
    }
    if (this.#steps >= MOST_STEPS) this.#demand(false, `no way to the end: ${this.#release.state.phase}`);
    else if (this.#steps < MOST_STEPS && this.#demands.violations.length === 0) this.#demandTruth();
    return {
      release: this.#release,
      cluster: this.#cluster,
      script: this.#script,
      violations: this.#demands.violations,
    };
  }

  #demand(isRight: boolean, sentence: string): void {
    this.#demands.demand(isRight, sentence);
  }

  #demandTruth(): void {
    const struck = [...this.#struck].filter(([, step]) => step >= this.#lastLook).map(([name]) => name);
    this.#demands.truth(this.#release, { servers: new Set(struck) });
    const { phase, reason } = this.#release.state;
    this.#demand(this.#stuck === undefined, `nothing is wrong, and it has no way on: ${this.#stuck ?? ''}`);
    this.#demand(
      !isUndisturbed(this.#story) || (phase === 'done' && !this.#hasStood),
      `nothing has happened to it, and it needs a person or is ${phase}: ${reason}`,
    );
  }

  /** An engine is broken, or somebody else's values stand in the set: then it is right to wait for a person. */
  #isHindered(): boolean {
    return this.#story.faults.length > 0 || this.#cluster.isForeign;
  }

  #say(line: () => string): void {
    if (this.#writesDown) this.#script.push(`${this.#now - START} ${line()}`);
  }

  #note(event: Event): void {
    this.#say(() => `  note ${shown(event)}`);
    this.#notes += 1;
    this.#demand(this.#notes <= MOST_NOTES, `consequences without end: ${shown(event)}`);
    this.#apply(event);
  }

  #apply(event: Event): void {
    this.#release = apply(this.#release, event, this.#now);
    this.#demands.counts(this.#release);
  }

  #do(step: Exclude<Step, { kind: 'note' | 'end' }>): void {
    this.#steps += 1;
    this.#notes = 0;
    const turn = this.#due();
    if (turn && !turn.inside) {
      this.#happen(turn.happening);
      // The world has changed: what is next is asked again.
      this.#watch();
      return;
    }
    if (step.kind !== 'calendar') this.#show(step);
    this.#say(() => `${step.kind} ${shown(step)}`);
    if (step.kind === 'wait') this.#wait(step, turn?.happening);
    else this.#perform(step, turn?.happening);
    this.#now += 1_000;
    if (!writesSet(step)) this.#watch();
  }

  #due(): Turn | undefined {
    const [turn] = this.#turns;
    if (!turn) return undefined;
    if (this.#patience > 0) {
      this.#patience -= 1;
      return undefined;
    }
    this.#turns.shift();
    this.#patience = this.#turns[0]?.after ?? 0;
    return turn;
  }

  #show(step: Exclude<Step, { kind: 'note' }>): void {
    const {
      phase,
      step: doing,
      for: what,
      owner,
      since = this.#now,
      until,
    } = describeStep(this.#release, step, this.#now);
    const state: ReleaseState = {
      ...this.#release.state,
      phase,
      step: doing,
      wait: { for: what ?? doing, owner, since, until },
    };
    this.#release = { ...this.#release, state };
    this.#demand(Number.isFinite(until), `no deadline of ${step.kind}`);
    if (this.#steps % 7 === 0) this.#demand(detailsMarkdown(state) !== '', 'nothing to show');
  }

  #perform(step: Exclude<Step, { kind: 'note' | 'end' | 'wait' }>, happening: Happening | undefined): void {
    const before = this.#release;
    const { back, leaving } = before.progress;
    const isWay = back?.scope === 'release' || leaving !== undefined;
    const mayEnd = !writesSet(step) && !(isWay && !isInterruptible(step, true));
    this.#isInterrupted = false;
    if (this.#willFail) {
      this.#willFail = false;
      for (const event of failureEvents(step, 'the API server is away')) this.#apply(event);
      return;
    }
    if (step.kind === 'takeBack' || step.kind === 'putBack' || step.kind === 'recordEnd')
      this.#apply({ kind: 'endBegun' });
    let isOver = false;
    const midway = (): boolean => {
      if (isOver) return this.#isInterrupted && mayEnd;
      isOver = true;
      if (happening) this.#happen(happening);
      return this.#isInterrupted && mayEnd;
    };
    const release = this.#release;
    const events = this.#performing.perform(release, step, { now: this.#now, midway });
    if (step.kind === 'bake' || step.kind === 'admit') this.#now = Math.max(this.#now, step.until);
    if (events && isLastLook(step)) this.#lastLook = this.#steps;
    this.#demands.rights(release);
    if (step.kind === 'follow' && events?.every(isWithoutNews) === true) this.#waitForNews(step.until);
    for (const event of events ?? []) {
      this.#say(() => `  ${shown(event)}`);
      this.#apply(event);
    }
    midway();
  }

  /** Nobody has come: what the story has in store comes before the time is over. */
  #waitForNews(until: number): void {
    if (this.#turns.length > 0) this.#patience = 0;
    else this.#now = until;
  }

  /** Time passes, or somebody who wants it over says something. */
  #wait(step: Extract<Step, { kind: 'wait' }>, happening: Happening | undefined): void {
    this.#demand(step.until > this.#now, `a wait for ${step.for} that is over already`);
    if (happening) {
      this.#happen(happening);
      return;
    }
    if (this.#turns.length > 0 && LONG_WAITS.has(step.for)) {
      // The story's next act comes before anybody's patience is over; it may bring the end of that itself.
      this.#patience = 0;
      return;
    }
    if (this.#turns.length === 0 && !SHORT_WAITS.has(step.for)) {
      this.#round += 1;
      const decision = this.#wayOn(step);
      if (decision) {
        this.#decide(decision);
        return;
      }
    }
    this.#now = step.until;
  }

  #wayOn({ for: what }: Extract<Step, { kind: 'wait' }>): Omit<Decision, 'id' | 'release' | 'channel'> | undefined {
    const { state } = this.#release;
    if (what === 'unhalt') return { verb: 'unhalt', actor: 'ops' };
    if (what === 'gate')
      return { verb: 'approve', actor: this.#round % 2 === 0 ? 'bob' : 'cleo', wave: state.gate?.wave ?? 1 };
    if (what !== 'person') return undefined;
    this.#hasStood = true;
    if (this.#round === 26 && !this.#isHindered()) this.#stuck = state.pausedBecause ?? '';
    if (this.#round > 40) return { verb: 'cancel', then: 'hold', actor: 'bob' };
    if (this.#round > 25) return { verb: 'rollback', actor: 'bob' };
    const failing = state.failures.at(-1)?.server;
    // A server that holds it up again and again is excluded, where that can be.
    if (this.#round > 12 && this.#round % 2 === 0 && failing !== undefined)
      return { verb: 'skip', server: failing, reason: 'in the way', actor: 'bob' };
    if (state.foreignEdit) return { verb: 'resume', wins: this.#round % 3 === 0 ? 'edit' : 'release', actor: 'bob' };
    return { verb: this.#round % 4 === 3 ? 'retry' : 'resume', actor: 'bob' };
  }

  #happen(happening: Happening): void {
    this.#say(() => `* ${JSON.stringify(happening)}`);
    const cluster = this.#cluster;
    switch (happening.kind) {
      case 'decision':
        this.#decide(this.#decisionOf(happening.wish));
        return;
      case 'later':
        this.#now += happening.milliseconds;
        return;
      case 'engineRestarts':
        this.#strike(happening.ordinal);
        cluster.restart(nameOf(happening.ordinal));
        return;
      case 'sidecarRestarts':
        this.#strike(happening.ordinal);
        cluster.restartSidecar(nameOf(happening.ordinal));
        return;
      case 'recreated':
        this.#strike(happening.ordinal);
        cluster.recreate(nameOf(happening.ordinal));
        return;
      case 'scaled':
        this.#scale(happening.by);
        return;
      case 'image':
        cluster.image = IMAGES[happening.to];
        this.#edited(happening.turn);
        return;
      case 'strategy':
        cluster.strategy = STRATEGIES[happening.to];
        this.#edited(happening.turn);
        return;
      case 'restored':
        this.#restore();
        return;
      case 'failure':
        this.#willFail = true;
        return;
      case 'handed':
        this.#release = handedOn(this.#release);
        return;
    }
  }

  #strike(ordinal: number): void {
    this.#struck.set(nameOf(ordinal), this.#steps);
  }

  #scale(by: number): void {
    const before = new Set(this.#cluster.servers.keys());
    this.#cluster.scale(by);
    const after = new Set(this.#cluster.servers.keys());
    for (const name of new Set([...before, ...after]))
      if (!before.has(name) || !after.has(name)) this.#struck.set(name, this.#steps);
  }

  #edited(turn: boolean): void {
    this.#cluster.isForeign = true;
    for (let ordinal = 0; ordinal < 12; ordinal += 1) this.#strike(ordinal);
    if (turn) this.#cluster.turn();
  }

  #restore(): void {
    const held = heldOf(this.#release);
    if (!held) return;
    this.#cluster.image = held.image;
    this.#cluster.isForeign = false;
    if (held.updateStrategy !== undefined) this.#cluster.strategy = held.updateStrategy;
  }

  #decisionOf(wish: Wish): Omit<Decision, 'id' | 'release' | 'channel'> {
    const { state } = this.#release;
    const { verb, actor, then, scope, order, wins, off, ordinal } = wish;
    const wave = Math.max(1, (state.gate?.wave ?? state.wave) + off);
    const more: Partial<Record<Decision['verb'], Partial<Decision>>> = {
      approve: { wave },
      reject: { wave },
      skip: ordinal % 2 === 0 ? { server: nameOf(ordinal) } : { wave },
      cancel: { then },
      supersede: { then, by: 'newer' },
      rollback: { scope, order },
      resume: { wins },
      halt: { until: this.#now + 600_000 },
    };
    return { verb, actor, reason: 'because', ...more[verb] };
  }

  /** As the handlers of a release do it: they change what people see and want, and end the step at work. */
  #decide(wish: Omit<Decision, 'id' | 'release' | 'channel'>): void {
    this.#sent += 1;
    const decision = { id: `d-${this.#sent}`, release: 'scripts-2-0', channel: 'test', ...wish };
    const before = this.#release;
    const { state, answer } = applyDecision(before.state, decision, this.#now);
    this.#say(() => `> ${wish.actor} ${wish.verb}: ${answer.message}`);
    this.#release = { ...before, state: withCounts({ ...before, state }) };
    if (!answer.accepted || isFinal(state.phase)) return;
    const { pause, rollback, cancel } = state.requests;
    const wants =
      (pause ?? rollback ?? cancel ?? (state.halt === before.state.halt ? undefined : state.halt)) !== undefined;
    if (!wants && wish.verb !== 'skip') return;
    if (before.progress.back?.scope === 'release' && state.pausedBecause === undefined) return;
    this.#isInterrupted = true;
  }

  /** The findings of the watch of the set between two steps. */
  #watch(): void {
    const held = heldOf(this.#release);
    if (!held) return;
    const { plan, state, progress } = this.#release;
    const { image, strategy, replicas } = this.#cluster;
    const facts = { image, ...(held.updateStrategy === undefined ? {} : { updateStrategy: strategy }), replicas };
    const edits = editsOf({ name: SET.name, baseline: plan.baseline, held }, facts, {});
    const what = edits.length === 0 ? undefined : edits.join('; ');
    if (what === state.foreignEdit?.what && replicas === progress.foreign.replicas) return;
    this.#say(() => `  watch: ${what ?? 'nothing'}`);
    this.#apply({
      kind: 'foreignSeen',
      facts,
      strays: [],
      what,
      seen: edits.length > 0 ? { image, updateStrategy: facts.updateStrategy } : undefined,
      told: replicas === progress.foreign.replicas ? undefined : 'scaled',
      replicas,
    });
  }
}

/** Waits that nobody has to end. */
const SHORT_WAITS: ReadonlySet<string> = new Set(['retry', 'settle', 'load']);
const LONG_WAITS: ReadonlySet<string> = new Set(['person', 'gate', 'unhalt', 'window']);

const IMAGES = { old: OLD_IMAGE, new: NEW_IMAGE, other: OTHER_IMAGE } as const;

const STRATEGIES = {
  open: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: '100%' } },
  paused: { type: 'RollingUpdate', rollingUpdate: { partition: 0, maxUnavailable: '100%', paused: true } },
  onDelete: { type: 'OnDelete' },
} as const;

function heldOf({
  plan,
  progress,
}: Release): { image: string; updateStrategy?: SimulatedCluster['strategy'] } | undefined {
  const { set, isStaged, isPutBack, back, leaving } = progress;
  if (!isStaged || isPutBack || back?.scope === 'release' || leaving) return undefined;
  if (plan.strategy === 'targeted') return { image: plan.baseline.templateImage };
  if (plan.strategy === 'newServersOnly') return { image: plan.baseline.newImage, updateStrategy: NEW_SERVERS_ONLY };
  return set.hold && { image: plan.baseline.newImage, updateStrategy: controlledStrategy(plan.baseline, set.hold) };
}

/** The basis of a release's last word, when it was not cut short. */
function isLastLook(step: Step): boolean {
  return step.kind === 'follow' || (step.kind === 'look' && step.purpose === 'final');
}

/** A release to which nothing happens is done, and needs nobody but for its gates. */
function isUndisturbed({ turns, faults, maxMixedMs, busy, strategy, newServers, gates, onTimeout }: Story): boolean {
  const isHurried = maxMixedMs !== undefined || busy !== 'nobody' || (gates.length > 0 && onTimeout !== 'pause');
  const waitsInVain = strategy === 'newServersOnly' && newServers !== undefined;
  return turns.length + faults.length === 0 && !isHurried && !waitsInVain;
}

function shown(value: object): string {
  const names = (some: readonly (string | { readonly name: string })[]): string =>
    some.map((one) => (typeof one === 'string' ? one : one.name)).join();
  return JSON.stringify(value, (key, inner: unknown) =>
    key === 'servers' && Array.isArray(inner) ? names(inner as readonly string[]) : inner,
  ).slice(0, 400);
}

function isWithoutNews(event: Event): boolean {
  return event.kind === 'newServersSeen' && event.settled.length + event.report.failures.length === 0;
}
