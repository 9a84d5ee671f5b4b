import type { ServerFailure } from '../../release/checks/server.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import { basisOf } from '../../release/fleet/basis.ts';
import { isNewcomer, isUnsettled } from '../../release/fleet/newcomers.ts';
import { NO_RUN, isSameRun } from '../../release/fleet/run.ts';
import { controlledStrategy } from '../../release/patches/patches.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { expectedBases, isAboutAll } from '../../release/progress/apply-look.ts';
import type { Event } from '../../release/progress/events.ts';
import { asAccepted, awaitedRevision, failFast, knownOnes, presentOnes } from '../../release/progress/groups.ts';
import type { Step } from '../../release/progress/step.ts';
import type { Checked } from '../../release/progress/steps.ts';
import { placesOf, rowOf } from '../../release/progress/table.ts';
import type { Release } from '../../release/progress/table.ts';
import { SIDECAR } from '../support/builders.ts';
import type { Fault, SimulatedCluster, SimulatedServer } from './simulated-cluster.ts';
import { Writing } from './writing.ts';

/** A step of one kind. */
type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** A step over servers. */
type ServerStep = StepOf<'move' | 'files' | 'reload' | 'prove' | 'health' | 'bake'>;

type Failure = Omit<ServerFailure, 'server'> | undefined;

/** How a step goes on. */
export interface Course {
  readonly now: number;
  /** Half of the step is done: true when a decision ends it here. */
  readonly midway: () => boolean;
}

/** Does the steps of a release on a simulated cluster, and answers as its performers and activities would. */
export class Performing {
  readonly #cluster: SimulatedCluster;
  readonly #writing: Writing;
  /** Servers have players until then. */
  readonly #busyUntil: number;
  #freezes: number;

  constructor(
    cluster: SimulatedCluster,
    { busyUntil, freezes }: { readonly busyUntil: number; readonly freezes: number },
  ) {
    this.#cluster = cluster;
    this.#writing = new Writing(cluster);
    this.#busyUntil = busyUntil;
    this.#freezes = freezes;
  }

  /** The result of a step; undefined when it was cut short and says nothing. */
  perform(release: Release, step: Step, course: Course): readonly Event[] | undefined {
    switch (step.kind) {
      case 'move':
      case 'files':
      case 'reload':
      case 'prove':
      case 'health':
      case 'bake':
        return this.#check(release, step, course);
      case 'stage':
      case 'open':
      case 'controls':
      case 'putBack':
      case 'takeBack':
      case 'reassert':
      case 'recordEnd':
      case 'recordLeft':
        course.midway();
        return this.#writing.write(release, step);
      default:
        return course.midway() ? undefined : this.#ask(release, step, course.now);
    }
  }

  #check(release: Release, step: ServerStep, course: Course): readonly Event[] | undefined {
    const toward = 'toward' in step ? step.toward : 'new';
    const failures: ServerFailure[] = [];
    const told: string[] = [];
    const bases = new Map<string, string>();
    const limit = step.kind === 'move' && toward === 'new' ? failFast(release, step.servers) : Infinity;
    const half = Math.floor(step.servers.length / 2);
    let passed = 0;
    let isInterrupted = false;
    for (const [index, server] of step.servers.entries()) {
      const { name } = server;
      if (index === half && course.midway()) isInterrupted = true;
      if (isInterrupted || failures.length > limit) break;
      const failure = this.#one(release, step, server, told);
      if (failure) failures.push({ server: name, ...failure });
      else {
        passed += 1;
        const live = this.#cluster.servers.get(name);
        const planned = this.#cluster.planned(name);
        if (step.kind === 'prove' && live && planned) bases.set(name, basisOf(planned, live.image));
      }
    }
    if (isInterrupted && step.kind !== 'reload' && !(step.kind === 'move' && step.means === 'override'))
      return undefined;
    return [
      {
        kind: 'checked',
        what: step.kind satisfies Checked,
        toward,
        servers: step.servers.map(({ name }) => name),
        report: stepReport(passed, failures),
        ...(step.kind === 'move' ? { means: step.means } : {}),
        ...(step.kind === 'prove' ? { bases: Object.fromEntries(bases), kept: step.kept } : {}),
        ...(step.kind === 'reload' ? { told, kept: step.kept } : {}),
        isInterrupted,
      },
    ];
  }

  #one(release: Release, step: ServerStep, server: PlannedServer, told: string[]): Failure {
    const toward = 'toward' in step ? step.toward : 'new';
    const { name } = server;
    const planned = asAccepted(release, server);
    if (step.kind === 'move') return this.#move(release, step, planned);
    const odd = this.#cluster.odd(planned, toward);
    // A probe asks the pod that was planned; whether its engine has restarted shows at a look.
    if (odd === 'missing' || odd === 'recreated') return { class: odd, reason: `${name} is ${odd}` };
    switch (step.kind) {
      case 'files':
        return this.#fault(name, 'content', 'content');
      case 'reload':
        return this.#reload(release, step, name, told);
      case 'prove': {
        const { version, previousVersion } = release.plan;
        const wanted = toward === 'new' ? version : previousVersion;
        const loaded = this.#cluster.servers.get(name)?.loaded;
        return loaded === wanted ? undefined : { class: 'version', reason: `${name} proves ${loaded ?? ''}` };
      }
      default:
        return release.spec.health.length > 0 ? this.#fault(name, 'health', 'health') : undefined;
    }
  }

  #fault(name: string, at: Fault['at'], kind: ServerFailure['class']): Failure {
    return this.#cluster.strikes(name, at) ? { class: kind, reason: `${name} has a fault at ${at}` } : undefined;
  }

  #move(release: Release, step: StepOf<'move'>, planned: PlannedServer): Failure {
    const { baseline } = release.plan;
    const { name } = planned;
    const image = step.image ?? (step.toward === 'new' ? baseline.newImage : baseline.oldImage);
    if (step.means === 'override') this.#cluster.override(name, image);
    else this.#cluster.turn();
    const odd = this.#cluster.odd(planned, step.toward);
    if (odd !== undefined) return { class: odd, reason: `${name} is ${odd}` };
    const live = this.#cluster.servers.get(name);
    const revision = awaitedRevision(release, step.servers);
    // By the template it moves to the revision of that; an override changes no revision.
    const isTaken =
      step.means === 'override' || revision === undefined || revision === '' || live?.template === revision;
    const isThere = live?.image === image && isTaken;
    const hasRestarted = !isSameRun(planned.containers[SIDECAR] ?? NO_RUN, live?.sidecar ?? '');
    if (step.means === 'adopt' && hasRestarted)
      return { class: 'mainContainerRestarted', reason: `a container of ${name} restarted` };
    const isMoved = step.toward === 'old' || step.means === 'adopt' || hasRestarted;
    const outgoing = rowOf(release, name).outgoing;
    const isStill = step.toward === 'old' && outgoing !== undefined && outgoing === live?.sidecar;
    if (!isThere || !isMoved || isStill) return { class: 'notReady', reason: `${name} does not run ${image}` };
    return this.#fault(name, 'ready', 'notReady');
  }

  #reload(release: Release, step: StepOf<'reload'>, name: string, told: string[]): Failure {
    const { version, previousVersion } = release.plan;
    const wanted = step.toward === 'new' ? version : previousVersion;
    const isInDoubt = step.kept === true || rowOf(release, name).mayHaveLoaded === true;
    if (isInDoubt && this.#cluster.servers.get(name)?.loaded === wanted) return undefined;
    const { newImage, oldImage } = release.plan.baseline;
    const image = this.#cluster.servers.get(name)?.image;
    if (image !== (step.toward === 'new' ? newImage : oldImage))
      return { class: 'content', reason: `${name} is asked to run ${image ?? ''}` };
    told.push(name);
    if (this.#cluster.strikes(name, 'reload')) return { class: 'reload', reason: `${name} refuses to reload` };
    this.#cluster.tell(name, step.toward);
    return undefined;
  }

  #ask(release: Release, step: Step, now: number): readonly Event[] {
    const { plan, state, progress } = release;
    switch (step.kind) {
      case 'calendar': {
        this.#freezes -= 1;
        if (this.#freezes >= 0)
          return [{ kind: 'calendarFrozen', window: 'finale', keys: ['k'], until: now + 60_000, ends: 'soon' }];
        const next = plan.waves.find(({ number }) => state.waves[number - 1]?.status === 'pending');
        return [{ kind: 'calendarOpen', wave: progress.isStaged ? (next?.number ?? 0) : 0 }];
      }
      case 'checkTemplate':
        return [this.#template(release, step)];
      case 'admit': {
        const isBusy = Math.max(now, step.until) < this.#busyUntil;
        const names = step.servers.map(({ name }) => name);
        return [{ kind: 'admitted', busy: isBusy ? names : [], of: names, until: step.until }];
      }
      case 'look': {
        const { purpose, wave } = step;
        // Whom nobody waited for may have moved by now.
        this.#cluster.turn();
        const came = isAboutAll(release, purpose) ? { came: this.#unsettled(release).length } : {};
        const look = { ...this.#cluster.look(expectedBases(release, purpose)), ...came };
        return [{ kind: 'looked', purpose, wave, look }];
      }
      case 'whereabouts': {
        const places = placesOf(plan);
        const here = (name: string): boolean => this.#cluster.servers.has(name);
        const recreated = step.names.filter(
          (name) => here(name) && this.#cluster.servers.get(name)?.uid !== places.get(name)?.server.uid,
        );
        return [{ kind: 'whereabouts', gone: step.names.filter((name) => !here(name)), recreated }];
      }
      case 'newcomers':
        return [this.#newcomers(release)];
      case 'snapshot':
        return [this.#snapshot(release, step)];
      case 'overrides':
        for (const name of step.servers) this.#cluster.override(name, step.image);
        return [{ kind: 'overridesSettled', after: step.after }];
      case 'noteStuck':
        return [{ kind: 'stuckNoted' }];
      case 'priorities':
        for (const { name, from, to } of step.changes)
          this.#cluster.prioritise(name, Number(step.direction === 'assign' ? to : from));
        return [{ kind: 'prioritiesChanged', direction: step.direction }];
      case 'follow':
        return this.#follow(release);
      default:
        return [];
    }
  }

  #template({ plan, progress }: Release, { before, wave }: StepOf<'checkTemplate'>): Event {
    const { baseline, strategy } = plan;
    const { hold } = progress.set;
    const isSame =
      strategy === 'rolling' && hold
        ? this.#cluster.is(baseline.newImage, controlledStrategy(baseline, hold))
        : this.#cluster.image === baseline.templateImage;
    return { kind: 'templateChecked', before, wave, ...(isSame ? {} : { changed: 'somebody changed the set' }) };
  }

  #newcomers(release: Release): Event {
    const { plan } = release;
    const came = this.#unsettled(release);
    const servers = came.flatMap(([name]) => this.#cluster.planned(name) ?? []);
    const old = came.filter(([, { image }]) => image !== plan.baseline.newImage).map(([name]) => name);
    return { kind: 'newcomersFound', servers, old, notServing: [] };
  }

  /** The new servers since the last look. */
  #follow(release: Release): readonly Event[] {
    const { plan, progress } = release;
    const known = new Map(plan.bystanders.map((server) => [server.uid, asAccepted(release, server)]));
    const settled = new Set(progress.newServers?.settled);
    const failures: ServerFailure[] = [];
    const proved: { readonly name: string; readonly uid: string }[] = [];
    const news: string[] = [];
    this.#cluster.turn();
    for (const [name, { uid, image, sidecar }] of this.#cluster.servers) {
      const older = known.get(uid);
      if (image !== plan.baseline.newImage || settled.has(uid)) continue;
      if (older) {
        if (!isSameRun(older.containers[SIDECAR] ?? NO_RUN, sidecar))
          failures.push({ server: name, class: 'moved', reason: `${name} moved` });
        continue;
      }
      const failure = this.#newServer(plan, name);
      news.push(uid);
      if (failure) failures.push({ server: name, ...failure });
      else proved.push({ name, uid });
    }
    const live = new Set([...this.#cluster.servers.values()].map(({ uid }) => uid));
    const gone = [...known.keys(), ...settled].filter((uid) => !live.has(uid));
    return [{ kind: 'newServersSeen', report: stepReport(proved.length, failures), proved, settled: news, gone }];
  }

  /** It is given its whole time; then it proves the version or has failed. */
  #newServer({ baseline, version }: Release['plan'], name: string): Failure {
    const { image, loaded } = this.#cluster.servers.get(name)!;
    if (image !== baseline.newImage) return { class: 'notReady', reason: `${name} runs ${image}` };
    const unready = this.#fault(name, 'ready', 'notReady');
    if (unready) return unready;
    const stale = this.#fault(name, 'stale', 'version');
    return loaded === version ? stale : { class: 'version', reason: `${name} proves ${loaded}` };
  }

  #unsettled(release: Release): readonly (readonly [string, SimulatedServer])[] {
    const isNew = isUnsettled(knownOnes(release));
    return [...this.#cluster.servers.entries()].filter(([, server]) => isNew(server));
  }

  #snapshot(release: Release, { servers, isSweep }: StepOf<'snapshot'>): Event {
    const { oldImage } = release.plan.baseline;
    const outgoing: Record<string, string> = {};
    const touched: string[] = [];
    const gone: string[] = [];
    for (const { name, containers } of servers) {
      const live = this.#cluster.servers.get(name);
      if (!live) gone.push(name);
      else if (live.image !== oldImage) outgoing[name] = live.sidecar;
      if (live && (live.image !== oldImage || !isSameRun(containers[SIDECAR] ?? NO_RUN, live.sidecar)))
        touched.push(name);
    }
    const reached = new Set(servers.map(({ name }) => name));
    const came = [...this.#cluster.servers.entries()].filter(
      ([name, server]) => !reached.has(name) && isNewcomer(server, presentOnes(release)),
    );
    const known = new Set(isSweep === true ? knownOnes(release).settled : []);
    const newcomers: PlannedServer[] = [];
    for (const [name, { sidecar, image, uid }] of came) {
      const planned = this.#cluster.planned(name);
      if (!planned || known.has(uid) || (image === oldImage && isSweep !== true)) continue;
      const isOld = image === oldImage;
      newcomers.push(isOld ? planned : { ...planned, containers: { ...planned.containers, [SIDECAR]: NO_RUN } });
      if (isOld) continue;
      outgoing[name] = sidecar;
      touched.push(name);
    }
    return { kind: 'snapshot', outgoing, touched, newcomers, notServing: [], gone };
  }
}
