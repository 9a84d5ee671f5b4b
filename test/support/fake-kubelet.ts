import type { Clock } from './clock.ts';
import { FAILURES, tagOf } from './fake-server.ts';
import type { FakeContainer, FakeServer, Failure } from './fake-server.ts';

/** What fails where: by server name, or worked out from server name and image. */
export type Failures = Readonly<Record<string, Failure>> | ((server: string, image: string) => Failure | undefined);

/** What the simulated nodes need to know. */
export interface KubeletOptions {
  readonly clock: Clock;
  /** Time from an image in the spec to its container's start, in ms. */
  readonly swapMs: (server: string) => number;
  readonly failures: Failures;
  /** The container whose image carries the hot files. */
  readonly hotContainer: string;
  /** Engines watch the shared folder and load what arrives. */
  readonly selfReload: boolean;
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

  /** What goes wrong with this image on this server. A word in the tag is enough, such as `2.0-crash`. */
  failureOf(server: FakeServer, image: string): Failure | undefined {
    const { failures } = this.#options;
    if (server.firstImages.has(image)) return undefined;
    const wanted = typeof failures === 'function' ? failures(server.name, image) : failures[server.name];
    return wanted ?? FAILURES.find((failure) => tagOf(image).includes(failure));
  }

  /** Follows a new image in the spec; `started` is called when its outcome shows in the status. */
  follow(server: FakeServer, container: FakeContainer, started: () => void): void {
    const { image } = container;
    const swap = (pullsLeft: number): void => {
      // Somebody has asked for yet another image, or the pod is gone: that change has its own timer.
      if (container.image !== image || server.deleting) return;
      this.#swap(server, container);
      started();
      if (this.failureOf(server, image) === 'badpull' && container.status.image !== image && pullsLeft > 0)
        this.#options.clock.after(PULL_AGAIN_MS, () => swap(pullsLeft - 1));
    };
    this.#options.clock.after(this.#options.swapMs(server.name), () => swap(PULLS));
  }

  #swap(server: FakeServer, container: FakeContainer): void {
    // Back to what runs, before anything was started.
    if (container.status.image === container.image && container.status.state === 'running') return;
    const failure = this.failureOf(server, container.image);
    if (failure === 'badpull') {
      server.wait(container, 'ImagePullBackOff', `Back-off pulling image "${container.image}"`);
      return;
    }
    server.restart(container, failure !== 'neverready');
    if (failure === 'crash') this.#crash(server, container, CRASHES);
    else if (container.name === this.#options.hotContainer) this.#syncFiles(server, container);
    if (failure === 'mainrestart') this.#restartOthers(server, container);
  }

  #syncFiles(server: FakeServer, container: FakeContainer): void {
    server.engine.files = tagOf(container.image);
    const failure = this.failureOf(server, container.image);
    if (this.#options.selfReload && failure !== 'stale' && failure !== 'reloadfails') server.load();
  }

  #crash(server: FakeServer, container: FakeContainer, left: number): void {
    const { image } = container;
    server.wait(container, 'CrashLoopBackOff', 'back-off 10s restarting failed container');
    if (left === 0) return;
    this.#options.clock.after(this.#options.swapMs(server.name), () => {
      if (container.image !== image) return;
      server.restart(container, false);
      this.#crash(server, container, left - 1);
    });
  }

  #restartOthers(server: FakeServer, container: FakeContainer): void {
    for (const other of server.containers) if (other !== container) server.restart(other);
    // An engine that starts reads the files that are there.
    server.load();
    server.touch();
  }
}
