import { setTimeout as pause } from 'node:timers/promises';
import { why } from '../../release/narrate/narrate.ts';
import { isInRanges } from '../../release/fleet/ranges.ts';
import type { Decision, ReleaseState } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import { VERB_TABLE } from '../../release/decisions/verbs.ts';
import type { DecisionMessage, ReleaseResult } from '../../workflows/messages.ts';
import { NEW_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { unreachable } from '../support/fake-faults.ts';
import type { LogEntry } from '../support/fake-cluster.ts';
import { effectiveReloads, effects } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import type { Stage } from '../support/stage.ts';
import { aRelease, aTargetedRelease } from '../support/stage.ts';
import { until } from '../lab/until.ts';
import type { History } from '../replay/histories.ts';
import type { Happening, Story, Wish } from './story.ts';

/** The result of a release of a story. */
export interface Ending {
  readonly state: ReleaseState;
  readonly result: ReleaseResult;
  /** The broken rules: each a sentence. */
  readonly violations: readonly string[];
  /** Its last run, as Temporal keeps it. */
  readonly history: History;
  /** Servers to which somebody else has done something. */
  readonly struck: ReadonlySet<string>;
}

const STANDING = new Set(['paused', 'halted', 'frozen', 'waiting-approval']);
const END_MS = 60_000;
const OTHER_IMAGE = 'registry.test/scripts:9.9';

/** Carries a release through its story, looking at it all the time, and then brings it to its end as a person would. */
export async function walk(stage: Stage, story: Story): Promise<Ending> {
  const release = await stage.start(fileOf(story));
  return await new Walk(stage, release, story).run();
}

function fileOf({ strategy, ...story }: Story): ReturnType<typeof aRelease> {
  const wishes = {
    gates: story.gates.map((before) => ({
      before,
      approvals: story.approvals,
      notRequester: true,
      timeout: `${story.gateMs}ms`,
      onTimeout: story.onTimeout,
    })),
    onFailure: { then: story.then, tolerate: story.tolerate },
    ...(story.maxMixedMs === undefined ? {} : { maxMixed: `${story.maxMixedMs}ms`, onMaxMixed: story.onMaxMixed }),
    bake: `${story.bakeMs}ms`,
    ready: { timeout: '2s' },
    paused: { timeout: '1h' },
  };
  if (strategy === 'rolling') return aRelease(wishes);
  const target = {
    namespace: SET.namespace,
    gameServerSet: SET.name,
    servers: { servers: [1, 3, 5, 7, 8] },
    allowCascade: true,
  };
  return aTargetedRelease({ ...wishes, target, waves: [1, 2, 'rest'] });
}

class Walk {
  readonly #stage: Stage;
  readonly #release: StartedRelease;
  readonly #story: Story;
  readonly #violations: string[] = [];
  /** How long the log was when the release was first seen in this stand, until it is told something. */
  #quiet: { readonly log: number; readonly stand: number | undefined } | undefined;
  #sent = 0;
  /** The values that somebody else's edit has replaced, as long as that was not written back. */
  #before: ReturnType<Stage['cluster']['set']>['raw']['spec'] | undefined;
  /** Servers to which somebody else has done something: what a release says of them may be old the moment it says it. */
  readonly #struck = new Set<string>();
  /** Images that somebody else has written, but for the new one. */
  readonly #theirImages = new Set<string>();

  constructor(stage: Stage, release: StartedRelease, story: Story) {
    this.#stage = stage;
    this.#release = release;
    this.#story = story;
  }

  async run(): Promise<Ending> {
    for (const happening of this.#story.happenings) {
      const state = await this.#look();
      if (isFinal(state.phase)) break;
      await this.#take(happening, state);
    }
    await this.#toTheEnd();
    const [result, state] = [await this.#release.result(), await this.#release.state()];
    this.#demandGates(state);
    this.#demandOnce();
    const history = await this.#release.handle.fetchHistory();
    return { state, result, history, violations: this.#violations, struck: this.#struck };
  }

  #demand(isRight: boolean, sentence: string): void {
    if (!isRight) this.#violations.push(sentence);
  }

  /** The state, after a look at what must hold in it. */
  async #look(): Promise<ReleaseState> {
    const state = await this.#release.state();
    if (isFinal(state.phase)) return state;
    const { phase, wait } = state;
    this.#demand(why(state) !== '', `no why while ${phase}`);
    if (STANDING.has(phase))
      this.#demand(wait !== undefined && wait.until > wait.since, `a wait without a deadline while ${phase}`);
    if (phase === 'paused' || phase === 'halted' || phase === 'frozen') await this.#watchQuiet(state);
    else this.#quiet = undefined;
    return state;
  }

  /** While a release stands still and no activity is under way, nothing is written. */
  async #watchQuiet(state: ReleaseState): Promise<void> {
    const stand = state.wait?.since;
    if (this.#quiet && this.#quiet.stand === stand) await this.#demandQuiet(state, this.#quiet.log);
    else this.#quiet = undefined;
    const { raw } = await this.#release.handle.describe();
    const isIdle = (raw.pendingActivities ?? []).every(({ activityType }) => activityType?.name === 'watchSet');
    this.#quiet ??= isIdle ? { log: this.#stage.cluster.log.length, stand } : undefined;
  }

  /** A deadline may pass meanwhile; then it stands for another reason, after a rollback for example. */
  async #demandQuiet({ phase, wait }: ReleaseState, since: number): Promise<void> {
    const written = effects(this.#stage.cluster, since).find((entry) => !this.#isAnothers(entry) && !freezes(entry));
    const again = await this.#release.state();
    if (written === undefined || again.phase !== phase || again.wait?.since !== wait?.since) return;
    this.#demand(false, `written while ${phase}: ${describe(written)}; ${lastWords(again)}`);
  }

  async #take(happening: Happening, state: ReleaseState): Promise<void> {
    switch (happening.kind) {
      case 'time':
        await this.#pass(happening.milliseconds, state);
        return;
      case 'cluster-down':
        for (const operation of ['patch', 'listServers'] as const)
          this.#stage.cluster.faults.fail(operation, unreachable(), happening.calls);
        return;
      case 'crash':
        this.#strike(happening.ordinal);
        if (this.#stage.cluster.set().servers.has(`${SET.name}-${happening.ordinal}`))
          this.#stage.cluster.crash(`${SET.name}-${happening.ordinal}`);
        return;
      case 'recreate':
        this.#strike(happening.ordinal);
        if (this.#stage.cluster.set().servers.has(`${SET.name}-${happening.ordinal}`))
          this.#stage.cluster.set().recreate(`${SET.name}-${happening.ordinal}`);
        return;
      case 'edit':
        this.#edit(happening.what);
        return;
      case 'stuck': {
        const held = this.#stage.calls.hold({ activity: happening.activity }, { stubborn: true });
        void held.reached.then(() => pause(happening.milliseconds)).then(() => held.release());
        return;
      }
      case 'decision':
        await this.#decide(this.#decisionOf(happening.wish, state), happening.bySignal, state);
    }
  }

  /** Somebody else's writing of the set has made a server move. */
  #isAnothers(entry: LogEntry): boolean {
    return entry.kind === 'moved' && this.#theirImages.has(entry.image);
  }

  #strike(ordinal: number): void {
    this.#struck.add(`${SET.name}-${ordinal}`);
  }

  /** Somebody else writes the set; from then on nobody knows who has moved. */
  #edit(what: 'image' | 'strategy' | 'taken-back'): void {
    const { cluster } = this.#stage;
    const before = structuredClone(cluster.set().raw.spec);
    if (what === 'taken-back' && this.#before === undefined) return;
    for (const name of cluster.set().servers.keys()) this.#struck.add(name);
    const wanted = what === 'taken-back' ? this.#before : undefined;
    this.#before = wanted ? undefined : before;
    cluster.edit('colleague', ({ spec }) => {
      const { containers } = spec.gameServerTemplate.spec;
      const sidecar = containers.find(({ name }) => name === SIDECAR);
      const image = wanted?.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)?.image;
      if (wanted?.updateStrategy) spec.updateStrategy = wanted.updateStrategy;
      else if (what === 'strategy') spec.updateStrategy = { ...spec.updateStrategy, type: 'OnDelete' };
      if (sidecar && image !== undefined) sidecar.image = image;
      else if (sidecar && what === 'image') sidecar.image = OTHER_IMAGE;
      // A person who takes back more than their own edit makes servers move as well.
      if (sidecar && sidecar.image !== NEW_IMAGE) this.#theirImages.add(sidecar.image);
    });
  }

  /** Time passes until the release has gone on, at most so long. */
  async #pass(milliseconds: number, before: ReleaseState): Promise<void> {
    const over = Date.now() + milliseconds;
    await until({ what: 'time', deadlineMs: milliseconds + 30_000, everyMs: 20 }, async () => {
      const { phase, wave } = await this.#release.state();
      return Date.now() >= over || phase !== before.phase || wave !== before.wave;
    });
  }

  #decisionOf(wish: Wish, state: ReleaseState): Omit<DecisionMessage, 'release' | 'channel'> {
    const { verb, actor, then, scope, order, wins, reason, off, ordinal } = wish;
    const wave = Math.max(1, (state.gate?.wave ?? state.wave) + off);
    const what = ordinal % 2 === 0 ? { server: `${SET.name}-${ordinal}` } : { wave };
    const more: Partial<Record<Decision['verb'], Partial<Decision>>> = {
      approve: { wave },
      reject: { wave },
      skip: what,
      cancel: { then },
      supersede: { then, by: 'newer' },
      rollback: { scope, order },
      resume: { wins },
      halt: { until: Date.now() + END_MS },
    };
    this.#sent += 1;
    const given = Object.entries({ ...more[verb], reason }).filter(([, value]) => value !== undefined);
    return { id: `story-${this.#sent}`, verb, actor, ...Object.fromEntries(given) };
  }

  async #decide(
    decision: Omit<DecisionMessage, 'release' | 'channel'>,
    bySignal: boolean,
    before: ReleaseState,
  ): Promise<void> {
    try {
      if (bySignal) await this.#signal(decision);
      else await this.#update(decision, before);
    } catch (error) {
      // A release may end while it is told something; Temporal then says that it is over.
      if (!isFinal((await this.#release.state()).phase)) throw error;
    }
  }

  async #signal(decision: Omit<DecisionMessage, 'release' | 'channel'>): Promise<void> {
    const { accepted, answer } = await this.#release.signal(decision);
    this.#demand(answer !== '', `no answer to ${decision.verb}`);
    if (accepted) this.#quiet = undefined;
  }

  async #update(decision: Omit<DecisionMessage, 'release' | 'channel'>, before: ReleaseState): Promise<void> {
    const { accepted, message } = await this.#release.decide(decision);
    this.#demand(message !== '', `no answer to ${decision.verb}`);
    if (!accepted) return;
    this.#quiet = undefined;
    const after = await this.#release.state();
    const phases = [before, after].flatMap(({ phase }) => (isFinal(phase) ? [] : [phase]));
    const asked = Object.keys({ ...before.requests, ...after.requests }).length > 0 || before.halt !== undefined;
    const isInTable = phases.some((phase) => 'accepts' in VERB_TABLE[decision.verb][phase]);
    // A release that has gone on meanwhile may have been at a gate that nobody here has seen.
    const hasGoneOn = JSON.stringify(waveMarks(before)) !== JSON.stringify(waveMarks(after));
    this.#demand(
      isInTable || asked || hasGoneOn || phases.length < 2,
      `${decision.verb} accepted while ${phases.join(' then ')}`,
    );
  }

  /** As a person would who wants it over: votes, resumes, and at last cancels. */
  async #toTheEnd(): Promise<void> {
    for (let round = 0; ; round += 1) {
      const state = await this.#look();
      if (isFinal(state.phase)) return;
      if (round > 100) throw new Error(`no way to the end: ${why(state)}; ${lastWords(state)}`);
      const verb = this.#wayOn(state, round);
      if (verb) {
        this.#sent += 1;
        await this.#decide({ id: `end-${this.#sent}`, ...verb }, false, state);
      }
      // A message takes its time; after a while it is said again.
      const patience = Date.now() + (verb ? 300 : END_MS);
      const signs = JSON.stringify([state.phase, state.wave, state.requests, state.gate, state.halt]);
      await until({ what: 'the release to go on', deadlineMs: END_MS, everyMs: 30 }, async () => {
        const now = await this.#release.state();
        const isElsewhere = JSON.stringify([now.phase, now.wave, now.requests, now.gate, now.halt]) !== signs;
        return isElsewhere || Date.now() > patience;
      });
    }
  }

  #wayOn(state: ReleaseState, round: number): Omit<DecisionMessage, 'release' | 'channel' | 'id'> | undefined {
    switch (state.phase) {
      case 'halted':
        return { verb: 'unhalt', actor: 'ops' };
      case 'frozen':
        return { verb: 'override-freeze', actor: 'bob', reason: 'to the end' };
      case 'waiting-approval':
        return { verb: 'approve', actor: round % 2 === 0 ? 'bob' : 'cleo', wave: state.gate?.wave ?? 1 };
      case 'paused':
        if (round > 8) return { verb: 'cancel', then: 'hold', actor: 'bob' };
        return state.foreignEdit ? { verb: 'resume', wins: 'edit', actor: 'bob' } : { verb: 'resume', actor: 'bob' };
      default:
        return undefined;
    }
  }

  /** A running engine is made to load the new version once, unless somebody else has done something to it. */
  #demandOnce(): void {
    const { cluster } = this.#stage;
    for (const name of cluster.set().servers.keys()) {
      const times = effectiveReloads(cluster, name, '2.0');
      this.#demand(times <= 1 || this.#struck.has(name), `${name} was made to load 2.0 ${times} times`);
    }
  }

  /** Nobody behind a gate moves before enough of the right people have approved it. */
  #demandGates({ waves, decisions }: ReleaseState): void {
    if (this.#story.onTimeout === 'proceed') return;
    for (const gate of this.#story.gates) {
      const behind = waves.filter(({ number }) => number >= gate);
      const moved = this.#stage.cluster.log.find(
        (entry) =>
          entry.kind === 'moved' &&
          entry.image === NEW_IMAGE &&
          behind.some(({ servers = '' }) => isInRanges(servers, Number(entry.server.slice(SET.name.length + 1)))),
      );
      if (!moved) continue;
      const votes = decisions.filter(
        ({ verb, wave, accepted, actor, at }) =>
          verb === 'approve' && wave === gate && accepted && actor !== 'ann' && at <= moved.at,
      );
      this.#demand(votes.length >= this.#story.approvals, `wave ${gate} moved with ${votes.length} votes`);
    }
  }
}

/** Which waves have begun and ended. */
function waveMarks({ waves }: ReleaseState): readonly string[] {
  return waves.map(({ status }) => status);
}

/** An edit was taken back: now the set can be frozen, so that nobody moves while the release stands still. */
function freezes(entry: LogEntry): boolean {
  return entry.kind === 'patch' && JSON.stringify(entry.patch.changes).includes('"paused":true');
}

function describe(entry: LogEntry): string {
  return JSON.stringify(entry.kind === 'patch' ? entry.patch.changes : entry).slice(0, 300);
}

/** The latest decisions and their answers, for whoever has to understand a story. */
function lastWords({ decisions }: ReleaseState): string {
  const words = decisions.slice(-6).map(({ verb, actor, at, answer }) => `${at} ${actor} ${verb}: ${answer}`);
  return words.join(' | ');
}
