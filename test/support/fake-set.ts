import type { SetRef, WorkloadView } from '../../release/fleet/fleet.ts';
import { OPS_STATE_LABEL, PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import { SYNC_ANNOTATION } from '../../release/patches/patches.ts';
import { TEMPLATE, templateFields } from '../../release/patches/template.ts';
import type { Clock } from './clock.ts';
import { FakeKubelet } from './fake-kubelet.ts';
import type { Failures } from './fake-kubelet.ts';
import { serversToUpdate } from './fake-rolling.ts';
import { FakeServer } from './fake-server.ts';
import {
  acceptedWorkload,
  changedFields,
  graceMsOf,
  hotContainerOf,
  rawGameServer,
  rawSet,
  revisionOf,
  updatesOnDelete,
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

/** Those that go first are last. */
const DELETED_FIRST = ['Maintaining', 'Allocated', '', 'None', 'WaitToBeDeleted', 'Kill'];

interface Surroundings {
  /** Second number of the pods' addresses, so that sets do not share any. */
  readonly subnet: number;
  readonly clock: Clock;
  readonly timings: FakeTimings;
  readonly failures: Failures;
  readonly events: SetEvents;
}

/**
 * One GameServerSet with everything that OpenKruiseGame v1.0.0 and Kruise v1.8.0 make of it: the Advanced
 * StatefulSet, GameServers and pods. Behaves like them for in-place updates, scaling and overrides.
 */
export class FakeSet {
  readonly ref: SetRef;
  readonly model: FakeSetModel;
  readonly servers = new Map<string, FakeServer>();
  readonly gameServers = new Map<string, RawGameServer>();
  /** Who wrote the priority of a GameServer last, by its uid. */
  readonly priorityWriters = new Map<string, string>();
  raw: RawSet;
  /** As long as this is true, the controllers do nothing. */
  controllersDown = false;
  readonly #around: Surroundings;
  readonly kubelet: FakeKubelet;
  readonly #updates: FakeUpdates;
  readonly #templates = new Map<string, readonly NamedImage[]>();
  #workload: FakeWorkload;
  /** Who changed a field last, by JSON pointer. */
  readonly #writers = new Map<string, string>();
  #sorted: readonly FakeServer[] | undefined;
  #rollIsDue = false;

  constructor(model: FakeSetModel, around: Surroundings) {
    this.model = model;
    this.raw = rawSet(model);
    this.ref = { namespace: this.raw.metadata.namespace, name: this.raw.metadata.name };
    this.#around = around;
    const { swapMs = 5 } = around.timings;
    this.kubelet = new FakeKubelet({
      clock: around.clock,
      swapMs: typeof swapMs === 'function' ? swapMs : () => swapMs,
      failures: around.failures,
      hotContainer: hotContainerOf(model),
      selfReload: model.selfReload ?? false,
    });
    this.#updates = new FakeUpdates({
      clock: around.clock,
      kubelet: this.kubelet,
      gateMs: around.timings.gateMs ?? 2,
      moved: around.events.moved,
      written: (server) => this.#sync(server.name),
      settled: (server) => {
        if (server.available) around.events.ready(server.name);
        this.#scheduleRoll();
      },
    });
    const revision = this.#keepTemplate();
    this.#workload = acceptedWorkload(this.raw, { generation: 1, updateRevision: revision, currentRevision: revision });
    this.#scale();
  }

  /** The Advanced StatefulSet. */
  get workload(): WorkloadView {
    return this.#workload;
  }

  /** Servers by ordinal. */
  sorted(): readonly FakeServer[] {
    this.#sorted ??= [...this.servers.values()].sort((left, right) => left.ordinal - right.ordinal);
    return this.#sorted;
  }

  /** Takes over a changed GameServerSet; the controllers follow after a moment. */
  commitSet(raw: RawSet, manager: string): void {
    for (const pointer of changedFields(this.raw, raw)) this.#writers.set(pointer, manager);
    this.raw = { ...raw, metadata: { ...raw.metadata, generation: raw.metadata.generation + 1 } };
    this.#around.events.changed();
    this.#later(this.#around.timings.acceptMs ?? 2, () => this.reconcile());
  }

  /** Who changed last what hotwave writes too, by JSON pointer. */
  lastWriters(): Readonly<Record<string, string>> {
    const { containers } = this.raw.spec.gameServerTemplate.spec;
    const images = containers.map((_, index) => `/spec/gameServerTemplate/spec/containers/${index}/image`);
    const template = Object.keys(templateFields(this.raw.spec.gameServerTemplate, '')).map(
      (pointer) => `${TEMPLATE}${pointer}`,
    );
    const written = [...images, ...template, '/spec/updateStrategy', '/spec/replicas'];
    const found = written.map((pointer) => [pointer, this.writerOf(pointer)] as const);
    return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  /** Who changed a field last, if anybody did since the set was made. */
  writerOf(pointer: string): string | undefined {
    const known = [...this.#writers].find(([field]) => pointer === field || pointer.startsWith(`${field}/`));
    return known?.[1];
  }

  /** Takes over a changed GameServer; `undone` is what an older state of the controller's cache makes of it. */
  commitGameServer(raw: RawGameServer, undone?: RawGameServer): void {
    this.#putGameServer(raw);
    this.#later(this.#around.timings.syncMs ?? 2, () => {
      if (undone) this.#putGameServer(undone);
      this.#sync(raw.metadata.name);
      this.#kill(raw);
    });
  }

  #putGameServer(raw: RawGameServer): void {
    const { name } = raw.metadata;
    const before = this.gameServers.get(name)?.metadata.resourceVersion ?? '0';
    const resourceVersion = String(Number(before) + 1);
    this.gameServers.set(name, { ...raw, metadata: { ...raw.metadata, resourceVersion } });
    this.#around.events.changed();
  }

  /** What the controllers do with the set as it is now. */
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
    const server = this.servers.get(name);
    if (!server) throw new Error(`there is no server ${name}`);
    this.remove(name);
    // Under Cascade the GameServer goes with its pod, and a new one knows of no wishes.
    if (this.raw.spec.gameServerTemplate.reclaimPolicy !== 'Delete') {
      this.gameServers.set(name, rawGameServer({ ref: this.ref }, name, server.ordinal));
    }
    this.#later(this.#around.timings.gateMs ?? 2, () => {
      if (this.servers.has(name) || this.servers.size >= this.raw.spec.replicas) return;
      this.#add(server.ordinal);
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

  #later(milliseconds: number, run: () => void): void {
    this.#around.clock.after(milliseconds, run);
  }

  #keepTemplate(): string {
    const { containers } = this.raw.spec.gameServerTemplate.spec;
    const revision = revisionOf(this.ref.name, containers);
    this.#templates.set(revision, containers);
    return revision;
  }

  #scale(): void {
    const { replicas, reserveGameServerIds: reserved = [] } = this.raw.spec;
    for (const server of this.sorted()) if (reserved.includes(server.ordinal)) this.#giveUp(server);
    // OpenKruiseGame v1.0.0 pkg/util/gameserver.go: opsState decides who goes, then the higher ordinal.
    const rank = ({ name }: FakeServer): number =>
      DELETED_FIRST.indexOf(this.gameServers.get(name)?.spec.opsState ?? '');
    const dispensable = [...this.sorted()].sort(
      (left, right) => rank(right) - rank(left) || right.ordinal - left.ordinal,
    );
    for (const server of dispensable.slice(0, Math.max(0, this.servers.size - replicas))) this.#giveUp(server);
    for (let ordinal = 0; this.servers.size < replicas; ordinal += 1) {
      if (!this.servers.has(`${this.ref.name}-${ordinal}`) && !reserved.includes(ordinal)) this.#add(ordinal);
    }
  }

  #giveUp({ name }: FakeServer): void {
    this.remove(name);
    this.gameServers.delete(name);
  }

  #add(ordinal: number): void {
    const { updateRevision, currentRevision, partition } = this.#workload;
    const onDelete = updatesOnDelete(this.raw.spec.updateStrategy);
    // Kruise v1.8.0 stateful_set_utils.go, newVersionedStatefulSetPod: old until `partition` others are old.
    const old = [...this.servers.values()].filter((server) => server.revision !== updateRevision).length;
    const revision = !onDelete && old < partition ? currentRevision : updateRevision;
    const server = new FakeServer(
      {
        set: this.ref.name,
        ordinal,
        revision,
        containers: this.#templates.get(revision) ?? [],
        hotContainer: hotContainerOf(this.model),
        subnet: this.#around.subnet,
        clock: this.#around.clock,
      },
      () => this.#around.events.changed(),
    );
    this.servers.set(server.name, server);
    this.#sorted = undefined;
    if (!this.gameServers.has(server.name)) {
      this.gameServers.set(server.name, rawGameServer(this.model, server.name, ordinal));
    }
    this.#sync(server.name);
  }

  /** OpenKruiseGame takes a server that its owner wants killed out of the count of replicas. */
  #kill({ metadata, spec }: RawGameServer): void {
    if (spec.opsState !== 'Kill' || !this.servers.has(metadata.name)) return;
    const raw = structuredClone(this.raw);
    raw.spec.replicas -= 1;
    // It writes the whole set, and leaves false values out (Go's omitempty).
    if (raw.spec.updateStrategy?.rollingUpdate?.paused === false)
      raw.spec.updateStrategy = { ...raw.spec.updateStrategy, rollingUpdate: withoutPaused(raw.spec.updateStrategy) };
    this.commitSet(raw, 'kruise-game');
  }

  /** OpenKruiseGame's copying from GameServer to pod. */
  #sync(name: string): void {
    const [server, gameServer] = [this.servers.get(name), this.gameServers.get(name)];
    if (!server || !gameServer || this.controllersDown) return;
    server.labels[PRIORITY_LABEL] = String(gameServer.spec.updatePriority);
    server.labels[OPS_STATE_LABEL] = gameServer.spec.opsState;
    server.syncToken = gameServer.metadata.annotations?.[SYNC_ANNOTATION] ?? server.syncToken;
    server.touch();
    for (const { name: container, image } of gameServer.spec.containers ?? []) {
      if (image !== '') this.#updates.writeImage(server, container, image);
    }
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
    const chosen = serversToUpdate(this.sorted(), { ...this.#workload, replicas });
    for (const server of chosen) this.#update(server);
    this.#finish();
  }

  #finish(): void {
    const { updateRevision, currentRevision } = this.#workload;
    if (currentRevision === updateRevision) return;
    const done = this.sorted().every((server) => server.revision === updateRevision && server.available);
    if (done) this.#workload = { ...this.#workload, currentRevision: updateRevision };
  }

  #update(server: FakeServer): void {
    const { updateRevision: revision, podUpdatePolicy } = this.#workload;
    if (podUpdatePolicy === 'ReCreate') {
      this.recreate(server.name);
      return;
    }
    const before = this.#templates.get(server.revision) ?? [];
    const after = this.#templates.get(revision) ?? [];
    const images = after.filter(({ image }, index) => before[index]?.image !== image);
    this.#updates.start(server, { revision, images, graceMs: graceMsOf(this.raw) });
  }
}

type Strategy = NonNullable<RawSet['spec']['updateStrategy']>;

function withoutPaused({ rollingUpdate }: Strategy): NonNullable<Strategy['rollingUpdate']> {
  const { paused: _false, ...others } = rollingUpdate ?? {};
  return others;
}
