import { agreed, counted } from '../../release/spec/counted.ts';
import { why } from '../../release/narrate/narrate.ts';
import type { Plan, PlannedServer } from '../../release/plan/plan.ts';
import { excludedServers, leftOut, revertedServers } from '../../release/progress/groups.ts';
import { isFinal } from '../../release/progress/state.ts';
import { rowOf } from '../../release/progress/table.ts';
import type { Release } from '../../release/progress/table.ts';
import { isReopened } from './findings.ts';
import type { Situation } from './findings.ts';
import type { SimulatedCluster, SimulatedServer } from './simulated-cluster.ts';

type Entry = SimulatedCluster['log'][number];

/** The edits on servers after the last look of the release. */
export interface Struck {
  readonly servers: ReadonlySet<string>;
}

/** The rules that hold in every story: collects what does not. */
export class Demands {
  readonly violations: string[] = [];
  readonly #cluster: SimulatedCluster;
  /** Pods that were there when the release was planned. */
  readonly planned: ReadonlySet<string>;
  /** Entries of the cluster's log that were judged. */
  #judged = 0;

  constructor(cluster: SimulatedCluster) {
    this.#cluster = cluster;
    this.planned = new Set([...cluster.servers.values()].map(({ uid }) => uid));
  }

  /** Demands that something is so; the sentence says that it is not. */
  demand(isRight: boolean, sentence: string): void {
    if (!isRight) this.violations.push(sentence);
  }

  /** Where a release stands now. */
  #at(release: Release): Situation {
    return { release, cluster: this.#cluster, planned: this.planned };
  }

  /** Nobody is moved or told whom the release had no right to move or tell when the step began. */
  rights(release: Release): void {
    const entries = this.#cluster.log.slice(this.#judged);
    this.#judged = this.#cluster.log.length;
    if (entries.length === 0) return;
    const out = { excluded: excludedServers(release), kept: leftOut(release) };
    for (const entry of entries) {
      if (isByHotwave(entry)) this.#mayTouch(release, entry, out);
      if (entry.kind === 'moved' && !entry.isForeign) this.#mayMove(release, entry);
      if (entry.kind === 'loaded') this.#once(release, entry);
    }
  }

  #mayTouch(
    release: Release,
    { kind, server, uid }: Entry,
    { excluded, kept }: { readonly excluded: ReadonlySet<string>; readonly kept: ReadonlySet<string> },
  ): void {
    const { back } = release.progress;
    const { strategy, bystanders } = release.plan;
    if (back?.scope === 'release')
      this.demand(!kept.has(server), `${server} is ${kind} on the way back although it is left out`);
    if (!back) {
      this.demand(!excluded.has(server), `${server} is ${kind} although it is excluded`);
      this.#isBegun(release, server);
    }
    this.demand(strategy !== 'newServersOnly', `${server} is ${kind}, and only new servers are followed`);
    this.demand(!bystanders.some((one) => one.uid === uid), `${server} is ${kind}, and was not chosen`);
  }

  #isBegun({ plan, state }: Release, server: string): void {
    const wave = plan.waves.find(({ servers }) => servers.some(({ name }) => name === server));
    const isBegun = wave === undefined || state.waves[wave.number - 1]?.status !== 'pending';
    const isSkipped = wave !== undefined && state.skippedWaves?.includes(wave.number) === true;
    this.demand(isBegun || isSkipped, `${server} is touched before its wave ${wave?.number ?? ''}`);
  }

  /** The set as the release holds it lets only those move whose turn it is. */
  #mayMove(release: Release, { server, uid, by }: Extract<Entry, { kind: 'moved' }>): void {
    const { plan, progress } = release;
    if (!this.planned.has(uid)) return;
    this.demand(plan.strategy !== 'newServersOnly', `${server} was there before, and is moved all the same`);
    if (plan.strategy === 'rolling' && by === 'template' && !progress.back && !isReopened(this.#at(release)))
      this.#isBegun(release, server);
    const isAdopted = plan.adopted.some((one) => one.uid === uid);
    const isMovedAgain = this.#cluster.log.some((one) => one.kind === 'moved' && one.uid === uid && one.isForeign);
    const mayRestart = progress.back !== undefined || isMovedAgain;
    this.demand(!isAdopted || mayRestart, `${server} is adopted, and its sidecar restarts`);
  }

  /** One run of an engine loads one version at most once by command. */
  #once(release: Release, { server, version, run }: Extract<Entry, { kind: 'loaded' }>): void {
    const loads = this.#cluster.log.filter(
      (entry) => entry.kind === 'loaded' && entry.server === server && entry.version === version && entry.run === run,
    );
    this.demand(loads.length <= 1, `${server} was made to load ${version} ${loads.length} times`);
  }

  /** The numbers that people see add up. */
  counts({ state }: Release): void {
    const clauses = why(state, 0).split(/; |: /);
    const twice = clauses.filter((clause, index) => clause.length > 15 && clauses.indexOf(clause) < index);
    this.demand(twice.length === 0, `it says "${twice.join('" and "')}" twice: ${why(state, 0)}`);
    for (const { number, size, ready, proven, failed } of state.waves) {
      this.demand(ready >= proven, `wave ${number}: ${proven} proven of ${ready} ready`);
      this.demand(
        failed + proven <= size && ready <= size,
        `wave ${number}: ${failed} failed + ${proven} proven of ${size}`,
      );
    }
  }

  /** The end of the release says what the servers run. */
  truth(release: Release, struck: Struck): void {
    const { state, plan, progress } = release;
    this.demand(isFinal(state.phase), `it ended while ${state.phase}`);
    this.demand(state.reason !== '', 'no reason at the end');
    if (plan.strategy === 'newServersOnly') {
      this.#truthOfNewServers(release, struck);
      return;
    }
    if (progress.back?.isNothing) this.demand(this.#cluster.fence === 0, 'it says that nothing was written');
    else if (state.phase === 'rolled-back') this.#everybodyIsBack(release, struck);
    if (state.phase === 'done') this.#everybodyProves(release, struck);
    if (state.phase === 'done' || state.phase === 'rolled-back') this.#prioritiesAreBack(plan);
  }

  #everybodyProves(release: Release, struck: Struck): void {
    const { plan, progress } = release;
    const notProved = new Set(progress.newcomers.notProved.map(({ name }) => name));
    const excluded = excludedServers(release);
    const isExcused = (name: string): boolean => excluded.has(name) || notProved.has(name) || struck.servers.has(name);
    for (const [name, server] of this.#claimed(release))
      if (!isExcused(name)) this.#runs(release, name, server, plan.version);
    for (const { name, uid } of progress.newcomers.proved)
      this.demand(
        struck.servers.has(name) || this.#cluster.servers.get(name)?.uid === uid,
        `it says that ${name} came and proves it, and that is gone: ${release.state.reason}`,
      );
    if (plan.strategy === 'rolling') this.#noOverrides(new Set([...revertedServers(release), ...struck.servers]));
  }

  #everybodyIsBack(release: Release, struck: Struck): void {
    const { plan } = release;
    const out = leftOut(release);
    const adopted = new Map(plan.adopted.map(({ name, uid }) => [name, uid]));
    for (const [name, server] of this.#claimed(release)) {
      if (out.has(name) || struck.servers.has(name)) continue;
      if (adopted.get(name) === server.uid) this.#keeps(release, name, server);
      else if (!adopted.has(name)) this.#runs(release, name, server, plan.previousVersion);
    }
    if (plan.strategy === 'rolling') this.#noOverrides(new Set([...out, ...adopted.keys(), ...struck.servers]));
  }

  /** The servers that the last sentence is about: of chosen ones those that were reached, as long as they are the same. */
  #claimed(release: Release): readonly (readonly [string, SimulatedServer])[] {
    const { plan, state } = release;
    if (plan.strategy === 'rolling') return [...this.#cluster.servers];
    // The acts of others on chosen servers that the release never reached is not its affair.
    const isReached = ({ number }: Plan['waves'][number]): boolean => state.waves[number - 1]?.status !== 'pending';
    const reached = plan.waves.filter(isReached).flatMap(({ servers }) => servers);
    const updated = state.phase === 'done' ? plan.alreadyUpdated : [];
    return [...reached, ...updated].flatMap(({ name }): (readonly [string, SimulatedServer])[] => {
      const live = this.#cluster.servers.get(name);
      // The one that was chosen is said to be gone; another pod has its name now.
      return live && rowOf(release, name).away === undefined ? [[name, live]] : [];
    });
  }

  #runs({ state }: Release, name: string, { loaded }: SimulatedServer, version: string): void {
    this.demand(loaded === version, `${state.phase}: ${name} has loaded ${loaded}: ${state.reason}`);
  }

  /** Servers that an earlier release has given the new image keep it. */
  #keeps({ plan, state }: Release, name: string, { image, override }: SimulatedServer): void {
    const { newImage } = plan.baseline;
    const isKept = image === newImage && override === newImage;
    this.demand(isKept, `${name} keeps ${image}, its override is ${override ?? 'gone'}: ${state.reason}`);
  }

  #noOverrides(but: ReadonlySet<string>): void {
    for (const [name, { override }] of this.#cluster.servers)
      this.demand(override === undefined || but.has(name), `${name} is left with an override of ${override ?? ''}`);
  }

  /** Priorities were only given for the time of the release. */
  #prioritiesAreBack({ priorities }: Plan): void {
    for (const { name, from } of priorities) {
      const live = this.#cluster.servers.get(name);
      const isBack = live === undefined || !this.planned.has(live.uid) || live.priority === Number(from);
      this.demand(isBack, `${name} is left with the priority ${live?.priority ?? ''}`);
    }
  }

  #truthOfNewServers(release: Release, { servers: struck }: Struck): void {
    const { phase } = release.state;
    if (phase === 'done') {
      // The words about the older ones and the new ones are numbers: they are about all of them.
      if (struck.size === 0) this.#newServersAreCounted(release);
      this.#newServersAreNamed(release, struck);
    }
    if (phase === 'rolled-back') this.#newServersAreTakenBack(release, struck);
  }

  #newServersAreCounted({ plan, state, progress }: Release): void {
    const { proved = [] } = progress.newServers ?? {};
    const live = new Map([...this.#cluster.servers.values()].map((server) => [server.uid, server]));
    const proving = proved.filter(({ uid }) => live.get(uid)?.loaded === plan.version).length;
    this.demand(
      state.reason.startsWith(
        `${counted(proving, 'new server')} ${agreed(proving, 'proves', 'prove')} ${plan.version};`,
      ),
      `${proving} new servers prove it: ${state.reason}`,
    );
    const isSame = ({ uid }: PlannedServer): boolean => live.has(uid);
    const older = plan.bystanders.filter(isSame).length;
    this.demand(
      state.reason.includes(`; ${counted(older, 'older server')} stayed`),
      `${older} have stayed: ${state.reason}`,
    );
  }

  /** A server that came is proved, or is known to have failed; once enough are proved nobody is followed any more. */
  #newServersAreNamed({ plan, spec, state, progress }: Release, struck: ReadonlySet<string>): void {
    const { count } = spec.newServers;
    const proved = new Set(progress.newServers?.proved.map(({ uid }) => uid));
    if (count !== undefined && proved.size >= count) return;
    const failed = new Set(state.failures.map(({ server }) => server));
    for (const [name, { uid, image }] of this.#cluster.servers) {
      // A server that was made before the first write stays as it is, like the others.
      if (image !== plan.baseline.newImage) continue;
      const isKnown = this.planned.has(uid) || proved.has(uid) || failed.has(name) || struck.has(name);
      this.demand(isKnown, `${name} came, and nothing is said of it: ${state.reason}`);
    }
  }

  #newServersAreTakenBack(release: Release, struck: ReadonlySet<string>): void {
    const { plan, state, progress } = release;
    const { templateImage, newImage } = plan.baseline;
    const isTold = this.#cluster.image === templateImage || this.#cluster.isForeign;
    this.demand(isTold, `new servers still get ${this.#cluster.image}: ${state.reason}`);
    // Where both are the same nobody stays on anything.
    if (templateImage === newImage) return;
    const proved = new Set(progress.newServers?.proved.map(({ uid }) => uid));
    for (const [name, server] of this.#cluster.servers) {
      const { uid, image } = server;
      if (this.planned.has(uid) || image !== newImage || struck.has(name)) continue;
      const isNamed = proved.has(uid) || new RegExp(`\\b${name}\\b`).test(state.reason);
      this.demand(isNamed, `${name} stays on ${image}, and nothing is said of it: ${state.reason}`);
    }
  }
}

function isByHotwave(entry: Entry): boolean {
  return entry.kind === 'told' || (entry.kind === 'moved' && entry.by === 'override');
}
