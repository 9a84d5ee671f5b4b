import { setTimeout as sleep } from 'node:timers/promises';
import { checkedName } from '../../cluster/paths.ts';
import { gameServerRecord, gameServerSetView } from '../../cluster/schemas.ts';
import { PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { GuardedPatch, PatchOutcome, PatchTarget } from '../../release/patches/patches.ts';
import { realClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { FakeCluster, FakeClusterModel, LogEntry } from './fake-cluster-model.ts';
import { askEngine, findInFakeLog, runInContainer, sendToEngine } from './fake-engine.ts';
import { Faults } from './fake-faults.ts';
import type { Operation } from './fake-faults.ts';
import { followList, followOne } from './fake-follow.ts';
import { patchObject, schemaOfSet } from './fake-patch.ts';
import type { FakeServer } from './fake-server.ts';
import { FakeSet } from './fake-set.ts';
import type { FakeSetModel, RawGameServer, RawSet } from './fake-set-model.ts';
import type { Access } from '../../activities/ports/access.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
import type { ExecOutcome } from '../../activities/ports/probes.ts';
import type { GameServerRecord } from '../../activities/ports/game-servers.ts';
import type { ServerList } from '../../activities/ports/servers.ts';

type EntryWithoutTime = LogEntry extends infer Entry ? (Entry extends LogEntry ? Omit<Entry, 'at'> : never) : never;

const OPERATIONS: readonly Operation[] = [
  'readSet',
  'readWorkload',
  'listServers',
  'serversWithOtherPriority',
  'listGameServers',
  'patch',
  'exec',
  'httpGet',
  'httpSend',
  'tcpConnect',
  'findInLog',
  'missingAccess',
];

export type { FakeCluster, FakeClusterModel, LogEntry } from './fake-cluster-model.ts';

/** A cluster in memory that behaves like OpenKruiseGame v1.0.0 and Kruise v1.8.0 for what hotwave does with them. */
export function fakeCluster(model: FakeClusterModel = {}): FakeCluster {
  return new InMemoryCluster(model);
}

class InMemoryCluster implements FakeCluster {
  readonly faults = new Faults();
  readonly log: LogEntry[] = [];
  readonly calls = Object.fromEntries(OPERATIONS.map((operation) => [operation, 0])) as Record<Operation, number>;
  readonly #model: FakeClusterModel;
  readonly #clock: Clock;
  readonly #sets = new Map<string, FakeSet>();
  readonly #addresses = new Map<string, FakeServer>();
  #resourceVersion = 0;
  #writesToLose = 0;

  constructor(model: FakeClusterModel) {
    this.#model = model;
    this.#clock = model.clock ?? realClock();
    for (const [index, set] of (model.sets ?? [{}]).entries()) this.#addSet(set, 64 + index);
  }

  describe(): string {
    return 'https://fake (context fake)';
  }

  set(ref?: SetRef): FakeSet {
    const found = ref ? this.#find(ref) : [...this.#sets.values()][0];
    if (!found) throw new Error('there is no such set');
    return found;
  }

  server(name: string): FakeServer {
    for (const set of this.#sets.values()) {
      const found = set.servers.get(name);
      if (found) return found;
    }
    throw new Error(`there is no server ${name}`);
  }

  edit(manager: string, change: (set: RawSet) => void, ref?: SetRef): void {
    const set = this.set(ref);
    const raw = structuredClone(set.raw);
    change(raw);
    set.commitSet(raw, manager);
  }

  editServer(manager: string, name: string, change: (server: RawGameServer) => void): void {
    const set = [...this.#sets.values()].find(({ gameServers }) => gameServers.has(name));
    const before = set?.gameServers.get(name);
    if (!set || !before) throw new Error(`there is no GameServer ${name}`);
    const raw = structuredClone(before);
    change(raw);
    if (raw.spec.updatePriority !== before.spec.updatePriority) set.priorityWriters.set(raw.metadata.uid, manager);
    set.commitGameServer(raw);
  }

  loseGameServerWrites(times: number): void {
    this.#writesToLose = times;
  }

  readSet(ref: SetRef, signal?: AbortSignal): ReturnType<Cluster['readSet']> {
    return this.#call('readSet', signal, () => {
      const set = this.#find(ref);
      if (!set) return undefined;
      const view = gameServerSetView(set.raw);
      return { ...view, foreignOwners: set.model.appliedBy ?? {}, lastWriters: set.lastWriters() };
    });
  }

  followSet(...[ref, signal]: Parameters<Cluster['followSet']>): ReturnType<Cluster['followSet']> {
    return followOne({ read: () => this.readSet(ref, signal), version: () => this.#find(ref)?.raw, signal });
  }

  readWorkload(ref: SetRef, signal?: AbortSignal): ReturnType<Cluster['readWorkload']> {
    return this.#call('readWorkload', signal, () => this.#find(ref)?.workload);
  }

  listServers(...[ref, scope = {}, signal]: Parameters<Cluster['listServers']>): ReturnType<Cluster['listServers']> {
    return this.#call('listServers', signal, () => {
      const set = this.#find(ref);
      const all = set?.sorted() ?? [];
      const names = scope.names && new Set(scope.names);
      const wanted = names ? all.filter(({ name }) => names.has(name)) : all;
      return { servers: wanted.map((server) => server.view()), resourceVersion: String(this.#resourceVersion) };
    });
  }

  followServers(...[ref, names, signal]: Parameters<Cluster['followServers']>): ReturnType<Cluster['followServers']> {
    const list = async (): Promise<ServerList['servers']> => (await this.listServers(ref, { names }, signal)).servers;
    return followList({ list, version: () => this.#resourceVersion, servers: names.length, signal });
  }

  followGameServers(
    ...[ref, names, signal]: Parameters<Cluster['followGameServers']>
  ): ReturnType<Cluster['followGameServers']> {
    const list = (): Promise<readonly GameServerRecord[]> => this.listGameServers(ref, names, signal);
    return followList({ list, version: () => this.#resourceVersion, servers: names.length, signal });
  }

  serversWithOtherPriority(
    ...[ref, values, signal]: Parameters<Cluster['serversWithOtherPriority']>
  ): ReturnType<Cluster['serversWithOtherPriority']> {
    return this.#call('serversWithOtherPriority', signal, () => {
      const wanted = new Set(values.map(String));
      const servers = this.#find(ref)?.sorted() ?? [];
      return servers.filter(({ labels }) => !wanted.has(labels[PRIORITY_LABEL] ?? '')).map(({ name }) => name);
    });
  }

  listGameServers(
    ...[ref, names, signal]: Parameters<Cluster['listGameServers']>
  ): ReturnType<Cluster['listGameServers']> {
    return this.#call('listGameServers', signal, () => {
      const set = this.#find(ref);
      const wanted = names ?? [...(set?.gameServers.keys() ?? [])];
      const found = wanted.map((name) => set?.gameServers.get(name)).filter((raw) => raw !== undefined);
      const records = found.map((raw) => {
        const by = set?.priorityWriters.get(raw.metadata.uid);
        return { ...gameServerRecord(raw), ...(by === undefined ? {} : { priorityBy: by }) };
      });
      return records.sort((left, right) => ordinalOf(left) - ordinalOf(right));
    });
  }

  async patch(...[target, patch, options = {}]: Parameters<Cluster['patch']>): Promise<PatchOutcome> {
    await options.permit?.();
    const isReal = options.dryRun !== true;
    return this.#call('patch', options.signal, () => {
      const outcome =
        target.kind === 'GameServerSet'
          ? this.#patchSet(target, patch, isReal)
          : this.#patchGameServer(target, patch, isReal);
      if (isReal) this.#note({ kind: 'patch', target, patch, outcome });
      return outcome;
    });
  }

  async exec(...[request, signal, permit]: Parameters<Cluster['exec']>): Promise<ExecOutcome> {
    await permit?.();
    if (request.command[0] === 'sleep') await sleep(request.timeoutMs, undefined, { ...(signal ? { signal } : {}) });
    return this.#call('exec', signal, () => {
      const server = this.#serverIn(request.namespace, request.server);
      const set = server && this.#setOf(server);
      if (!set) return { kind: 'failed', message: `there is no server ${request.server}` };
      const unanswered = { kind: 'unknown', message: `no answer within ${request.timeoutMs / 1000} s` } as const;
      if (request.command[0] === 'sleep') return unanswered;
      const outcome = this.#model.exec?.(request, server) ?? runInContainer(server, set.kubelet, request);
      const { container, command } = request;
      this.#note({ kind: 'exec', server: server.name, container, command, outcome });
      return outcome;
    });
  }

  httpGet(...[request, signal]: Parameters<Cluster['httpGet']>): ReturnType<Cluster['httpGet']> {
    return this.#call('httpGet', signal, () => {
      const server = this.#serverAt(request.host);
      if (!server) return { kind: 'failed', message: 'connection refused' };
      this.#note({ kind: 'http', server: server.name, path: request.path });
      return askEngine(server, request.path);
    });
  }

  async httpSend(...[request, signal, permit]: Parameters<Cluster['httpSend']>): ReturnType<Cluster['httpSend']> {
    await permit?.();
    return this.#call('httpSend', signal, () => {
      const server = this.#serverAt(request.host);
      const set = server && this.#setOf(server);
      if (!set) return { kind: 'failed', message: 'connection refused' };
      this.#note({ kind: 'send', server: server.name, request });
      return this.#model.send?.(request, server) ?? sendToEngine(server, set.kubelet, request);
    });
  }

  tcpConnect(...[request, signal]: Parameters<Cluster['tcpConnect']>): ReturnType<Cluster['tcpConnect']> {
    return this.#call('tcpConnect', signal, () =>
      this.#serverAt(request.host) ? { kind: 'connected' } : { kind: 'failed', message: 'connection refused' },
    );
  }

  findInLog(...[request, signal]: Parameters<Cluster['findInLog']>): ReturnType<Cluster['findInLog']> {
    return this.#call('findInLog', signal, () => {
      const server = this.#serverIn(request.namespace, request.server);
      return server
        ? findInFakeLog(server, request)
        : { kind: 'failed', message: `there is no server ${request.server}` };
    });
  }

  missingAccess(wanted: readonly Access[], signal?: AbortSignal): Promise<readonly Access[]> {
    return this.#call('missingAccess', signal, () => wanted.filter((access) => this.#model.lacks?.(access) ?? false));
  }

  async #call<Result>(operation: Operation, signal: AbortSignal | undefined, run: () => Result): Promise<Result> {
    // Callers must not see anything happen before they have awaited it.
    await Promise.resolve();
    signal?.throwIfAborted();
    this.calls[operation] += 1;
    this.faults.strike(operation, 'before');
    const result = run();
    this.faults.strike(operation, 'after');
    return result;
  }

  #note(entry: EntryWithoutTime): void {
    this.log.push({ at: this.#clock.now(), ...entry });
  }

  #find(ref: SetRef): FakeSet | undefined {
    return this.#sets.get(`${checkedName(ref.namespace)}/${checkedName(ref.name)}`);
  }

  #serverIn(namespace: string, name: string): FakeServer | undefined {
    const sets = [...this.#sets.values()].filter(({ ref }) => ref.namespace === namespace);
    return sets.map(({ servers }) => servers.get(name)).find((server) => server !== undefined);
  }

  #setOf(server: FakeServer): FakeSet | undefined {
    return [...this.#sets.values()].find(({ servers }) => servers.get(server.name) === server);
  }

  #addSet(model: FakeSetModel, subnet: number): void {
    const set = new FakeSet(model, {
      subnet,
      clock: this.#clock,
      timings: this.#model.timings ?? {},
      failures: this.#model.failures ?? {},
      events: {
        changed: () => {
          this.#resourceVersion += 1;
        },
        moved: (server, container, image) => this.#note({ kind: 'moved', server, container, image }),
        ready: (server) => this.#note({ kind: 'ready', server }),
      },
    });
    this.#sets.set(`${set.ref.namespace}/${set.ref.name}`, set);
  }

  #serverAt(host: string): FakeServer | undefined {
    const known = this.#addresses.get(host);
    if (known && !known.deleting) return known;
    this.#addresses.clear();
    for (const set of this.#sets.values())
      for (const server of set.servers.values()) this.#addresses.set(server.ip, server);
    return this.#addresses.get(host);
  }

  #patchSet(target: PatchTarget, patch: GuardedPatch, isReal: boolean): PatchOutcome {
    const set = this.#find(target);
    if (!set) return { kind: 'notFound' };
    const denied = (result: RawSet): string | undefined => schemaOfSet(result) ?? this.#model.admission?.(result);
    const patched = patchObject(set.raw, patch, denied);
    if (patched.kind === 'refused') return withManager(patched.outcome, set);
    if (isReal) set.commitSet(patched.object, 'hotwave');
    return { kind: 'applied' };
  }

  #patchGameServer(target: PatchTarget, patch: GuardedPatch, isReal: boolean): PatchOutcome {
    const set = [...this.#sets.values()].find(
      ({ ref, gameServers }) => ref.namespace === target.namespace && gameServers.has(target.name),
    );
    const raw = set?.gameServers.get(target.name);
    if (!set || !raw) return { kind: 'notFound' };
    const patched = patchObject<RawGameServer>(raw, patch, () => undefined);
    if (patched.kind === 'refused') return patched.outcome;
    if (isReal && patched.object.spec.updatePriority !== raw.spec.updatePriority)
      set.priorityWriters.set(raw.metadata.uid, 'hotwave');
    if (isReal) set.commitGameServer(patched.object, this.#olderState(raw, patched.object));
    return { kind: 'applied' };
  }

  /** What OpenKruiseGame v1.0.0 makes of a write that its cache has not seen: all old values return, new keys stay. */
  #olderState(before: RawGameServer, after: RawGameServer): RawGameServer | undefined {
    if (this.#writesToLose === 0) return undefined;
    this.#writesToLose -= 1;
    const annotations = { ...after.metadata.annotations, ...before.metadata.annotations };
    return { metadata: { ...after.metadata, annotations }, spec: { ...after.spec, ...before.spec } };
  }
}

function ordinalOf({ name }: Pick<GameServerRecord, 'name'>): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

function withManager(outcome: PatchOutcome, set: FakeSet): PatchOutcome {
  if (outcome.kind !== 'preconditionFailed') return outcome;
  const manager = set.writerOf(outcome.path);
  return manager === undefined ? outcome : { ...outcome, manager };
}
