import { setTimeout as sleep } from 'node:timers/promises';
import { checkedName } from '../../cluster/paths.ts';
import { gameServerRecord, gameServerSetView } from '../../cluster/schemas.ts';
import { PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import type { SetEvent } from '../../release/notices/set-event.ts';
import { SHIPPED_ACCOUNT } from '../../release/plan/worker-account.ts';
import type { FoundAccount, FoundPolicies } from '../../release/plan/worker-account.ts';
import type { FoundVersion, Product } from '../../release/plan/tried-versions.ts';
import type { ServiceQuality, SetRef } from '../../release/fleet/fleet.ts';
import { passed, realClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { FakeCluster, FakeClusterModel, LogEntry } from './fake-cluster-model.ts';
import { askEngine, asksToReload, findInFakeLog, runInContainer, sendToEngine } from './fake-engine.ts';
import { Faults, OPERATIONS } from './fake-faults.ts';
import type { Operation } from './fake-faults.ts';
import { followList, followOne } from './fake-follow.ts';
import type { FakeServer } from './fake-server.ts';
import { FakeSet } from './fake-set.ts';
import { FakeSets } from './fake-sets.ts';
import type { FakeSetModel, RawGameServer, RawSet } from './fake-set-model.ts';
import { currentWriter } from './fake-writer.ts';
import { FakeWrites } from './fake-writes.ts';
import type { Access } from '../../activities/ports/access.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
import type { ExecOutcome, ExecRequest } from '../../activities/ports/probes.ts';
import type { GameServerRecord } from '../../activities/ports/game-servers.ts';
import type { ServerList } from '../../activities/ports/servers.ts';

type EntryWithoutTime = LogEntry extends infer Entry ? (Entry extends LogEntry ? Omit<Entry, 'at'> : never) : never;

export type { FakeCluster, FakeClusterModel, LogEntry } from './fake-cluster-model.ts';

/** A cluster in memory that behaves like OpenKruiseGame v1.0.0 and Kruise v1.8.0 for what hotwave does with them. */
export function fakeCluster(model: FakeClusterModel = {}): FakeCluster {
  return new InMemoryCluster(model);
}

/** Engines of the fake speak plain HTTP. */
const NO_TLS = { kind: 'failed', message: 'it does not speak TLS at this port' } as const;

class InMemoryCluster implements FakeCluster {
  readonly faults = new Faults();
  readonly log: LogEntry[] = [];
  readonly calls = Object.fromEntries(OPERATIONS.map((operation) => [operation, 0])) as Record<Operation, number>;
  readonly #model: FakeClusterModel;
  readonly clock: Clock;
  readonly #sets = new FakeSets();
  /** By namespace and name; each with the uid of its set, as that was. */
  readonly #events = new Map<string, { readonly event: SetEvent; readonly uid: string | undefined }>();
  #resourceVersion = 0;
  readonly #writes: FakeWrites;

  constructor(model: FakeClusterModel) {
    this.#model = model;
    this.clock = model.clock ?? realClock();
    this.#writes = new FakeWrites(this.#sets, model.admission);
    for (const [index, set] of (model.sets ?? [{}]).entries()) this.#addSet(set, 64 + index);
  }

  describe(): string {
    return 'https://fake (context fake)';
  }

  set(ref?: SetRef): FakeSet {
    const found = ref ? this.#sets.find(ref) : this.#sets.all()[0];
    if (!found) throw new Error('there is no such set');
    return found;
  }

  eventsOf(ref: SetRef): readonly SetEvent[] {
    const { uid } = this.set(ref).raw.metadata;
    return [...this.#events.values()].filter((one) => one.uid === uid).map(({ event }) => event);
  }

  server(name: string): FakeServer {
    return this.#sets.with(name).servers.get(name)!;
  }

  edit(manager: string, change: (set: RawSet) => void, ref?: SetRef): void {
    const set = this.set(ref);
    const raw = structuredClone(set.raw);
    change(raw);
    set.commitSet(raw, manager);
  }

  editServer(manager: string, name: string, change: (server: RawGameServer) => void): void {
    const set = this.#sets.all().find(({ gameServers }) => gameServers.has(name));
    const before = set?.gameServers.get(name);
    if (!set || !before) throw new Error(`there is no GameServer ${name}`);
    const raw = structuredClone(before);
    change(raw);
    if (raw.spec.updatePriority !== before.spec.updatePriority) set.okg.priorityWriters.set(raw.metadata.uid, manager);
    this.#note({ kind: 'edited', manager, what: `GameServer ${name}` });
    set.okg.commit(raw);
  }

  reportQuality(name: string, quality: string, result: ServiceQuality): void {
    this.#sets.with(name).okg.report(this.server(name), quality, result);
  }

  crash(name: string, container?: string): void {
    const server = this.server(name);
    const crashed = container === undefined ? server.main : server.container(container);
    if (!crashed) throw new Error(`there is no container ${container ?? ''} of ${name}`);
    this.#sets.with(name).kubelet.crash(server, crashed);
  }

  loseGameServerWrites(times: number): void {
    this.#writes.toLose = times;
  }

  readSet(ref: SetRef, signal?: AbortSignal): ReturnType<Cluster['readSet']> {
    return this.#call('readSet', signal, () => {
      const set = this.#sets.find(ref);
      if (!set) return undefined;
      const view = gameServerSetView(set.raw);
      return {
        ...view,
        managers: set.owners.managers(),
        foreignOwners: set.owners.appliers(set.raw),
        lastWriters: set.owners.lastWriters(set.raw),
      };
    });
  }

  listSets(namespace: string, signal?: AbortSignal): ReturnType<Cluster['listSets']> {
    return this.#call('listSets', signal, () =>
      this.#sets
        .all()
        .filter(({ ref }) => ref.namespace === namespace)
        .map(({ ref }) => ref.name)
        .sort(),
    );
  }

  followSet(...[ref, signal]: Parameters<Cluster['followSet']>): ReturnType<Cluster['followSet']> {
    return followOne({ read: () => this.readSet(ref, signal), version: () => this.#sets.find(ref)?.raw, signal });
  }

  readWorkload(ref: SetRef, signal?: AbortSignal): ReturnType<Cluster['readWorkload']> {
    return this.#call('readWorkload', signal, () => this.#sets.find(ref)?.workload);
  }

  listServers(...[ref, scope = {}, signal]: Parameters<Cluster['listServers']>): ReturnType<Cluster['listServers']> {
    return this.#call('listServers', signal, () => {
      const set = this.#sets.find(ref);
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

  readComplaints(
    ...[ref, server, signal]: Parameters<Cluster['readComplaints']>
  ): ReturnType<Cluster['readComplaints']> {
    return this.#call('readComplaints', signal, () => {
      const set = this.#sets.find(ref);
      return (set?.complaints ?? []).filter(({ about }) => [ref.name, server].includes(about));
    });
  }

  serversWithOtherPriority(
    ...[ref, values, signal]: Parameters<Cluster['serversWithOtherPriority']>
  ): ReturnType<Cluster['serversWithOtherPriority']> {
    return this.#call('serversWithOtherPriority', signal, () => {
      const wanted = new Set(values.map(String));
      const servers = this.#sets.find(ref)?.sorted() ?? [];
      return servers.filter(({ labels }) => !wanted.has(labels[PRIORITY_LABEL] ?? '')).map(({ name }) => name);
    });
  }

  listGameServers(
    ...[ref, names, signal]: Parameters<Cluster['listGameServers']>
  ): ReturnType<Cluster['listGameServers']> {
    return this.#call('listGameServers', signal, () => {
      const set = this.#sets.find(ref);
      const wanted = names ?? [...(set?.gameServers.keys() ?? [])];
      const found = wanted.map((name) => set?.gameServers.get(name)).filter((raw) => raw !== undefined);
      const records = found.map((raw) => {
        const by = set?.okg.priorityWriters.get(raw.metadata.uid);
        return { ...gameServerRecord(raw), ...(by === undefined ? {} : { priorityBy: by }) };
      });
      return records.sort((left, right) => ordinalOf(left) - ordinalOf(right));
    });
  }

  async patch(...[target, patch, options = {}]: Parameters<Cluster['patch']>): ReturnType<Cluster['patch']> {
    await options.permit?.();
    const isReal = options.dryRun !== true;
    return this.#call('patch', options.signal, () => {
      const by = currentWriter();
      const outcome = this.#writes.patch(target, patch, isReal);
      if (isReal) this.#note({ kind: 'patch', target, patch, outcome, by });
      return outcome;
    });
  }

  async recordEvent(...[event, signal, permit]: Parameters<Cluster['recordEvent']>): Promise<void> {
    await permit?.();
    return this.#call('recordEvent', signal, () => {
      const uid = this.#sets.find(event.set)?.raw.metadata.uid;
      const key = `${event.set.namespace}/${checkedName(event.name)}`;
      if (!this.#events.has(key)) this.#events.set(key, { event, uid });
    });
  }

  async exec(...[request, signal, permit]: Parameters<Cluster['exec']>): Promise<ExecOutcome> {
    await permit?.();
    if (request.command[0] === 'sleep') await sleep(request.timeoutMs, undefined, { ...(signal ? { signal } : {}) });
    return this.#call('exec', signal, () => {
      const server = this.#sets.serverIn(request.namespace, request.server);
      const set = server && this.#sets.setOf(server);
      if (!set) return { kind: 'failed', message: `there is no server ${request.server}` };
      const unanswered = { kind: 'unknown', message: `no answer within ${request.timeoutMs / 1000} s` } as const;
      if (request.command[0] === 'sleep') return unanswered;
      const outcome = this.#execute(request, server, set);
      const { container, command } = request;
      this.#note({ kind: 'exec', server: server.name, container, command, outcome, by: currentWriter() });
      const answerMs = asksToReload(request) ? set.kubelet.answerMsOf(server) : 0;
      return this.#answer(outcome, { answerMs, timeoutMs: request.timeoutMs, signal });
    });
  }

  httpGet(...[request, signal]: Parameters<Cluster['httpGet']>): ReturnType<Cluster['httpGet']> {
    return this.#call('httpGet', signal, () => {
      const server = this.#sets.serverAt(request.host);
      if (!server) return { kind: 'failed', message: 'connection refused' };
      if (request.tls) return NO_TLS;
      this.#note({ kind: 'http', server: server.name, path: request.path });
      return askEngine(server, request.path);
    });
  }

  async httpSend(...[request, signal, permit]: Parameters<Cluster['httpSend']>): ReturnType<Cluster['httpSend']> {
    await permit?.();
    return this.#call('httpSend', signal, () => {
      const server = this.#sets.serverAt(request.host);
      const set = server && this.#sets.setOf(server);
      if (!set) return { kind: 'failed', message: 'connection refused' };
      if (request.tls) return NO_TLS;
      this.#note({ kind: 'send', server: server.name, request, by: currentWriter() });
      const outcome = this.#model.send?.(request, server) ?? sendToEngine(server, set.kubelet, request);
      const answerMs = asksToReload(request) ? set.kubelet.answerMsOf(server) : 0;
      return this.#answer(outcome, { answerMs, timeoutMs: request.timeoutMs, signal });
    });
  }

  tcpConnect(...[request, signal]: Parameters<Cluster['tcpConnect']>): ReturnType<Cluster['tcpConnect']> {
    return this.#call('tcpConnect', signal, () =>
      this.#sets.serverAt(request.host) ? { kind: 'connected' } : { kind: 'failed', message: 'connection refused' },
    );
  }

  findInLog(...[request, signal]: Parameters<Cluster['findInLog']>): ReturnType<Cluster['findInLog']> {
    return this.#call('findInLog', signal, () => {
      const server = this.#sets.serverIn(request.namespace, request.server);
      return server
        ? findInFakeLog(server, request)
        : { kind: 'failed', message: `there is no server ${request.server}` };
    });
  }

  missingAccess(wanted: readonly Access[], signal?: AbortSignal): Promise<readonly Access[]> {
    return this.#call('missingAccess', signal, () => wanted.filter((access) => this.#model.lacks?.(access) ?? false));
  }

  versionOf(product: Product, signal?: AbortSignal): Promise<FoundVersion> {
    const version = (this.#model.versions ?? { kubernetes: 'v1.30.14' })[product];
    const found =
      version === undefined
        ? { unknown: `the worker may not get deployment ${product}-controller-manager` }
        : { version };
    return this.#call('versionOf', signal, () => found);
  }

  account(signal?: AbortSignal): Promise<FoundAccount> {
    return this.#call('account', signal, () => this.#model.account ?? { name: SHIPPED_ACCOUNT });
  }

  admissionPolicies(signal?: AbortSignal): Promise<FoundPolicies> {
    const unknown = 'the worker may not list validatingadmissionpolicies, and need not';
    return this.#call('admissionPolicies', signal, () => this.#model.policies ?? { unknown });
  }

  hasNamespace(namespace: string, signal?: AbortSignal): Promise<boolean | undefined> {
    return this.#call('hasNamespace', signal, () => this.#model.namespaces?.includes(namespace));
  }

  async #call<Result>(
    operation: Operation,
    signal: AbortSignal | undefined,
    run: () => Result | Promise<Result>,
  ): Promise<Result> {
    // Callers must not see anything happen before they have awaited it.
    await Promise.resolve();
    signal?.throwIfAborted();
    this.calls[operation] += 1;
    this.faults.strike(operation, 'before');
    const result = await run();
    this.faults.strike(operation, 'after');
    return result;
  }

  #execute(request: ExecRequest, server: FakeServer, set: FakeSet): ExecOutcome {
    const fault = this.faults.execFault(server.name);
    if (fault?.hasRun === false) return fault.outcome;
    const outcome = this.#model.exec?.(request, server) ?? runInContainer(server, set.kubelet, request);
    return fault?.outcome ?? outcome;
  }

  /** An answer that takes its time, or is not waited for. */
  async #answer<Outcome>(
    outcome: Outcome,
    {
      answerMs,
      timeoutMs,
      signal,
    }: { readonly answerMs: number; readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
  ): Promise<Outcome | { readonly kind: 'unknown'; readonly message: string }> {
    await passed(this.clock, Math.min(answerMs, timeoutMs), signal);
    return answerMs > timeoutMs ? { kind: 'unknown', message: `no answer within ${timeoutMs / 1000} s` } : outcome;
  }

  #note(entry: EntryWithoutTime): void {
    this.log.push({ at: this.clock.now(), ...entry });
  }

  #addSet(model: FakeSetModel, subnet: number): void {
    const set = new FakeSet(model, {
      subnet,
      clock: this.clock,
      timings: this.#model.timings ?? {},
      failures: this.#model.failures ?? {},
      events: {
        changed: () => {
          this.#resourceVersion += 1;
        },
        moved: (server, container, image) => this.#note({ kind: 'moved', server, container, image }),
        ready: (server) => this.#note({ kind: 'ready', server }),
        restarted: (server, container, restarts) => this.#note({ kind: 'restarted', server, container, restarts }),
        loaded: (server, version, why) => this.#note({ kind: 'loaded', server, version, why }),
        edited: (manager, what) => this.#note({ kind: 'edited', manager, what }),
      },
    });
    this.#sets.add(set);
  }
}

function ordinalOf({ name }: Pick<GameServerRecord, 'name'>): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}
