import { basisOf, hasBasis } from '../../release/fleet/basis.ts';
import type { FleetLook } from '../../release/checks/fleet-look.ts';
import { isSamePod } from '../../release/fleet/identity.ts';
import { isSameRun } from '../../release/fleet/run.ts';
import { PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import type { ServerView, UpdateStrategy } from '../../release/fleet/fleet.ts';
import { sameJson } from '../../release/patches/patches.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { imageTag } from '../../release/spec/image-reference.ts';
import { MAIN, SET, SIDECAR, aServer } from '../support/builders.ts';

/** How a server takes the new version badly, and how often before it takes it well. */
export interface Fault {
  readonly at: 'ready' | 'main' | 'content' | 'reload' | 'stale' | 'health';
  readonly times: number;
}

/** Something that really happened to a server. */
export type Happened =
  | {
      readonly kind: 'moved';
      readonly server: string;
      readonly uid: string;
      readonly by: 'template' | 'override';
      /** Somebody else has written the set since the release did. */
      readonly isForeign: boolean;
    }
  | { readonly kind: 'told'; readonly server: string; readonly uid: string; readonly toward: 'new' | 'old' }
  | {
      readonly kind: 'loaded';
      readonly server: string;
      readonly uid: string;
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
  /** The template when Kruise moved it last. */
  template: string;
  image: string;
  override: string | undefined;
  /** Its place in Kruise's order: the highest first. */
  priority: number;
  engine: string;
  sidecar: string;
  loaded: string;
}

/** The state that an earlier release has left a server with. */
export type Left = Pick<SimulatedServer, 'template' | 'image' | 'override' | 'loaded'>;

/** The state that the release found in its set. */
export interface Found {
  /** The image of the template. */
  readonly image: string;
  /** The version of servers that nobody has left with anything else. */
  readonly oldImage: string;
  readonly newImage: string;
  readonly strategy: UpdateStrategy;
  readonly faults: ReadonlyMap<string, Fault>;
  /** By ordinal. */
  readonly left: ReadonlyMap<number, Left>;
}

/** The order in which Kruise updates servers: the highest priority first, then the highest ordinal. */
const byOrder = (left: SimulatedServer, right: SimulatedServer): number =>
  right.priority - left.priority || right.ordinal - left.ordinal;

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
  /** Somebody else has written the set since the release did. */
  isForeign = false;
  readonly #faults: ReadonlyMap<string, Fault>;
  readonly #newImage: string;
  /** The template when all servers had taken it over last. */
  #settled: string;
  #now = 1;
  readonly #struck = new Map<string, number>();

  constructor(size: number, { image, oldImage, newImage, strategy, faults, left }: Found) {
    this.image = image;
    this.#settled = oldImage;
    this.#newImage = newImage;
    this.strategy = strategy;
    this.replicas = size;
    this.#faults = faults;
    for (let ordinal = 0; ordinal < size; ordinal += 1) {
      this.#create(ordinal, oldImage);
      Object.assign(this.servers.get(nameOf(ordinal))!, left.get(ordinal));
    }
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
      priority: 0,
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

  /**
   * Servers that Kruise may move: unless the set is paused or moves by deletion, as many as its quota lets, the first of
   * its order. Those that the template has moved use up the quota first.
   */
  get movable(): readonly SimulatedServer[] {
    const { type, rollingUpdate } = this.strategy;
    if (type !== 'RollingUpdate' || rollingUpdate?.paused === true) return [];
    const waiting = [...this.servers.values()].filter(({ template }) => template !== this.image).sort(byOrder);
    const free = waiting.length - (rollingUpdate?.partition ?? 0);
    return waiting.slice(0, Math.max(0, free));
  }

  /** Kruise takes its turn: whoever may move runs the image of its override or of the template. */
  turn(): void {
    for (const server of this.movable) {
      server.template = this.image;
      if (server.override === undefined) this.#move(server, this.image, 'template');
    }
    if ([...this.servers.values()].every(({ template }) => template === this.image)) this.#settled = this.image;
  }

  /** Somebody gives a server an image of its own, or takes it away: then it keeps what it has. */
  override(name: string, image: string | undefined): void {
    const server = this.servers.get(name);
    if (!server) return;
    server.override = image;
    if (image !== undefined) this.#move(server, image, 'override');
  }

  /** Somebody gives a server another place in Kruise's order. */
  prioritise(name: string, priority: number): void {
    const server = this.servers.get(name);
    if (server) server.priority = priority;
  }

  #move(server: SimulatedServer, image: string, by: 'template' | 'override'): void {
    if (server.image === image) return;
    server.image = image;
    server.sidecar = nextRun(server.sidecar);
    const { uid } = server;
    this.log.push({ kind: 'moved', server: nameOf(server.ordinal), uid, by, isForeign: this.isForeign });
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
    this.servers.delete(name);
    // A GameServer that goes with its pod takes its override and its priority along.
    this.#create(server.ordinal, this.#imageOfNew());
  }

  /** Somebody scales the set. */
  scale(by: number): void {
    this.replicas = Math.max(1, this.replicas + by);
    for (const [name, { ordinal }] of [...this.servers]) if (ordinal >= this.replicas) this.servers.delete(name);
    for (let ordinal = 0; ordinal < this.replicas; ordinal += 1)
      if (!this.servers.has(nameOf(ordinal))) this.#create(ordinal, this.#imageOfNew());
  }

  /** Kruise makes a server with the old template until as many others have that as the partition keeps back. */
  #imageOfNew(): string {
    const { type, rollingUpdate } = this.strategy;
    const partition = type === 'OnDelete' ? 0 : (rollingUpdate?.partition ?? 0);
    const old = [...this.servers.values()].filter(({ template }) => template !== this.image).length;
    return old < partition ? this.#settled : this.image;
  }

  /** Tells the engine of a server to load the files that are there; whether it does is its own affair. */
  tell(name: string, toward: 'new' | 'old'): void {
    const server = this.servers.get(name);
    if (!server) return;
    const { uid } = server;
    this.log.push({ kind: 'told', server: name, uid, toward });
    if (this.strikes(name, 'stale')) return;
    server.loaded = imageTag(server.image);
    this.log.push({ kind: 'loaded', server: name, uid, version: server.loaded, run: `${uid}/${server.engine}` });
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

  /** The servers as a view shows them to whoever works out an order. */
  views(): readonly ServerView[] {
    return [...this.servers.values()].map(({ ordinal, uid, createdAt, template, priority }) => ({
      ...A_SERVER,
      name: nameOf(ordinal),
      ordinal,
      uid,
      createdAt,
      revision: template,
      labels: { ...A_SERVER.labels, [PRIORITY_LABEL]: String(priority) },
    }));
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

const A_SERVER = aServer();

function nextRun(run: string): string {
  return `${Number.parseInt(run, 10) + 1}:${freshId()}`;
}

function plannedOf({ ordinal, uid, engine, sidecar }: SimulatedServer): PlannedServer {
  return { name: nameOf(ordinal), ordinal, uid, containers: { [MAIN]: engine, [SIDECAR]: sidecar } };
}
