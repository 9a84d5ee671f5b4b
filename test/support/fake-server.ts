import { OPS_STATE_LABEL, OWNER_LABEL, PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import type { ContainerStatus, ServerView, ServiceQuality } from '../../release/fleet/fleet.ts';
import type { Clock } from './clock.ts';
import { containerIdOf, imageIdOf, uidOf } from './builders.ts';
import type { FakeContainer, Mutable, PodEvents, RestartWishes, WhyLoaded } from './fake-pod.ts';

/** The failures of a server that gets an image; the same words as in the fleet lab. */
export const FAILURES = [
  /** The image cannot be pulled: waiting ImagePullBackOff, the old image id stays. */
  'badpull',
  /** The container ends at once, again and again. */
  'crash',
  /** Runs, but its readiness probe never passes. */
  'neverready',
  /** All containers of the pod restart with it. */
  'mainrestart',
  /** The engine's reload command fails. */
  'reloadfails',
  /** The reload command succeeds, but the engine keeps the old version. */
  'stale',
  /** The engine is sick as soon as it has loaded the version. */
  'unhealthy',
] as const;

/** One of FAILURES. */
export type Failure = (typeof FAILURES)[number];

/** The tag of an image: the version of the files that it carries. */
export function tagOf(image: string): string {
  return image.slice(image.lastIndexOf(':') + 1);
}

let podsMade = 0;

/** A simulated pod with a game engine in it. Change it through the methods, or call `touch()` afterwards. */
export class FakeServer {
  readonly name: string;
  readonly ordinal: number;
  readonly uid: string;
  readonly createdAt: number;
  /** Address of the engine; the same for a pod that comes back under its name. */
  readonly ip: string;
  readonly containers: FakeContainer[];
  readonly labels: Record<string, string>;
  readonly conditions: Record<string, string> = {
    Initialized: 'True',
    InPlaceUpdateReady: 'True',
    ContainersReady: 'True',
    Ready: 'True',
  };
  revision: string;
  lifecycle = 'Normal';
  inPlace: ServerView['inPlace'];
  inGrace = false;
  deleting = false;
  phase = 'Running';
  syncToken = '';
  /** The version of the files in the shared folder, and the version that the engine has loaded. */
  readonly engine: { files: string; loaded: string };
  /** The log lines of containers in their present run, with the clock's time. */
  readonly log: { readonly at: number; readonly container: string; readonly line: string }[] = [];
  /** Results of the set's service qualities, as OpenKruise would write them. Call `touch()` after a change. */
  readonly serviceQualities: Record<string, ServiceQuality> = {};
  readonly #hotContainer: string;
  /** The images that the pod was made with: they never fail. */
  readonly firstImages: ReadonlySet<string>;
  /** The container with the engine. */
  readonly main: FakeContainer;
  /** Its containers run, or have run. */
  isStarted = true;
  /** A pod that is not started shows its containers as being created, or none yet. */
  #isBeingCreated = false;
  #onStart: (() => void)[] = [];
  #view: ServerView | undefined;
  readonly #ports: Readonly<Record<string, number>>;
  readonly #clock: Clock;
  readonly #events: PodEvents;

  constructor(
    made: {
      readonly set: string;
      readonly ordinal: number;
      readonly revision: string;
      readonly containers: readonly { readonly name: string; readonly image: string }[];
      readonly hotContainer: string;
      /** Its ports that have a name. Default none. */
      readonly ports?: Readonly<Record<string, number>>;
      readonly subnet: number;
      readonly clock: Clock;
      /** False: nothing runs before `start()`. */
      readonly isStarted: boolean;
    },
    events: PodEvents,
  ) {
    this.#clock = made.clock;
    this.#ports = made.ports ?? {};
    this.#events = events;
    podsMade += 1;
    this.name = `${made.set}-${made.ordinal}`;
    this.ordinal = made.ordinal;
    this.uid = uidOf(`${this.name}/${podsMade}`);
    this.createdAt = made.clock.now();
    this.ip = `10.${made.subnet}.${Math.floor(made.ordinal / 250)}.${(made.ordinal % 250) + 1}`;
    this.revision = made.revision;
    this.labels = { [OWNER_LABEL]: made.set, [OPS_STATE_LABEL]: 'None', [PRIORITY_LABEL]: '0' };
    this.containers = made.containers.map(({ name, image }) => ({
      name,
      image,
      status: this.#running(name, image, 0),
      restarts: 0,
    }));
    this.main = this.containers.find(({ name }) => name !== made.hotContainer) ?? this.containers[0]!;
    this.firstImages = new Set(made.containers.map(({ image }) => image));
    this.#hotContainer = made.hotContainer;
    const version = tagOf(made.containers.find(({ name }) => name === made.hotContainer)?.image ?? '');
    this.engine = { files: version, loaded: version };
    if (made.isStarted) this.#sayLoaded();
    else this.#waitForStart();
  }

  /** As Kruise v1.8.0 counts: Running, Ready and in no update. */
  get available(): boolean {
    const settled = this.lifecycle === '' || this.lifecycle === 'Normal';
    return this.phase === 'Running' && this.conditions['Ready'] === 'True' && !this.deleting && settled;
  }

  /** The container of that name, or undefined. */
  container(name: string): FakeContainer | undefined {
    return this.containers.find((container) => container.name === name);
  }

  /** Starts a container anew: at once, even when the status shows it later. */
  restart(container: FakeContainer, wishes: RestartWishes = {}): void {
    const { image = container.image, ready = true, shownAfterMs = 0 } = wishes;
    const left = this.log.filter((entry) => entry.container !== container.name);
    this.log.splice(0, this.log.length, ...left);
    container.restarts += 1;
    const { restarts } = container;
    const status = { ...this.#running(container.name, image, restarts), ready };
    this.#events.restarted(container);
    const show = (): void => {
      if (this.deleting || container.restarts !== restarts) return;
      container.status = status;
      this.refresh();
    };
    if (shownAfterMs === 0) show();
    else this.#clock.after(shownAfterMs, show);
  }

  /** The engine loads the files that are there and says so in its log. */
  load(why: WhyLoaded = 'reload', files = this.engine.files): void {
    this.engine.loaded = files;
    this.#sayLoaded();
    this.#events.loaded(this.engine.loaded, why);
  }

  /** The node has taken a new pod in: its containers are being created. */
  create(): void {
    if (this.isStarted) return;
    this.#isBeingCreated = true;
    this.touch();
  }

  /** The containers of a new pod start for the first time, with the images that the spec asks for now. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.phase = 'Running';
    for (const container of this.containers)
      container.status = this.#running(container.name, container.image, container.restarts);
    const hot = this.containers.find(({ name }) => name === this.#hotContainer);
    if (hot) this.engine.files = tagOf(hot.image);
    this.load('start');
    this.refresh();
    for (const run of this.#onStart.splice(0)) run();
  }

  /** Runs something when the containers have started; at once when they have. */
  whenStarted(run: () => void): void {
    if (this.isStarted) run();
    else this.#onStart.push(run);
  }

  /** The container waits: its image cannot be had, or it keeps crashing. */
  wait(container: FakeContainer, reason: string, message: string): void {
    container.status = { ...container.status, ready: false, state: 'waiting', reason, message };
    this.refresh();
  }

  /** Derives the readiness conditions as a kubelet does. */
  refresh(): void {
    const ready = this.containers.every(({ status }) => status.state === 'running' && status.ready);
    this.conditions['ContainersReady'] = ready ? 'True' : 'False';
    this.conditions['Ready'] = ready && this.conditions['InPlaceUpdateReady'] === 'True' ? 'True' : 'False';
    this.touch();
  }

  /** Says that something has changed. */
  touch(): void {
    this.#view = undefined;
    this.#events.changed();
  }

  /** The pod as the port shows it; the same object until something changes. */
  view(): ServerView {
    this.#view ??= {
      name: this.name,
      ordinal: this.ordinal,
      uid: this.uid,
      createdAt: this.createdAt,
      node: `node-${this.ordinal % 3}`,
      // A pod has no address before its sandbox is made.
      ip: this.isStarted ? this.ip : '',
      ...(Object.keys(this.#ports).length > 0 ? { ports: this.#ports } : {}),
      phase: this.phase,
      deleting: this.deleting,
      labels: { ...this.labels },
      containers: this.containers.map(({ name, image, status }) => ({
        name,
        image,
        ...(this.isStarted || this.#isBeingCreated ? { status: { ...status } } : {}),
      })),
      conditions: { ...this.conditions },
      ...(Object.keys(this.serviceQualities).length > 0 ? { serviceQualities: { ...this.serviceQualities } } : {}),
      readinessGates: ['InPlaceUpdateReady'],
      revision: this.revision,
      lifecycle: this.lifecycle,
      ...(this.inPlace ? { inPlace: this.inPlace } : {}),
      inGrace: this.inGrace,
      syncToken: this.syncToken,
    };
    return this.#view;
  }

  #sayLoaded(): void {
    const line = `${this.name} hot-reload loaded=${this.engine.loaded}`;
    this.log.push({ at: this.#clock.now(), container: this.main.name, line });
  }

  #waitForStart(): void {
    this.isStarted = false;
    this.phase = 'Pending';
    this.engine.loaded = '';
    for (const container of this.containers) {
      const { image } = container;
      const reason = 'ContainerCreating';
      container.status = {
        image,
        imageId: '',
        containerId: '',
        restartCount: 0,
        ready: false,
        state: 'waiting',
        reason,
      };
    }
    this.conditions['ContainersReady'] = 'False';
    this.conditions['Ready'] = 'False';
  }

  #running(name: string, image: string, restartCount: number): Mutable<ContainerStatus> {
    return {
      image,
      imageId: imageIdOf(image),
      containerId: containerIdOf(`${this.name}/${this.uid}`, name, restartCount),
      restartCount,
      ready: true,
      state: 'running',
      startedAt: Math.floor(this.#clock.now() / 1000) * 1000,
    };
  }
}
