import type { ServerView } from '../release/fleet.ts';
import { containerOf } from '../release/fleet.ts';
import { overridePatch } from '../release/overrides.ts';
import type { PlannedServer } from '../release/plan.ts';
import { formatDuration } from '../release/quantity.ts';
import type { ServerFailure } from '../release/server.ts';
import type { StepReport } from '../release/verdict.ts';
import { stepReport } from '../release/verdict.ts';
import { contentCheck } from './await-ready.ts';
import { GameServerWriter } from './game-server-writer.ts';
import type { OverrideServersInput } from './inputs.ts';
import type { Cluster, GameServerRecord } from './ports.ts';
import { ReadyChecks } from './ready-checks.ts';
import { cancellation, keepAlive, pause } from './runtime.ts';
import { ServerWatch, targetOf } from './server-watch.ts';

/** Time between two looks: enough for one server, more for many, because a look costs the API server a list. */
const LOOK_MS = 150;
const LOOK_MS_PER_SERVER = 3;

/** How long to wait between two looks at this many servers, in milliseconds. */
function timeBetweenLooks(servers: number): number {
  return LOOK_MS + LOOK_MS_PER_SERVER * servers;
}

/**
 * Gives each server of a batch its image through its GameServer and watches it until it runs, ready, with the override
 * still there. Kruise paces none of this, so at most `maxUnavailable` servers are on their way at once. An override
 * that an older state undid is written again; one that somebody else set to a third image is theirs, and the server
 * fails.
 */
export function overrideServers(cluster: Cluster): (input: OverrideServersInput) => Promise<StepReport> {
  return async (input) => {
    const enough = new AbortController();
    const signal = AbortSignal.any([cancellation(), enough.signal]);
    const round = new OverrideRound(cluster, input, new ReadyChecks(contentCheck(cluster, input, signal)));
    try {
      return await keepAlive(() => round.run());
    } finally {
      enough.abort();
    }
  };
}

class OverrideRound {
  readonly #watch: ServerWatch;
  readonly #checks: ReadyChecks;
  readonly #cluster: Cluster;
  readonly #input: OverrideServersInput;
  readonly #writer: GameServerWriter;
  /** When each server on its way was first written, in milliseconds since the epoch. */
  readonly #since = new Map<string, number>();

  constructor(cluster: Cluster, input: OverrideServersInput, checks: ReadyChecks) {
    this.#cluster = cluster;
    this.#checks = checks;
    this.#input = input;
    this.#writer = new GameServerWriter(cluster, input.set, input.token);
    this.#watch = new ServerWatch({ servers: input.servers, target: targetOf(input) });
  }

  /** Looks until every server is done or has failed, or more have failed than may. */
  async run(): Promise<StepReport> {
    const { failures } = this.#watch;
    for (;;) {
      await this.#look();
      this.#checks.throwIfInTrouble();
      if (failures.length + this.#checks.failures.length > this.#input.failFast) break;
      if (this.#watch.pending.length === 0) {
        await this.#checks.settle();
        break;
      }
      await pause(timeBetweenLooks(this.#onTheirWay().length));
    }
    return stepReport(this.#checks.passed, [...failures, ...this.#checks.failures]);
  }

  /** One look: judges the servers on their way, fails the late ones, and sends as many more as may go. */
  async #look(): Promise<void> {
    const names = this.#onTheirWay().map(({ name }) => name);
    const { servers } = await this.#cluster.listServers(this.#input.set, { names }, cancellation());
    const pods = new Map(servers.map((server) => [server.name, server]));
    const now = Date.now();
    const ready: string[] = [];
    const unmoved: string[] = [];
    for (const planned of this.#onTheirWay()) {
      const pod = pods.get(planned.name);
      const judgement = this.#watch.judge(planned, pod, now);
      if (judgement.kind === 'failed') this.#watch.fail({ server: planned.name, ...judgement });
      else if (judgement.kind === 'done') ready.push(planned.name);
      else if (this.#isLate(planned.name, now)) this.#watch.fail(this.#lateness(planned.name, pod));
      else if (this.#imageOf(pod) !== this.#input.image && this.#writer.needsWrite(planned.name, now))
        unmoved.push(planned.name);
    }
    await this.#write(unmoved, await this.#confirm(ready, pods));
  }

  /** The pending servers that are being updated, and as many more as may join them. */
  #onTheirWay(): readonly PlannedServer[] {
    return this.#watch.pending.slice(0, this.#input.maxUnavailable);
  }

  /** A ready server counts only with the override still in its GameServer, as the controller has shown to know it. */
  async #confirm(ready: readonly string[], pods: ReadonlyMap<string, ServerView>): Promise<GameServerRecord[]> {
    if (ready.length === 0) return [];
    const records = await this.#cluster.listGameServers(this.#input.set, ready, cancellation());
    const undone: GameServerRecord[] = [];
    for (const record of records) {
      const held = record.imageOverrides[this.#input.container] === this.#input.image;
      if (held && this.#writer.hasArrived(record.name, pods.get(record.name))) this.#finish(record.name, pods);
      else if (this.#isLate(record.name, Date.now())) this.#watch.fail(this.#unconfirmed(record));
      else if (!held || this.#writer.needsWrite(record.name, Date.now())) undone.push(record);
    }
    for (const name of ready.filter((candidate) => !records.some((record) => record.name === candidate)))
      this.#watch.fail({ server: name, class: 'missing', reason: `${name} has no GameServer` });
    return undone;
  }

  /** The server is done; its files are checked while others are still on their way. */
  #finish(name: string, pods: ReadonlyMap<string, ServerView>): void {
    const planned = this.#watch.finish(name);
    const server = pods.get(name);
    if (planned && server) this.#checks.start(server, planned);
  }

  async #write(unmoved: readonly string[], undone: readonly GameServerRecord[]): Promise<void> {
    const { set, container, image } = this.#input;
    const records = unmoved.length === 0 ? [] : await this.#cluster.listGameServers(set, unmoved, cancellation());
    const writable = [...records, ...undone].filter((record) => this.#isOurs(record));
    const outcomes = await this.#writer.write(writable, (record, token) =>
      overridePatch(record, { container, image }, token),
    );
    for (const [name, outcome] of outcomes) {
      if (outcome.kind === 'applied' || outcome.kind === 'alreadyApplied') {
        if (!this.#since.has(name)) this.#since.set(name, Date.now());
      } else if (outcome.kind === 'notFound') {
        this.#watch.fail({ server: name, class: 'missing', reason: `${name} has no GameServer` });
      } else if (outcome.kind === 'denied') {
        const reason = `the API server refuses the override of ${name}: ${outcome.message}`;
        this.#watch.fail({ server: name, class: 'overridden', reason });
      }
    }
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

  #lateness(name: string, pod: ServerView | undefined): ServerFailure {
    return this.#watch.lateness(name, pod, formatDuration(this.#input.timeout));
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
