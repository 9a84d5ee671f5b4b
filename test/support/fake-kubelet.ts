import type { Clock } from './clock.ts';
import { valueFor } from './fake-engine-model.ts';
import type { FakeEngineModel } from './fake-engine-model.ts';
import { FAILURES, tagOf } from './fake-server.ts';
import type { FakeContainer } from './fake-pod.ts';
import type { FakeServer, Failure } from './fake-server.ts';
import type { FakeTimings } from './fake-set-model.ts';

/** The failures: by server name, or worked out from server name and image. */
export type Failures = Readonly<Record<string, Failure>> | ((server: string, image: string) => Failure | undefined);

/** The facts that the simulated nodes need. */
export interface KubeletOptions {
  readonly clock: Clock;
  readonly timings: FakeTimings;
  readonly failures: Failures;
  /** The container whose image carries the hot files. */
  readonly hotContainer: string;
  readonly engine: FakeEngineModel;
}

/** How often a crashing container is seen to come back. */
const CRASHES = 3;
/** How often, and how long apart, a pull that failed is tried again. */
const PULLS = 60;
const PULL_AGAIN_MS = 250;

/** Plays the kubelets: makes what runs follow what the pods ask for, and fails where the test wants it. */
export class FakeKubelet {
  readonly #options: KubeletOptions;

  constructor(options: KubeletOptions) {
    this.#options = options;
  }

  /** The failures with this image on this server. A word in the tag is enough, such as `2.0-crash`. */
  failureOf(server: FakeServer, image: string): Failure | undefined {
    const { failures } = this.#options;
    if (server.firstImages.has(image)) return undefined;
    const wanted = typeof failures === 'function' ? failures(server.name, image) : failures[server.name];
    return wanted ?? FAILURES.find((failure) => tagOf(image).includes(failure));
  }

  /** Brings up a new pod: half of its time nothing shows, then its containers are being created. */
  bringUp(server: FakeServer): void {
    const startMs = this.startMsOf(server.name);
    if (!Number.isFinite(startMs)) return;
    this.#options.clock.after(startMs / 2, () => server.create());
    this.#options.clock.after(startMs, () => server.start());
  }

  /** Time until a new pod's containers start; 0 when they run as soon as it is there. */
  startMsOf(server: string): number {
    return valueFor(this.#options.timings.startMs ?? 0, server);
  }

  /** Follows a new image in the spec; `started` is called when its outcome shows in the status. */
  follow(server: FakeServer, container: FakeContainer, started: () => void): void {
    if (!server.isStarted) {
      server.whenStarted(started);
      return;
    }
    const termMs = valueFor(this.#options.timings.termMs ?? 0, server.name);
    if (termMs > 0) this.#replace(server, container, { termMs, started });
    else this.#swapLater(server, container, started);
  }

  /** A container's process dies; it is started again at once, and the status shows it later. */
  crash(server: FakeServer, container: FakeContainer): void {
    const shownAfterMs = valueFor(this.#options.timings.statusMs ?? 0, server.name);
    // A process that dies does not take the image with it: what the spec asks for meanwhile is the swap's.
    server.restart(container, { image: container.status.image, shownAfterMs });
    if (container === server.main) server.load('start');
  }

  /** The engine is told to load what is there. */
  reload(server: FakeServer): void {
    const { onReload = 'load' } = this.#options.engine;
    if (valueFor(onReload, server.name) === 'restart') this.crash(server, server.main);
    else this.#load(server, 'reload');
  }

  /** Time until an engine has answered a reload. */
  answerMsOf(server: FakeServer): number {
    return valueFor(this.#options.engine.answerMs ?? 0, server.name);
  }

  #load(server: FakeServer, why: 'reload' | 'files'): void {
    const { loadMs = 0, answerMs = 0, readsWhenTold = false } = this.#options.engine;
    const read = readsWhenTold ? server.engine.files : undefined;
    const wait = valueFor(loadMs, server.name) + (why === 'reload' ? valueFor(answerMs, server.name) : 0);
    const { restarts } = server.main;
    const load = (): void => {
      // The process that was told is gone: the next one has loaded at its start.
      if (!server.deleting && server.main.restarts === restarts) server.load(why, read);
    };
    if (wait === 0) load();
    else this.#options.clock.after(wait, load);
  }

  #swapLater(server: FakeServer, container: FakeContainer, started: () => void): void {
    const { image } = container;
    const swap = (pullsLeft: number): void => {
      // Somebody has asked for yet another image, or the pod is gone: that change has its own timer.
      if (container.image !== image || server.deleting) return;
      // Not back to what runs, before anything was started.
      if (container.status.image !== image || container.status.state !== 'running')
        this.#swap(server, container, image);
      started();
      if (this.failureOf(server, image) === 'badpull' && container.status.image !== image && pullsLeft > 0)
        this.#options.clock.after(PULL_AGAIN_MS, () => swap(pullsLeft - 1));
    };
    this.#options.clock.after(this.#swapMsOf(server), () => swap(PULLS));
  }

  /**
   * The old container ignores the signal to end and runs on. The kubelet waits for its end and then starts the image
   * that was asked for when it began, whatever the spec asks for by then; only after that it looks again.
   */
  #replace(
    server: FakeServer,
    container: FakeContainer,
    how: { readonly termMs: number; readonly started: () => void },
  ): void {
    if (container.replacing === true) return;
    container.replacing = true;
    const { image } = container;
    this.#options.clock.after(how.termMs + this.#swapMsOf(server), () => {
      container.replacing = false;
      if (server.deleting) return;
      this.#swap(server, container, image);
      how.started();
      if (container.image !== image) this.#replace(server, container, how);
    });
  }

  #swapMsOf({ name }: FakeServer): number {
    return valueFor(this.#options.timings.swapMs ?? 5, name);
  }

  #swap(server: FakeServer, container: FakeContainer, image: string): void {
    const failure = this.failureOf(server, image);
    if (failure === 'badpull') {
      server.wait(container, 'ImagePullBackOff', `Back-off pulling image "${image}"`);
      return;
    }
    server.restart(container, { image, ready: failure !== 'neverready' });
    if (failure === 'crash') this.#crashAgain(server, container, CRASHES);
    else if (container.name === this.#options.hotContainer) this.#syncFiles(server, image);
    else if (container === server.main) server.load('start');
    if (failure === 'mainrestart') this.#crashOthers(server, container);
  }

  #syncFiles(server: FakeServer, image: string): void {
    server.engine.files = tagOf(image);
    const failure = this.failureOf(server, image);
    if (this.#options.engine.watchesFiles === true && failure !== 'stale' && failure !== 'reloadfails')
      this.#load(server, 'files');
  }

  #crashAgain(server: FakeServer, container: FakeContainer, left: number): void {
    const { image } = container;
    server.wait(container, 'CrashLoopBackOff', 'back-off 10s restarting failed container');
    if (left === 0) return;
    this.#options.clock.after(this.#swapMsOf(server), () => {
      if (container.image !== image) return;
      server.restart(container, { ready: false });
      this.#crashAgain(server, container, left - 1);
    });
  }

  #crashOthers(server: FakeServer, container: FakeContainer): void {
    for (const other of server.containers) if (other !== container) this.crash(server, other);
  }
}
