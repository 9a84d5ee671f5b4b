import type { ServiceQuality } from '../../release/fleet/fleet.ts';
import { OPS_STATE_LABEL, PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import { sameJson, SYNC_ANNOTATION } from '../../release/patches/patches.ts';
import type { Clock } from './clock.ts';
import { afterQuality, asRead } from './fake-qualities.ts';
import type { FakeServer } from './fake-server.ts';
import type { FakeTimings, RawGameServer, RawQuality, SetEvents } from './fake-set-model.ts';

/** The field manager of OpenKruiseGame. */
export const OKG_MANAGER = 'kruise-game';

/** The things that GameServers need around them. */
export interface GameServerSurroundings {
  readonly clock: Clock;
  readonly timings: FakeTimings;
  readonly events: SetEvents;
  readonly pods: ReadonlyMap<string, FakeServer>;
  readonly areControllersDown: () => boolean;
  readonly qualities: () => readonly RawQuality[];
  /** OpenKruiseGame writes an image into a pod. */
  readonly writeImage: (server: FakeServer, container: string, image: string) => void;
  /** Its owner wants a server killed. */
  readonly kill: (name: string) => void;
}

/** The GameServers of a set, and what OpenKruiseGame v1.0.0 does between them and their pods. */
export class FakeGameServers {
  readonly objects = new Map<string, RawGameServer>();
  /** The manager that wrote the priority of a GameServer last, by its uid. */
  readonly priorityWriters = new Map<string, string>();
  readonly #around: GameServerSurroundings;

  constructor(around: GameServerSurroundings) {
    this.#around = around;
  }

  /** Takes over a changed GameServer; `undone` is what an older state of the controller's cache makes of it. */
  commit(raw: RawGameServer, undone?: RawGameServer): void {
    this.#put(raw);
    this.#soon(() => {
      if (undone) this.#put(undone);
      this.sync(raw.metadata.name);
      if (raw.spec.opsState === 'Kill') this.#around.kill(raw.metadata.name);
    });
  }

  /** OpenKruiseGame's copying from GameServer to pod. */
  sync(name: string): void {
    const [server, gameServer] = [this.#around.pods.get(name), this.objects.get(name)];
    if (!server || !gameServer || this.#around.areControllersDown()) return;
    server.labels[PRIORITY_LABEL] = String(gameServer.spec.updatePriority);
    server.labels[OPS_STATE_LABEL] = gameServer.spec.opsState;
    server.syncToken = gameServer.metadata.annotations?.[SYNC_ANNOTATION] ?? server.syncToken;
    server.touch();
    for (const { name: container, image } of gameServer.spec.containers ?? [])
      if (image !== '') this.#around.writeImage(server, container, image);
  }

  /** OpenKruise's node agent has a result of a service quality; OpenKruiseGame takes the set's actions for it. */
  report(server: FakeServer, quality: string, reported: ServiceQuality): void {
    const result = asRead(reported);
    const known = server.serviceQualities[quality];
    server.serviceQualities[quality] = result;
    server.touch();
    const wanted = this.#around.qualities().find(({ name }) => name === quality);
    const isNews = !sameJson(known, result) && !(known && wanted?.permanent === true);
    if (wanted && isNews) this.#soon(() => this.#act(server.name, wanted, result));
  }

  #act(name: string, quality: RawQuality, result: ServiceQuality): void {
    const before = this.objects.get(name);
    const after = before && afterQuality(before, quality, result);
    if (!after || this.#around.areControllersDown()) return;
    if (after.spec.updatePriority !== before.spec.updatePriority)
      this.priorityWriters.set(after.metadata.uid, OKG_MANAGER);
    this.#around.events.edited(OKG_MANAGER, `GameServer ${name}`);
    this.#put(after);
    this.sync(name);
  }

  #put(raw: RawGameServer): void {
    const { name } = raw.metadata;
    const before = this.objects.get(name)?.metadata.resourceVersion ?? '0';
    const resourceVersion = String(Number(before) + 1);
    this.objects.set(name, { ...raw, metadata: { ...raw.metadata, resourceVersion } });
    this.#around.events.changed();
  }

  #soon(run: () => void): void {
    this.#around.clock.after(this.#around.timings.syncMs ?? 2, run);
  }
}
