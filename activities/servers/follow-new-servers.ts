import pLimit from 'p-limit';
import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { shortUid } from '../../release/fleet/identity.ts';
import { unpackServers } from '../../release/fleet/server-rows.ts';
import type { ServerRows } from '../../release/fleet/server-rows.ts';
import { NO_RUN, fingerprint, isSameRun } from '../../release/fleet/run.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import { askServer } from '../probes/ask-server.ts';
import { cancellation, heartbeat, pause } from '../runtime.ts';
import { ServerWatch, targetOf } from './server-watch.ts';
import type { Servers } from '../ports/servers.ts';
import type { Probes } from '../ports/probes.ts';
import type { Probe } from '../../release/spec/spec.ts';
import type { StepReport } from '../../release/checks/verdict.ts';

/** Follow the servers that are created, until something new is known of them. */
export interface FollowNewServersInput {
  readonly set: SetRef;
  readonly container: string;
  readonly image: string;
  readonly version: string;
  readonly proof: Probe;
  /** Servers that were there before, which must stay as they are. */
  readonly bystanders: ServerRows;
  /** Short uids of new servers of which it is known how they ended. */
  readonly settled: readonly string[];
  /** How long one new server may take to prove its version, in milliseconds since it was first seen. */
  readonly timeout: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** A server that was created during the release. */
export interface NewServer {
  readonly name: string;
  /** The short form of its pod's uid. */
  readonly uid: string;
}

/** The new servers since the last look. */
export interface NewServersReport extends StepReport {
  readonly proved: readonly NewServer[];
  /** Short uids of the new servers that were proved or have failed. */
  readonly settled: readonly string[];
  /** Short uids of those of the bystanders and the settled ones that are not there any more. */
  readonly gone: readonly string[];
}

const LOOK_MS = 500;
/** News of several servers is told together: each telling costs the history of the release some events. */
const GATHER_MS = 2_000;
const ASKED_AT_ONCE = 20;

/**
 * Watches the set for servers that were not there when the release was planned, until something is known of one: it
 * runs the new image, ready, and proves the version; or it has failed. Also fails a server that was there before and
 * was given the new image. Returns without news when the time is over.
 */
export function followNewServers(
  cluster: Servers & Probes,
): (input: FollowNewServersInput) => Promise<NewServersReport> {
  return async (input) => {
    const watch = new NewServerWatch(cluster, input);
    for (;;) {
      await watch.look();
      if (watch.hasNews() || Date.now() >= input.until) return watch.report();
      heartbeat({ v: 1, pending: watch.pending });
      await pause(LOOK_MS);
    }
  };
}

class NewServerWatch {
  readonly #cluster: Servers & Probes;
  readonly #input: FollowNewServersInput;
  readonly #known: ReadonlyMap<string, PlannedServer>;
  readonly #settled: Set<string>;
  readonly #seenAt = new Map<string, number>();
  readonly #watch: ServerWatch;
  readonly #proved: NewServer[] = [];
  readonly #news: string[] = [];
  readonly #failures: ServerFailure[] = [];
  readonly #limit = pLimit(ASKED_AT_ONCE);
  #newsAt: number | undefined;
  #present: ReadonlySet<string> = new Set();
  pending = 0;

  constructor(cluster: Servers & Probes, input: FollowNewServersInput) {
    this.#cluster = cluster;
    this.#input = input;
    this.#known = new Map(unpackServers(input.set, input.bystanders).map((server) => [server.uid, server]));
    this.#settled = new Set(input.settled);
    const { container, image } = input;
    this.#watch = new ServerWatch({
      servers: [],
      target: targetOf({ container, image, direction: 'forward', before: {} }),
    });
  }

  /** True when there is something to tell and nothing more to wait for, or it has waited long enough. */
  hasNews(): boolean {
    if (this.#failures.length > 0) return true;
    if (this.#newsAt === undefined) return false;
    return this.pending === 0 || Date.now() - this.#newsAt >= GATHER_MS;
  }

  report(): NewServersReport {
    const gone = [...this.#known.keys(), ...this.#settled].filter((uid) => !this.#present.has(uid));
    return { ...stepReport(this.#proved.length, this.#failures), proved: this.#proved, settled: this.#news, gone };
  }

  async look(): Promise<void> {
    const { servers } = await this.#cluster.listServers(this.#input.set, {}, cancellation());
    this.#present = new Set(servers.map(({ uid }) => shortUid(uid)));
    // A pod that has the old image was made before the release wrote the new one: it stays as it is, like the others.
    const created = servers.filter(
      (server) =>
        !this.#known.has(shortUid(server.uid)) && !this.#settled.has(shortUid(server.uid)) && this.#hasImage(server),
    );
    this.#failures.push(...servers.flatMap((server) => this.#moved(server)));
    const outcomes = await this.#limit.map(created, (server) => this.#judge(server));
    this.pending = outcomes.filter((outcome) => outcome === undefined).length;
    for (const [index, outcome] of outcomes.entries()) {
      const server = created[index];
      if (!server || outcome === undefined) continue;
      const uid = shortUid(server.uid);
      this.#settled.add(uid);
      this.#news.push(uid);
      this.#newsAt ??= Date.now();
      if (outcome === 'proved') this.#proved.push({ name: server.name, uid });
      else this.#failures.push(outcome);
    }
  }

  #hasImage({ containers }: ServerView): boolean {
    return containerOf(containers, this.#input.container)?.image === this.#input.image;
  }

  /** A server that was there before and is given the new image was moved, which this strategy never does. */
  #moved(server: ServerView): ServerFailure[] {
    const { container, image } = this.#input;
    const known = this.#known.get(shortUid(server.uid));
    // One that ran the image when it was last known (an override of an earlier release) has not moved.
    const isSame = isSameRun(known?.containers[container] ?? NO_RUN, fingerprint(server, container));
    if (!known || !this.#hasImage(server) || isSame) return [];
    const reason = `${server.name} was there before the release and was given ${image} all the same`;
    return [{ server: server.name, class: 'moved', reason }];
  }

  async #judge(server: ServerView): Promise<'proved' | ServerFailure | undefined> {
    const { name } = server;
    const now = Date.now();
    const since = this.#seenAt.get(server.uid) ?? now;
    this.#seenAt.set(server.uid, since);
    // A new server is measured against nothing: whatever its containers are, it was made with them.
    const planned = plannedServer(server, []);
    const judgement = this.#watch.judge(planned, server, now);
    if (judgement.kind === 'failed') return { server: name, class: judgement.class, reason: judgement.reason };
    const late = now - since >= this.#input.timeout;
    if (judgement.kind !== 'done')
      return late ? this.#watch.lateness(planned, server, formatDuration(this.#input.timeout)) : undefined;
    const reason = await this.#ask(server);
    if (reason === undefined) return 'proved';
    return late ? { server: name, class: 'version', reason } : undefined;
  }

  #ask(server: ServerView): Promise<string | undefined> {
    const { set, version, proof } = this.#input;
    const question = { cluster: this.#cluster, namespace: set.namespace, server, version, signal: cancellation() };
    return askServer(question, proof, '{{version}}');
  }
}
