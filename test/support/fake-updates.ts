import type { Clock } from './clock.ts';
import type { FakeKubelet } from './fake-kubelet.ts';
import type { FakeContainer } from './fake-pod.ts';
import type { FakeServer } from './fake-server.ts';
import type { NamedImage } from './fake-set-model.ts';

/** The surroundings of an in-place update. */
export interface UpdateSurroundings {
  readonly clock: Clock;
  readonly kubelet: FakeKubelet;
  /** From the container's start until Kruise opens the readiness gate, in ms. */
  readonly gateMs: number;
  /** An image that is written into a pod, as an admission webhook rewrites it. */
  readonly rewritten: (image: string) => string;
  /** Admission's objection to a write of that pod. */
  readonly denial: (server: string, images: readonly NamedImage[]) => string | undefined;
  /** A write of a pod was refused. */
  readonly refused: (server: string, revision: string, denial: string) => void;
  /** A pod was given an image. */
  readonly moved: (server: string, container: string, image: string) => void;
  /** Kruise has written a pod: OpenKruiseGame now writes overrides over it. */
  readonly written: (server: FakeServer) => void;
  /** An update is over, as Kruise sees it. */
  readonly settled: (server: FakeServer) => void;
}

/** One server's way to another revision. */
export interface InPlaceUpdate {
  readonly revision: string;
  readonly images: readonly NamedImage[];
  readonly graceMs: number;
}

/** In-place updates of single pods, in the order of writes of Kruise v1.8.0 (pkg/util/inplaceupdate). */
export class FakeUpdates {
  readonly #around: UpdateSurroundings;

  constructor(around: UpdateSurroundings) {
    this.#around = around;
  }

  /**
   * Closes the gate, flips the revision, and writes the images once the grace period is over.
   * @returns false when admission refuses the pod: its gate is closed by then, for that is a write of its own
   */
  start(server: FakeServer, { revision, images, graceMs }: InPlaceUpdate): boolean {
    server.conditions['InPlaceUpdateReady'] = 'False';
    server.refresh();
    const denial = this.#around.denial(server.name, images);
    if (denial !== undefined) {
      this.#around.refused(server.name, revision, denial);
      return false;
    }
    Object.assign(server, { revision, lifecycle: 'Updating', inPlace: { revision, moreBatches: false } });
    server.inGrace = graceMs > 0;
    server.refresh();
    const write = (): void => {
      server.inGrace = false;
      for (const { name, image } of images) this.writeImage(server, name, image);
      this.#around.written(server);
      this.#complete(server);
    };
    if (graceMs === 0) write();
    else this.#around.clock.after(graceMs, write);
    return true;
  }

  /** The first thing that Kruise does on each round: the gate of a server that is not being updated is open. */
  reopen(server: FakeServer): void {
    if (server.lifecycle === 'Updating' || server.conditions['InPlaceUpdateReady'] === 'True') return;
    server.conditions['InPlaceUpdateReady'] = 'True';
    server.refresh();
  }

  /** Writes an image into a pod, whoever wants it. */
  writeImage(server: FakeServer, container: string, asked: string): void {
    const image = this.#around.rewritten(asked);
    const found = server.container(container);
    if (!found || found.image === image) return;
    found.image = image;
    server.touch();
    this.#around.moved(server.name, container, image);
    this.#around.kubelet.follow(server, found, () => this.#complete(server));
  }

  /** Kruise's completion test: the image that runs is the wanted one; health does not matter to it. */
  #complete(server: FakeServer): void {
    const { revision } = server;
    const isPulled = ({ image, status }: FakeContainer): boolean => status.image === image;
    if (server.lifecycle !== 'Updating' || !server.containers.every(isPulled)) return;
    this.#around.clock.after(this.#around.gateMs, () => {
      if (server.deleting || server.revision !== revision) return;
      server.lifecycle = 'Normal';
      server.conditions['InPlaceUpdateReady'] = 'True';
      server.refresh();
      this.#around.settled(server);
    });
  }
}
