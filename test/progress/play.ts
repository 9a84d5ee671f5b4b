import { applyDecision } from '../../release/decisions/decision.ts';
import { detailsMarkdown, agreeing } from '../../release/narrate/narrate.ts';
import { editsOf } from '../../release/patches/foreign-edit.ts';
import { heldStrategy } from '../../release/patches/patches.ts';
import type { Plan } from '../../release/plan/plan.ts';
import { isPlan } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { apply } from '../../release/progress/apply.ts';
import { packRelease, unpackRelease } from '../../release/progress/carried.ts';
import type { CarriedRelease } from '../../release/progress/carried.ts';
import { describeStep } from '../../release/progress/describe-step.ts';
import type { Event } from '../../release/progress/events.ts';
import { excludedServers, leftOut, withCounts } from '../../release/progress/groups.ts';
import { nextStep } from '../../release/progress/next-step.ts';
import type { Step } from '../../release/progress/step.ts';
import { isInterruptible, writesSet } from '../../release/progress/steps.ts';
import { initialState, isFinal, withPlan } from '../../release/progress/state.ts';
import type { Decision, ReleaseState } from '../../release/progress/state.ts';
import { initialProgress, rowOf } from '../../release/progress/table.ts';
import type { Release } from '../../release/progress/table.ts';
import type { ReleaseSpec } from '../../release/spec/spec.ts';
import { failureEvents } from '../../workflows/failure-events.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, USER_STRATEGY, aGameServer, aServer, aSet } from '../support/builders.ts';
import { aRelease, aTargetedRelease } from '../support/a-release.ts';
import { Performing } from './performing.ts';
import { SimulatedCluster, nameOf } from './simulated-cluster.ts';
import type { Happening, Story, Turn, Wish } from './story.ts';

/** What became of a release of a story. */
export interface Ending {
  readonly release: Release;
  readonly cluster: SimulatedCluster;
  /** What was done and what happened, a line each. */
  readonly script: readonly string[];
  /** What must not be: each a sentence. */
  readonly violations: readonly string[];
}

const OTHER_IMAGE = 'registry.test/scripts:9.9';
const START = 1_000_000;
/** Consequences that follow one upon the other without any time or decision: more would be for ever. */
const MOST_NOTES = 12;
/** Steps in which a person who wants it over brings a release to its end. */
const MOST_STEPS = 300;
/** The numbers of the chosen servers of a targeted release. */
const CHOSEN = [1, 2, 4, 5, 7];

/** Plays the release of a story to its end, and writes down what happened when that is wanted: it costs most of the time. */
export function play(story: Story, writesDown = false): Ending {
  return new Play(story, writesDown).run();
}

class Play {
  readonly #writesDown: boolean;
  readonly #cluster: SimulatedCluster;
  readonly #performing: Performing;
  readonly #script: string[] = [];
  readonly #violations: string[] = [];
  readonly #turns: Turn[];
  /** When something was last done to a server from outside, in steps. */
  readonly #struck = new Map<string, number>();
  #release: Release;
  #now = START;
  #steps = 0;
  #notes = 0;
  #patience: number;
  #lastFinalLook = -1;
  #willFail = false;
  #isInterrupted = false;
  #round = 0;
  #sent = 0;
  /** Entries of the cluster's log that were judged. */
  #judged = 0;

  constructor(story: Story, writesDown: boolean) {
    this.#writesDown = writesDown;
    const spec = specOf(story);
    const faults = new Map(story.faults.map(([ordinal, fault]) => [nameOf(ordinal), fault]));
    this.#cluster = new SimulatedCluster(story.size, {
      image: OLD_IMAGE,
      newImage: NEW_IMAGE,
      strategy: USER_STRATEGY,
      faults,
    });
    this.#performing = new Performing(this.#cluster, { busyUntil: START + 200_000, freezes: story.freezes });
    this.#release = planned(spec, story, this.#cluster);
    this.#turns = [...story.turns];
    this.#patience = this.#turns[0]?.after ?? 0;
  }

  run(): Ending {
    while (this.#steps < MOST_STEPS && this.#violations.length === 0) {
      const step = nextStep(this.#release, this.#now);
      if (step.kind === 'end') break;
      if (step.kind === 'note') this.#note(step.event);
      else this.#do(step);
    }
    if (this.#steps >= MOST_STEPS) this.#demand(false, `no way to the end: ${this.#release.state.phase}`);
    else if (this.#violations.length === 0) this.#demandTruth();
    return {
      release: this.#release,
      cluster: this.#cluster,
      script: this.#script,
      violations: this.#violations,
    };
  }

  #demand(isRight: boolean, sentence: string): void {
    if (!isRight) this.#violations.push(sentence);
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
    this.#demandCounts();
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
      step: text,
      for: what,
      owner,
      since = this.#now,
      until,
    } = describeStep(this.#release, step, this.#now);
    const doing = agreeing(text);
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
    if (step.kind === 'look' && step.purpose === 'final') this.#lastFinalLook = this.#steps;
    this.#demandRights(release);
    for (const event of events ?? []) {
      this.#say(() => `  ${shown(event)}`);
      this.#apply(event);
    }
    midway();
  }

  /** Time passes, or somebody who wants it over says something. */
  #wait(step: Extract<Step, { kind: 'wait' }>, happening: Happening | undefined): void {
    this.#demand(step.until > this.#now, `a wait for ${step.for} that is over already`);
    if (happening) {
      this.#happen(happening);
      return;
    }
    if (this.#turns.length > 0 && LONG_WAITS.has(step.for)) {
      // What the story has in store comes before anybody's patience is over; it may bring the end of that itself.
      this.#patience = 0;
      return;
    }
    if (this.#turns.length === 0 && step.for !== 'retry' && step.for !== 'settle') {
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
    if (this.#round > 40) return { verb: 'cancel', then: 'hold', actor: 'bob' };
    if (this.#round > 25) return { verb: 'rollback', actor: 'bob' };
    if (state.drift) return { verb: 'resume', wins: this.#round % 3 === 0 ? 'edit' : 'release', actor: 'bob' };
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
        cluster.scale(happening.by);
        for (let ordinal = 0; ordinal < 12; ordinal += 1) this.#strike(ordinal);
        return;
      case 'image':
        cluster.image = { old: OLD_IMAGE, new: NEW_IMAGE, other: OTHER_IMAGE }[happening.to];
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

  #edited(turn: boolean): void {
    for (let ordinal = 0; ordinal < 12; ordinal += 1) this.#strike(ordinal);
    if (turn) this.#cluster.turn();
  }

  #restore(): void {
    const held = heldOf(this.#release);
    if (!held) return;
    this.#cluster.image = held.image;
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

  /** What the watch of the set sees between two steps. */
  #watch(): void {
    const held = heldOf(this.#release);
    if (!held) return;
    const { plan, state, progress } = this.#release;
    const { image, strategy, replicas } = this.#cluster;
    const facts = { image, ...(held.updateStrategy === undefined ? {} : { updateStrategy: strategy }), replicas };
    const edits = editsOf({ name: SET.name, baseline: plan.baseline, held }, facts, {});
    const what = edits.length === 0 ? undefined : edits.join('; ');
    if (what === state.drift?.what && replicas === progress.foreign.replicas) return;
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

  /** Nobody is moved or told whom the release had no right to move or tell when the step began. */
  #demandRights(release: Release): void {
    const entries = this.#cluster.log.slice(this.#judged);
    this.#judged = this.#cluster.log.length;
    const excluded = excludedServers(release);
    const kept = leftOut(release);
    const { back } = release.progress;
    for (const entry of entries) {
      const { server } = entry;
      const isByHotwave = entry.kind === 'told' || (entry.kind === 'moved' && entry.by === 'override');
      if (isByHotwave && back?.scope === 'release')
        this.#demand(!kept.has(server), `${server} is ${entry.kind} on the way back although it is left out`);
      if (isByHotwave && !back)
        this.#demand(!excluded.has(server), `${server} is ${entry.kind} although it is excluded`);
      if (isByHotwave && !back) this.#demandOpened(release, server);
      if (entry.kind === 'loaded') this.#demandOnce(entry);
    }
  }

  #demandOpened({ plan, state }: Release, server: string): void {
    const wave = plan.waves.find(({ servers }) => servers.some(({ name }) => name === server));
    const isBegun = wave === undefined || state.waves[wave.number - 1]?.status !== 'pending';
    this.#demand(isBegun, `${server} is told before its wave ${wave?.number ?? ''}`);
  }

  /** One run of an engine loads one version at most once by command. */
  #demandOnce({ server, version, run }: Extract<SimulatedCluster['log'][number], { kind: 'loaded' }>): void {
    const loads = this.#cluster.log.filter(
      (entry) => entry.kind === 'loaded' && entry.server === server && entry.version === version && entry.run === run,
    );
    this.#demand(loads.length <= 1, `${server} was made to load ${version} ${loads.length} times`);
  }

  #demandCounts(): void {
    const { waves } = this.#release.state;
    for (const { number, size, ready, proven, failed } of waves) {
      this.#demand(ready >= proven, `wave ${number}: ${proven} proven of ${ready} ready`);
      this.#demand(
        failed + proven <= size && ready <= size,
        `wave ${number}: ${failed} failed + ${proven} proven of ${size}`,
      );
    }
  }

  /** What the release says of its end is what the servers run. */
  #demandTruth(): void {
    const { state, plan } = this.#release;
    this.#demand(isFinal(state.phase), `it ended while ${state.phase}`);
    this.#demand(state.reason !== '', 'no reason at the end');
    const { back } = this.#release.progress;
    if (back?.isNothing) this.#demand(this.#cluster.fence === 0, 'it says that nothing was written');
    else if (state.phase === 'rolled-back') this.#demandAll(plan.previousVersion, leftOut(this.#release));
    if (state.phase === 'done') this.#demandAll(plan.version, excludedServers(this.#release));
  }

  #demandAll(version: string, excused: ReadonlySet<string>): void {
    const { plan, progress } = this.#release;
    const notProved = new Set(progress.newcomers.notProved.map(({ name }) => name));
    // What others did to chosen servers that the release never reached is not its affair.
    const isReached = ({ number }: Plan['waves'][number]): boolean =>
      plan.strategy === 'rolling' || this.#release.state.waves[number - 1]?.status !== 'pending';
    for (const { name } of plan.waves.filter(isReached).flatMap(({ servers }) => servers)) {
      const live = this.#cluster.servers.get(name);
      // The one that was chosen is said to be gone; another pod has its name now.
      if (plan.strategy === 'targeted' && rowOf(this.#release, name).away !== undefined) continue;
      const isExcused =
        excused.has(name) || notProved.has(name) || (this.#struck.get(name) ?? -1) >= this.#lastFinalLook;
      if (!live || isExcused) continue;
      const { state } = this.#release;
      this.#demand(live.loaded === version, `${state.phase}: ${name} has loaded ${live.loaded}: ${state.reason}`);
    }
  }
}

const LONG_WAITS: ReadonlySet<string> = new Set(['person', 'gate', 'unhalt', 'window']);

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
  return set.hold && { image: plan.baseline.newImage, updateStrategy: heldStrategy(plan.baseline, set.hold) };
}

/** The release as the next run has it. */
function handedOn(release: Release): Release {
  return unpackRelease(JSON.parse(JSON.stringify(packRelease(release))) as CarriedRelease);
}

function shown(value: object): string {
  const names = (some: readonly (string | { readonly name: string })[]): string =>
    some.map((one) => (typeof one === 'string' ? one : one.name)).join();
  return JSON.stringify(value, (key, inner: unknown) =>
    key === 'servers' && Array.isArray(inner) ? names(inner as readonly string[]) : inner,
  ).slice(0, 400);
}

const specs = new Map<string, ReleaseSpec>();

function specOf(story: Story): ReleaseSpec {
  const wishes = {
    waves: story.waves,
    gates: story.gates.map((before) => ({
      before,
      approvals: story.approvals,
      timeout: `${story.gateMs}ms`,
      onTimeout: story.onTimeout,
    })),
    onFailure: {
      then: story.then,
      tolerate: story.tolerate,
      keepSpecimens: story.strategy === 'targeted' ? story.keepSpecimens : 0,
      ...(story.retries ? { classes: { reload: RETRY, version: RETRY, health: RETRY, notReady: RETRY } } : {}),
    },
    ...(story.health ? {} : { health: [] }),
    ...(story.content ? {} : { content: undefined }),
    ...(story.maxMixedMs === undefined ? {} : { maxMixed: `${story.maxMixedMs}ms`, onMaxMixed: story.onMaxMixed }),
    ...(story.busy === 'nobody'
      ? {}
      : { admission: { busy: { opsState: ['Allocated'] }, wait: '1m', lastWait: '2m', then: story.busy } }),
    bake: `${story.bakeMs}ms`,
    paused: { timeout: '30d' },
  };
  const key = JSON.stringify([story.strategy, story.size, wishes]);
  const known = specs.get(key);
  if (known) return known;
  const servers = { servers: CHOSEN.filter((ordinal) => ordinal < story.size) };
  const target = { namespace: SET.namespace, gameServerSet: SET.name, servers, allowCascade: true };
  const { spec } = story.strategy === 'rolling' ? aRelease(wishes) : aTargetedRelease({ ...wishes, target });
  if (specs.size > 10_000) specs.clear();
  specs.set(key, spec);
  return spec;
}

const RETRY = { then: 'retry', retries: 1, backoff: '10s' } as const;

function planned(spec: ReleaseSpec, story: Story, cluster: SimulatedCluster): Release {
  const ordinals = Array.from({ length: story.size }, (_, ordinal) => ordinal);
  const result = planRelease(spec, {
    set: aSet({ replicas: story.size }),
    servers: ordinals.map((ordinal) => aServer({ ordinal, createdAt: 1 })),
    gameServers: ordinals.map((ordinal) => aGameServer({ ordinal, createdAt: 1 })),
  });
  if (!isPlan(result)) throw new Error(result.refusals.join('; '));
  const plan: Plan = {
    ...result,
    waves: result.waves.map((wave) => ({ ...wave, servers: wave.servers.map(({ name }) => cluster.planned(name)!) })),
    bystanders: result.bystanders.map(({ name }) => cluster.planned(name)!),
  };
  const identity = {
    release: 'scripts-2-0',
    cluster: 'c',
    set: SET,
    strategy: story.strategy,
    requester: 'ann',
    image: NEW_IMAGE,
    version: '2.0',
  };
  const state = withPlan(initialState(identity, START), plan);
  return {
    plan,
    spec,
    state,
    progress: initialProgress(plan),
    isOnRecord: false,
    ...(story.freezes > 0 ? { calendar: { reason: undefined } } : {}),
  };
}
