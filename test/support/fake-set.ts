import type { Complaint } from '../../release/checks/complaint.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import { asGoWrites } from '../../release/patches/go-object.ts';
import type { Clock } from './clock.ts';
import { FakeGameServers, OKG_MANAGER } from './fake-game-servers.ts';
import { FakeKubelet } from './fake-kubelet.ts';
import type { Failures } from './fake-kubelet.ts';
import { FieldOwners } from './fake-owners.ts';
import { serversToUpdate } from './fake-rolling.ts';
import { missingOrdinals, surplusServers } from './fake-scaling.ts';
import type { Scale } from './fake-scaling.ts';
import { FakeServer } from './fake-server.ts';
import {
  acceptedWorkload,
  graceMsOf,
  hotContainerOf,
  namedPorts,
  rawGameServer,
  rawSet,
  revisionOf,
  updatesOnDelete,
  withOneLess,
} from './fake-set-model.ts';
import { FakeUpdates } from './fake-updates.ts';
import type {
  FakeSetModel,
  FakeTimings,
  FakeWorkload,
  NamedImage,
  RawGameServer,
  RawSet,
  SetEvents,
} from './fake-set-model.ts';

interface Surroundings {
  /** Second number of the pods' addresses, so that sets do not share any. */
  readonly subnet: number;
  readonly clock: Clock;
  readonly timings: FakeTimings;
  readonly failures: Failures;
  readonly events: SetEvents;
}

/** How soon Kruise tries again after a write that was refused, in ms. */
const AGAIN_MS = 100;

/**
 * One GameServerSet with everything that OpenKruiseGame v1.0.0 and Kruise v1.8.0 make of it: the Advanced
 * StatefulSet, GameServers and pods. Behaves like them for in-place updates, scaling and overrides.
 */
export class FakeSet {
  readonly ref: SetRef;
  readonly model: FakeSetModel;
  readonly servers = new Map<string, FakeServer>();
  readonly okg: FakeGameServers;
  raw: RawSet;
  /** The objection of an admission policy to a write of a pod. */
  podAdmission: (server: string, images: readonly NamedImage[]) => string | undefined = () => undefined;
  /** Kruise's word that it could not do something. */
  readonly complaints: Complaint[] = [];
  /** As long as this is true, the controllers do nothing. */
  controllersDown = false;
  readonly #around: Surroundings;
  readonly kubelet: FakeKubelet;
  readonly #updates: FakeUpdates;
  readonly #templates = new Map<string, readonly NamedImage[]>();
  #workload: FakeWorkload;
  readonly owners: FieldOwners;
  #sorted: readonly FakeServer[] | undefined;
  #rollIsDue = false;
  readonly #returning = new Set<string>();

  constructor(model: FakeSetModel, around: Surroundings) {
    this.model = model;
    this.raw = rawSet(model);
    this.ref = { namespace: this.raw.metadata.namespace, name: this.raw.metadata.name };
    this.#around = around;
    this.owners = new FieldOwners(this.raw, model.appliedBy);
    this.kubelet = new FakeKubelet({
      clock: around.clock,
      timings: around.timings,
      failures: around.failures,
      hotContainer: hotContainerOf(model),
      engine: model.engine ?? {},
    });
    this.#updates = new FakeUpdates({
      clock: around.clock,
      kubelet: this.kubelet,
      gateMs: around.timings.gateMs ?? 2,
      rewritten: (image) => this.#rewritten(image),
      denial: (server, images) => this.podAdmission(server, images),
      refused: (server, revision, denial) => this.#complain(server, revision, denial),
      moved: around.events.moved,
      written: (server) => this.okg.sync(server.name),
      settled: (server) => {
        if (server.available) around.events.ready(server.name);
        this.#scheduleRoll();
      },
    });
    this.okg = new FakeGameServers({
      ...around,
      pods: this.servers,
      areControllersDown: () => this.controllersDown,
      qualities: () => this.raw.spec.serviceQualities ?? [],
      writeImage: (server, container, image) => {
        // OpenKruiseGame v1.0.0 tells only its log of a patch that was refused.
        if (this.podAdmission(server.name, [{ name: container, image }]) === undefined)
          this.#updates.writeImage(server, container, image);
      },
      kill: (name) => this.#kill(name),
    });
    const revision = this.#keepTemplate();
    this.#workload = acceptedWorkload(this.raw, { generation: 1, updateRevision: revision, currentRevision: revision });
    this.#fill();
  }

  /** The GameServers by name. */
  get gameServers(): Map<string, RawGameServer> {
    return this.okg.objects;
  }

  /** The Advanced StatefulSet. */
  get workload(): FakeWorkload {
    return this.#workload;
  }

  /** Servers by ordinal. */
  sorted(): readonly FakeServer[] {
    this.#sorted ??= [...this.servers.values()].sort((left, right) => left.ordinal - right.ordinal);
    return this.#sorted;
  }

  /** Takes over a changed GameServerSet; the controllers follow after a moment. */
  commitSet(raw: RawSet, manager: string): void {
    this.owners.changed(this.raw, raw, manager);
    if (manager !== 'hotwave') this.#around.events.edited(manager, `GameServerSet ${this.ref.name}`);
    this.raw = { ...raw, metadata: { ...raw.metadata, generation: raw.metadata.generation + 1 } };
    this.#around.events.changed();
    this.#later(this.#around.timings.acceptMs ?? 2, () => this.reconcile());
  }

  /** The next act of the controllers on the set as it is now. */
  reconcile(): void {
    if (this.controllersDown) return;
    const updateRevision = this.#keepTemplate();
    const { generation, currentRevision } = this.#workload;
    this.#workload = acceptedWorkload(this.raw, { generation: generation + 1, updateRevision, currentRevision });
    this.#around.events.changed();
    this.#scale();
    this.#roll();
  }

  /** Replaces a pod by a new one under the same name a moment later, as after an eviction or a lost node. */
  recreate(name: string): void {
    const server = this.#pod(name);
    this.remove(name);
    // Under Cascade the GameServer goes with its pod, and a new one knows of no wishes.
    if (this.raw.spec.gameServerTemplate.reclaimPolicy !== 'Delete') {
      this.gameServers.set(name, rawGameServer({ ref: this.ref }, name, server.ordinal, this.#around.clock.now()));
    }
    this.#returning.add(name);
    this.#later(this.#around.timings.gateMs ?? 2, () => {
      this.#returning.delete(name);
      if (!this.servers.has(name) && this.servers.size < this.raw.spec.replicas) this.#add(server.ordinal);
      this.#scheduleRoll();
    });
  }

  /** Takes a pod away without replacing it. */
  remove(name: string): void {
    const server = this.servers.get(name);
    if (server) server.deleting = true;
    this.servers.delete(name);
    this.#sorted = undefined;
    this.#around.events.changed();
  }

  /** Kruise updates a server to the template's revision, whoever's turn it is. */
  moveOutOfTurn(name: string): void {
    this.#update(this.#pod(name));
  }

  /** Somebody writes an image into a pod, as `kubectl set image pod/NAME` does. */
  writeImage(name: string, container: string, image: string): void {
    this.#updates.writeImage(this.#pod(name), container, image);
  }

  #rewritten(image: string): string {
    return this.model.rewritten?.(image) ?? image;
  }

  #complain(server: string, revision: string, denial: string): void {
    this.complaints.push({
      reason: 'FailedUpdatePodInPlace',
      message: `failed to update pod ${server} in-place(revision ${revision}): ${denial}`,
      about: this.ref.name,
      at: this.#around.clock.now(),
    });
  }

  #pod(name: string): FakeServer {
    const server = this.servers.get(name);
    if (!server) throw new Error(`there is no server ${name}`);
    return server;
  }

  #later(milliseconds: number, run: () => void): void {
    this.#around.clock.after(milliseconds, run);
  }

  #keepTemplate(): string {
    // The workload's template is written by OpenKruiseGame: however the set spells it, it is the same.
    const { containers } = asGoWrites(this.raw.spec.gameServerTemplate.spec) as { containers: readonly NamedImage[] };
    const revision = revisionOf(this.ref.name, containers);
    this.#templates.set(revision, containers);
    return revision;
  }

  get #wantedScale(): Scale {
    const { replicas, reserveGameServerIds: reserved = [] } = this.raw.spec;
    return { replicas, reserved, opsStateOf: (server) => this.gameServers.get(server)?.spec.opsState ?? '' };
  }

  #scale(): void {
    const { scaleMs = 0 } = this.#around.timings;
    for (const server of surplusServers(this.sorted(), this.#wantedScale)) {
      if (scaleMs === 0) this.#giveUp(server);
      else this.#terminate(server, scaleMs);
    }
    if (scaleMs === 0) this.#fill();
    else this.#later(scaleMs, () => this.#fill());
  }

  #fill(): void {
    const byOrdinal = new Map([...this.servers.values()].map((server) => [server.ordinal, server]));
    for (const ordinal of missingOrdinals(byOrdinal, this.#wantedScale)) this.#add(ordinal);
  }

  /** A pod on its way out is still listed. */
  #terminate(server: FakeServer, milliseconds: number): void {
    server.deleting = true;
    server.touch();
    this.#later(milliseconds, () => {
      this.#giveUp(server);
      this.#fill();
    });
  }

  #giveUp({ name }: FakeServer): void {
    this.remove(name);
    this.gameServers.delete(name);
  }

  #add(ordinal: number): void {
    const { updateRevision, currentRevision, partition } = this.#workload;
    const onDelete = updatesOnDelete(this.raw.spec.updateStrategy);
    // Kruise v1.8.0 stateful_set_utils.go, newVersionedStatefulSetPod: old until `partition` others are old.
    const isOld = (server: FakeServer): boolean => server.revision !== updateRevision;
    // Not asked without need: with every server of a large set it would be asked about all.
    const old = partition === 0 ? 0 : [...this.servers.values()].filter(isOld).length;
    const revision = !onDelete && old < partition ? currentRevision : updateRevision;
    const { events } = this.#around;
    const name = `${this.ref.name}-${ordinal}`;
    const server = new FakeServer(
      {
        set: this.ref.name,
        ordinal,
        revision,
        containers: [...(this.#templates.get(revision) ?? []), ...(this.model.injected ?? [])].map(
          ({ name: container, image }) => ({ name: container, image: this.#rewritten(image) }),
        ),
        hotContainer: hotContainerOf(this.model),
        ports: namedPorts(this.model),
        subnet: this.#around.subnet,
        clock: this.#around.clock,
        isStarted: this.kubelet.startMsOf(name) === 0,
      },
      {
        changed: () => events.changed(),
        restarted: (container) => events.restarted(name, container.name, container.restarts),
        loaded: (version, why) => events.loaded(name, version, why),
      },
    );
    this.servers.set(server.name, server);
    this.#returning.delete(server.name);
    if (!server.isStarted) {
      this.kubelet.bringUp(server);
      server.whenStarted(() => this.#scheduleRoll());
    }
    this.#sorted = undefined;
    if (!this.gameServers.has(server.name)) {
      this.gameServers.set(server.name, rawGameServer(this.model, server.name, ordinal, this.#around.clock.now()));
    }
    this.okg.sync(server.name);
  }

  /** OpenKruiseGame takes a server that its owner wants killed out of the count of replicas. */
  #kill(name: string): void {
    if (this.servers.has(name)) this.commitSet(withOneLess(this.raw), OKG_MANAGER);
  }

  #scheduleRoll(): void {
    if (this.#rollIsDue) return;
    this.#rollIsDue = true;
    this.#later(1, () => {
      this.#rollIsDue = false;
      this.#roll();
    });
  }

  /** Kruise's rolling update. */
  #roll(): void {
    const { updateStrategy, replicas } = this.raw.spec;
    if (this.controllersDown || updatesOnDelete(updateStrategy)) return;
    for (const server of this.sorted()) this.#updates.reopen(server);
    const chosen = serversToUpdate(this.sorted(), { ...this.#workload, replicas, returning: this.#returning.size });
    // The round ends at the first pod that cannot be written.
    const isRefused = !chosen.every((server) => this.#update(server));
    if (isRefused) this.#later(AGAIN_MS, () => this.#scheduleRoll());
    this.#finish();
  }

  #finish(): void {
    const { updateRevision, currentRevision } = this.#workload;
    if (currentRevision === updateRevision) return;
    const done = this.sorted().every((server) => server.revision === updateRevision && server.available);
    if (done) this.#workload = { ...this.#workload, currentRevision: updateRevision };
  }

  /** @returns false when admission refuses it */
  #update(server: FakeServer): boolean {
    const { updateRevision: revision, podUpdatePolicy } = this.#workload;
    if (podUpdatePolicy === 'ReCreate') {
      this.recreate(server.name);
      return true;
    }
    const before = this.#templates.get(server.revision) ?? [];
    const after = this.#templates.get(revision) ?? [];
    const images = after.filter(({ image }, index) => before[index]?.image !== image);
    return this.#updates.start(server, { revision, images, graceMs: graceMsOf(this.raw) });
  }
}
