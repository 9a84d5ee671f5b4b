import { basisOf, hasBasis } from '../../release/fleet/basis.ts';
import type { FleetLook } from '../../release/checks/fleet-look.ts';
import { isSamePod } from '../../release/fleet/identity.ts';
import { isSameRun } from '../../release/fleet/run.ts';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import { sameJson } from '../../release/patches/patches.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { imageTag } from '../../release/spec/spec.ts';
import { MAIN, SET, SIDECAR } from '../support/builders.ts';

/** How a server takes the new version badly, and how often before it takes it well. */
export interface Fault {
  readonly at: 'ready' | 'main' | 'content' | 'reload' | 'stale' | 'health';
  readonly times: number;
}

/** Something that really happened to a server. */
export type Happened =
  | { readonly kind: 'moved'; readonly server: string; readonly by: 'template' | 'override' }
  | { readonly kind: 'told'; readonly server: string; readonly toward: 'new' | 'old' }
  | {
      readonly kind: 'loaded';
      readonly server: string;
      readonly version: string;
      /** Which run of which engine: a reload by one run is one that players notice. */
      readonly run: string;
    };

let ids = 0;

/** An id that no other thing has, twelve hexadecimal digits. */
function freshId(): string {
  ids += 1;
  return ids.toString(16).padStart(12, '0');
}

/** A game server that is only a value: a pod, an engine and a sidecar. */
export interface SimulatedServer {
  readonly ordinal: number;
  /** 1 for those that were there when the release was planned. */
  readonly createdAt: number;
  readonly uid: string;
  /** What the template said when Kruise moved it last. */
  template: string;
  image: string;
  override: string | undefined;
  engine: string;
  sidecar: string;
  loaded: string;
}

/** What the release found in its set. */
export interface Found {
  readonly image: string;
  readonly newImage: string;
  readonly strategy: UpdateStrategy;
  readonly faults: ReadonlyMap<string, Fault>;
}

/** The order in which Kruise updates servers: the highest ordinal first. */
const byOrder = (left: SimulatedServer, right: SimulatedServer): number => right.ordinal - left.ordinal;

/** The name of a server of the set. */
export function nameOf(ordinal: number): string {
  return `${SET.name}-${ordinal}`;
}

/** A cluster that is only a value, and that keeps a log of what really happened to its servers. */
export class SimulatedCluster {
  readonly servers = new Map<string, SimulatedServer>();
  readonly log: Happened[] = [];
  image: string;
  strategy: UpdateStrategy;
  replicas: number;
  /** The number that the last write of a release has left on the set. */
  fence = 0;
  readonly #faults: ReadonlyMap<string, Fault>;
  readonly #newImage: string;
  #now = 1;
  readonly #struck = new Map<string, number>();

  constructor(size: number, { image, newImage, strategy, faults }: Found) {
    this.image = image;
    this.#newImage = newImage;
    this.strategy = strategy;
    this.replicas = size;
    this.#faults = faults;
    for (let ordinal = 0; ordinal < size; ordinal += 1) this.#create(ordinal, image);
    this.#now = 2;
  }

  #create(ordinal: number, image: string): void {
    this.servers.set(nameOf(ordinal), {
      ordinal,
      createdAt: this.#now,
      uid: freshId(),
      template: image,
      image,
      override: undefined,
      engine: `0:${freshId()}`,
      sidecar: `0:${freshId()}`,
      loaded: imageTag(image),
    });
  }

  /** The server as a plan knows it. */
  planned(name: string): PlannedServer | undefined {
    const server = this.servers.get(name);
    return server && plannedOf(server);
  }

  /** A fault strikes only who takes the new version, and only so often. */
  strikes(name: string, at: Fault['at']): boolean {
    const fault = this.#faults.get(name);
    if (fault?.at !== at || this.servers.get(name)?.image !== this.#newImage) return false;
    const struck = this.#struck.get(name) ?? 0;
    this.#struck.set(name, struck + 1);
    return struck < fault.times;
  }

  /** Servers that Kruise may move: those at the front of its order, unless the set is paused or moves by deletion. */
  get movable(): readonly SimulatedServer[] {
    const { type, rollingUpdate } = this.strategy;
    if (type !== 'RollingUpdate' || rollingUpdate?.paused === true) return [];
    const partition = rollingUpdate?.partition ?? 0;
    return [...this.servers.values()].sort(byOrder).slice(0, Math.max(0, this.servers.size - partition));
  }

  /** Kruise takes its turn: whoever may move runs the image of its override or of the template. */
  turn(): void {
    for (const server of this.movable) {
      if (server.template === this.image) continue;
      server.template = this.image;
      if (server.override === undefined) this.#move(server, this.image, 'template');
    }
  }

  /** Somebody gives a server an image of its own, or takes it away: then it keeps what it has. */
  override(name: string, image: string | undefined): void {
    const server = this.servers.get(name);
    if (!server) return;
    server.override = image;
    if (image !== undefined) this.#move(server, image, 'override');
  }

  #move(server: SimulatedServer, image: string, by: 'template' | 'override'): void {
    if (server.image === image) return;
    server.image = image;
    server.sidecar = nextRun(server.sidecar);
    this.log.push({ kind: 'moved', server: nameOf(server.ordinal), by });
    if (this.strikes(nameOf(server.ordinal), 'main')) this.restart(nameOf(server.ordinal));
  }

  /** The engine of a server restarts in its pod: it loads the files that are there. */
  restart(name: string): void {
    const server = this.servers.get(name);
    if (!server) return;
    server.engine = nextRun(server.engine);
    server.loaded = imageTag(server.image);
  }

  /** The sidecar of a server restarts in its pod. */
  restartSidecar(name: string): void {
    const server = this.servers.get(name);
    if (server) server.sidecar = nextRun(server.sidecar);
  }

  /** Somebody deletes a pod, and Kruise makes it anew. */
  recreate(name: string): void {
    const server = this.servers.get(name);
    if (!server) return;
    const { ordinal, template } = server;
    // A GameServer that goes with its pod takes its override along.
    this.#create(ordinal, this.movable.includes(server) ? this.image : template);
  }

  /** Somebody scales the set. */
  scale(by: number): void {
    this.replicas = Math.max(1, this.replicas + by);
    for (const [name, { ordinal }] of [...this.servers]) if (ordinal >= this.replicas) this.servers.delete(name);
    const partition = this.strategy.rollingUpdate?.partition ?? 0;
    for (let ordinal = 0; ordinal < this.replicas; ordinal += 1)
      if (!this.servers.has(nameOf(ordinal))) this.#create(ordinal, partition > ordinal ? this.#oldest() : this.image);
  }

  #oldest(): string {
    return [...this.servers.values()][0]?.template ?? this.image;
  }

  /** Tells the engine of a server to load the files that are there; whether it does is its own affair. */
  tell(name: string, toward: 'new' | 'old'): void {
    const server = this.servers.get(name);
    if (!server) return;
    this.log.push({ kind: 'told', server: name, toward });
    if (this.strikes(name, 'stale')) return;
    server.loaded = imageTag(server.image);
    this.log.push({ kind: 'loaded', server: name, version: server.loaded, run: `${server.uid}/${server.engine}` });
  }

  /** Whether a set has been left as somebody expects it. */
  is(image: string, strategy: UpdateStrategy): boolean {
    return this.image === image && sameJson(this.strategy, strategy);
  }

  /** A look at the fleet: who is missing, and who is not as expected. */
  look(expected: ReadonlyMap<string, string>): FleetLook {
    const missing: string[] = [];
    const changed: FleetLook['changed'][number][] = [];
    for (const [name, basis] of expected) {
      const live = this.servers.get(name);
      if (!live) {
        missing.push(name);
        continue;
      }
      const server = plannedOf(live);
      if (!hasBasis(server, live.image, basis))
        changed.push({ server, image: live.image, basis: basisOf(server, live.image), deleting: false });
    }
    return { missing, changed, more: 0 };
  }

  /** Why a server is not the one that was planned any more; undefined while it is. */
  odd(planned: PlannedServer, toward: 'new' | 'old'): 'missing' | 'recreated' | 'mainContainerRestarted' | undefined {
    const live = this.servers.get(planned.name);
    if (!live) return 'missing';
    if (toward === 'old') return undefined;
    if (!isSamePod(planned, live)) return 'recreated';
    return isSameRun(planned.containers[MAIN] ?? '', live.engine) ? undefined : 'mainContainerRestarted';
  }
}

function nextRun(run: string): string {
  return `${Number.parseInt(run, 10) + 1}:${freshId()}`;
}

function plannedOf({ ordinal, uid, engine, sidecar }: SimulatedServer): PlannedServer {
  return { name: nameOf(ordinal), ordinal, uid, containers: { [MAIN]: engine, [SIDECAR]: sidecar } };
}
