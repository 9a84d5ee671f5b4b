import type { ServerView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { overridePatch } from '../../release/patches/overrides.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import { contentCheck } from '../servers/await-ready.ts';
import { Complaints } from '../servers/complaints.ts';
import { GameServerWriter, WRITES_AT_ONCE } from './game-server-writer.ts';
import { ReadyChecks } from '../servers/ready-checks.ts';
import { cancellation, isInterrupted, keepAlive } from '../runtime.ts';
import { ServerWatch, targetOf } from '../servers/server-watch.ts';
import { Views } from '../servers/views.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { GameServerRecord } from '../ports/game-servers.ts';
import type { AwaitReadyInput } from '../servers/await-ready.ts';
import { unpackServers } from '../../release/fleet/server-rows.ts';

/** Give servers their image through their GameServers, so many at once, and wait until they run it. */
export interface OverrideServersInput extends Omit<AwaitReadyInput, 'revision'> {
  /** The image that a GameServer may override already; any third one is somebody else's. */
  readonly from: string;
  /** Another one that an earlier release has left there. */
  readonly leftOn?: string | undefined;
  /** Servers on their way at once. */
  readonly maxUnavailable: number;
  /** How long one server may take, in milliseconds. */
  readonly timeout: number;
  /** Names the writes of this step. */
  readonly token: string;
}

/** The result. */
export interface OverrideReport extends StepReport {
  /** Names of the servers whose GameServer was written by this attempt, or whose write may have arrived. */
  readonly written: readonly string[];
  /** The workflow interrupted it: who else has moved is not known, and nothing of it is under way any more. */
  readonly interrupted?: true;
}

/**
 * Gives each server of a batch its image through its GameServer and watches it until it runs, ready, with the override
 * still there. Kruise paces none of this, so at most `maxUnavailable` servers are on their way at once. An override
 * that an older state undid is written again; one that somebody else set to a third image is theirs, and the server
 * fails.
 */
export function overrideServers(cluster: Cluster): (input: OverrideServersInput) => Promise<OverrideReport> {
  return async (input) => {
    const enough = new AbortController();
    const signal = AbortSignal.any([cancellation(), enough.signal]);
    const views = new Views();
    const planned = unpackServers(input.set, input.servers);
    const names = planned.map(({ name }) => name);
    const round = new OverrideRound(cluster, input, {
      planned,
      checks: new ReadyChecks(contentCheck(cluster, input, signal)),
      complaints: new Complaints(cluster, { set: input.set, signal }),
      views,
      servers: views.follow(cluster.followServers(input.set, names, signal)),
      gameServers: views.follow(cluster.followGameServers(input.set, names, signal)),
    });
    try {
      const report = await keepAlive(() => round.run());
      return { ...report, written: round.written };
    } catch (error) {
      if (!isInterrupted()) throw error;
      await round.writesAreOver();
      return { ...stepReport(0, []), written: round.written, interrupted: true };
    } finally {
      enough.abort();
      // A write that is still under way could undo what comes next.
      await round.writesAreOver();
    }
  };
}

interface Sight {
  readonly planned: readonly PlannedServer[];
  readonly checks: ReadyChecks;
  readonly complaints: Complaints;
  readonly views: Views;
  readonly servers: () => readonly ServerView[] | undefined;
  readonly gameServers: () => readonly GameServerRecord[] | undefined;
}

/** A server on its way, as its pod and its GameServer show it. */
interface Found {
  readonly planned: PlannedServer;
  readonly pod: ServerView | undefined;
  readonly record: GameServerRecord;
}

class OverrideRound {
  readonly #watch: ServerWatch;
  readonly #sight: Sight;
  readonly #checks: ReadyChecks;
  readonly #cluster: Cluster;
  readonly #input: OverrideServersInput;
  readonly #writer: GameServerWriter;
  /** When each server on its way was first written, in milliseconds since the epoch. */
  readonly #since = new Map<string, number>();
  readonly #done = new Map<string, PlannedServer>();
  readonly #writing = new Map<string, Promise<void>>();
  readonly #sent = new Set<string>();
  #trouble: { readonly error: unknown } | undefined;

  constructor(cluster: Cluster, input: OverrideServersInput, sight: Sight) {
    this.#cluster = cluster;
    this.#sight = sight;
    this.#checks = sight.checks;
    this.#input = input;
    this.#writer = new GameServerWriter(cluster, input.set, input.token);
    this.#watch = new ServerWatch({ servers: sight.planned, target: targetOf(input) });
  }

  /** Looks, whenever something has changed, until every server is done or has failed, or more have failed than may. */
  async run(): Promise<StepReport> {
    const { failures } = this.#watch;
    for (;;) {
      // A server that is done makes room for the next ones.
      while (this.#look());
      if (this.#trouble) throw this.#trouble.error;
      this.#checks.throwIfInTrouble();
      if (failures.length + this.#checks.failures.length > this.#input.failFast) break;
      if (this.#watch.pending.length + this.#writing.size > 0) await this.#sight.views.changed();
      else if (await this.#allHold()) break;
    }
    return stepReport(this.#checks.passed, [...failures, ...this.#checks.failures]);
  }

  /**
   * One look: judges the servers on their way, fails the late ones, and begins to write those that need it.
   * @returns true when some of them are on their way no more
   */
  #look(): boolean {
    const [servers, gameServers] = [this.#sight.servers(), this.#sight.gameServers()];
    if (!servers || !gameServers) return false;
    const pods = new Map(servers.map((server) => [server.name, server]));
    const records = new Map(gameServers.map((record) => [record.name, record]));
    this.#sight.complaints.tell(this.#watch, Date.now());
    const before = this.#watch.pending.length;
    for (const planned of this.#onTheirWay()) {
      const record = records.get(planned.name);
      if (!record) this.#watch.fail(hasNone(planned.name));
      else if (this.#needsWrite({ planned, pod: pods.get(planned.name), record }, Date.now())) this.#send(record);
    }
    return this.#watch.pending.length < before;
  }

  /** Judges one server; true when it has to be written: it never was, or its write was lost. */
  #needsWrite({ planned, pod, record }: Found, now: number): boolean {
    const { name } = planned;
    const judgement = this.#watch.judge(planned, pod, now);
    const [isReady, holds] = [judgement.kind === 'done', this.#holds(record)];
    if (judgement.kind === 'failed') this.#watch.fail({ server: name, ...judgement });
    else if (isReady && holds && this.#writer.hasArrived(name, pod)) this.#finish(planned, pod);
    else if (this.#isLate(name, now))
      this.#watch.fail(isReady ? this.#unconfirmed(record) : this.#lateness(planned, pod));
    else if (this.#writing.has(name)) return false;
    else if (this.#writer.isUndone(record, holds, now)) return true;
    else return (isReady || this.#imageOf(pod) !== this.#input.image) && this.#writer.needsWrite(name, now);
    return false;
  }

  /** The pending servers that are being updated, and as many more as may join them. */
  #onTheirWay(): readonly PlannedServer[] {
    return this.#watch.pending.slice(0, this.#input.maxUnavailable);
  }

  /**
   * The server is done, as far as one can see: its files are checked while others are still on their way. Its pod shows
   * that the controller knows of the write, so whatever undid it was written before that.
   */
  #finish(planned: PlannedServer, pod: ServerView | undefined): void {
    this.#watch.finish(planned.name);
    this.#done.set(planned.name, planned);
    if (pod) this.#checks.start(pod, planned);
  }

  /**
   * A GameServer that is followed may be shown later than its pod, so the last word is a list that is read when every
   * pod has shown the write. A server that has lost the override by then is on its way again.
   */
  async #allHold(): Promise<boolean> {
    await this.#checks.settle();
    const failed = new Set(this.#checks.failures.map(({ server }) => server));
    const names = [...this.#done.keys()].filter((name) => !failed.has(name));
    if (names.length === 0) return true;
    const records = await this.#cluster.listGameServers(this.#input.set, names, cancellation());
    const live = new Map(records.map((record) => [record.name, record]));
    const undone = names.filter((name) => !this.#holds(live.get(name)));
    for (const name of undone) this.#reopen(name);
    for (const name of undone) if (!live.has(name)) this.#watch.fail(hasNone(name));
    for (const record of records) if (undone.includes(record.name)) this.#send(record);
    return undone.length === 0;
  }

  #reopen(name: string): void {
    const planned = this.#done.get(name);
    this.#done.delete(name);
    this.#writer.forget(name);
    if (planned) this.#watch.reopen(planned);
  }

  #holds(record: GameServerRecord | undefined): boolean {
    return record?.imageOverrides[this.#input.container] === this.#input.image;
  }

  /** Begins to write a GameServer, if there is a place for one more write; else the next look does. */
  #send(record: GameServerRecord): void {
    const { name } = record;
    if (this.#writing.size >= WRITES_AT_ONCE || !this.#isOurs(record)) return;
    this.#sent.add(name);
    const writing = this.#write(record).finally(() => {
      this.#writing.delete(name);
      this.#sight.views.wake();
    });
    this.#writing.set(name, writing);
  }

  async #write(record: GameServerRecord): Promise<void> {
    const { container, image } = this.#input;
    const { name } = record;
    try {
      const outcome = await this.#writer.writeOne(record, (found, token) =>
        overridePatch(found, { container, image }, token),
      );
      if (outcome.kind === 'applied' || outcome.kind === 'alreadyApplied') {
        if (!this.#since.has(name)) this.#since.set(name, Date.now());
      } else if (outcome.kind === 'notFound') {
        this.#watch.fail(hasNone(name));
      } else if (outcome.kind === 'denied') {
        const reason = `the API server refuses the override of ${name}: ${outcome.message}`;
        this.#watch.fail({ server: name, class: 'overridden', reason });
      }
    } catch (error) {
      this.#trouble ??= { error };
    }
  }

  /** Names of those for which a write was sent. */
  get written(): readonly string[] {
    return [...this.#sent];
  }

  /** Resolves when no write is under way any more. */
  async writesAreOver(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  /** The image is what the release found, or what it writes; any third one was set by somebody else. */
  #isOurs(record: GameServerRecord): boolean {
    const { container, image, from, leftOn } = this.#input;
    const found = record.imageOverrides[container];
    if (found === undefined || [image, from, leftOn].includes(found)) return true;
    const reason = `somebody set the image of ${container} in GameServer ${record.name} to ${found}; hotwave does not overwrite it`;
    this.#watch.fail({ server: record.name, class: 'overridden', reason });
    return false;
  }

  #isLate(name: string, now: number): boolean {
    const since = this.#since.get(name);
    return (since !== undefined && now - since > this.#input.timeout) || now >= this.#input.deadline;
  }

  #lateness(planned: PlannedServer, pod: ServerView | undefined): ServerFailure {
    return this.#watch.lateness(planned, pod, formatDuration(this.#input.timeout));
  }

  /** It runs the image, but the override would not last, or nobody has shown that it would. */
  #unconfirmed({ name, imageOverrides }: GameServerRecord): ServerFailure {
    const { container, image } = this.#input;
    const reason = `${name} runs ${image}, but its GameServer overrides the image of ${container} with ${imageOverrides[container] ?? 'nothing'} and the controller has not shown to know of the write: see that kruise-game-manager runs`;
    return { server: name, class: 'overridden', reason };
  }

  #imageOf(pod: ServerView | undefined): string | undefined {
    return pod && containerOf(pod.containers, this.#input.container)?.image;
  }
}

function hasNone(name: string): ServerFailure {
  return { server: name, class: 'missing', reason: `${name} has no GameServer` };
}
