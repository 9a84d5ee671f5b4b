import type { ServerView } from '../../release/fleet/fleet.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { Judgement, LastReason, ServerFailure, Target } from '../../release/checks/server.ts';
import type { NotYetRight } from '../../release/checks/under-way.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import type { Blocker } from '../../release/checks/complaint.ts';
import { blockedText } from '../../release/checks/complaint.ts';
import type { PullCause } from '../../release/checks/pull-cause.ts';
import { judgeServer, timeoutFailure } from '../../release/checks/server.ts';

/** A suspect (an image that cannot be pulled yet, a write that is denied) becomes a failure after this long. */
const PATIENCE_MS = 20_000;

/** The facts about its batch that a watch needs. */
export interface WatchOptions {
  readonly servers: readonly PlannedServer[];
  readonly target: (planned: PlannedServer) => Target;
}

type Unwritten = Extract<Judgement, { readonly kind: 'waiting' }>;

/** A server that has just become done, as it was seen. */
export interface DoneServer {
  readonly server: ServerView;
  readonly planned: PlannedServer;
}

/** The findings about a batch of servers that are on their way to another image. */
export class ServerWatch {
  readonly #options: WatchOptions;
  readonly failures: ServerFailure[] = [];
  readonly #reasons = new Map<string, LastReason>();
  readonly #suspectSince = new Map<string, number>();
  /** Why their image could not be pulled, when the kubelet said it last: a back-off does not say it again. */
  readonly #causes = new Map<string, PullCause>();
  readonly #restartsBefore = new Map<string, number>();
  /**
   * Those whose image nobody has written yet, as they were seen: out of service, if they ever were. Kruise opens the gate of
   * whom it could not write, and closes it again on its next try.
   */
  readonly #unwritten = new Map<string, Unwritten>();
  /** The complaint that keeps Kruise from moving those whose image is not written, as far as it says so. */
  blocker: Blocker | undefined;
  pending: readonly PlannedServer[];

  constructor(options: WatchOptions) {
    this.#options = options;
    this.pending = options.servers;
  }

  /** Judges the pending servers; those that are done or have failed are pending no more. Returns who is done. */
  look(servers: readonly ServerView[], now: number): readonly DoneServer[] {
    const live = new Map(servers.map((server) => [server.name, server]));
    const done: DoneServer[] = [];
    this.pending = this.pending.filter((planned) => {
      const server = live.get(planned.name);
      const judgement = this.judge(planned, server, now);
      if (judgement.kind === 'done' && server) done.push({ server, planned });
      if (judgement.kind === 'failed') this.fail({ server: planned.name, ...judgement });
      return judgement.kind === 'waiting' || judgement.kind === 'suspect';
    });
    return done;
  }

  /** The result of a look at one server, with patience for what may pass. */
  judge(planned: PlannedServer, server: ServerView | undefined, now: number): Judgement {
    const target = this.#options.target(planned);
    this.#countRestarts(server, target);
    const restartsBefore = this.#restartsBefore.get(planned.name);
    const seen = this.#remembering(judgeServer(server, { ...target, restartsBefore }), target);
    const judgement = this.#settle(seen, planned.name, now);
    if (judgement.kind === 'waiting' || judgement.kind === 'suspect') this.#reasons.set(planned.name, judgement);
    return judgement;
  }

  /** The pending servers with which something is wrong that may pass, and what. */
  get suspects(): readonly NotYetRight[] {
    return this.pending.flatMap(({ name }) => {
      const { reason } = this.#reasons.get(name) ?? {};
      return reason !== undefined && this.#suspectSince.has(name) ? [{ server: name, reason }] : [];
    });
  }

  /** Names of the pending servers whose image nobody has written yet. */
  get unwritten(): readonly string[] {
    return this.pending.map(({ name }) => name).filter((name) => this.#unwritten.has(name));
  }

  /** Names of those of them that Kruise has taken out of service, and was not allowed to write then. */
  get shut(): readonly string[] {
    return this.unwritten.filter((name) => this.#unwritten.get(name)?.isShut === true);
  }

  /** Takes a server out of the pending ones: it has failed. */
  fail({ server, class: kind, reason }: ServerFailure): void {
    this.failures.push({ server, class: kind, reason });
    this.pending = this.pending.filter(({ name }) => name !== server);
  }

  /** Takes a server out of the pending ones: it is done. Returns it. */
  finish(server: string): PlannedServer | undefined {
    const planned = this.pending.find(({ name }) => name === server);
    this.pending = this.pending.filter(({ name }) => name !== server);
    return planned;
  }

  /** A finished server is pending again. */
  reopen(planned: PlannedServer): void {
    this.pending = [...this.pending, planned];
  }

  /** How a server that ran out of time has failed; `limit` is that time in words. */
  lateness(planned: PlannedServer, server: ServerView | undefined, limit: string): ServerFailure {
    const last = this.#reasons.get(planned.name) ?? { reason: 'nothing was seen' };
    return timeoutFailure(server, this.#options.target(planned), last, limit);
  }

  /** Fails all that are pending: time is over. */
  giveUp(servers: readonly ServerView[], limit: string): void {
    for (const planned of this.pending) {
      const server = servers.find(({ name }) => name === planned.name);
      this.fail(this.lateness(planned, server, limit));
    }
  }

  #remembering(seen: Judgement, target: Target): Judgement {
    const { name } = target.planned;
    const isUnwritten = seen.kind === 'waiting' && seen.isUnwritten === true;
    if (!isUnwritten) {
      this.#unwritten.delete(name);
      return seen;
    }
    const before = this.#unwritten.get(name);
    const known = before?.isShut === true ? before : seen;
    this.#unwritten.set(name, known);
    return this.#withBlocker(known, target);
  }

  /**
   * A server that is not moved, with the reason that Kruise gives. Its class is `refused` from then on. A denial is no
   * hiccup: each try of Kruise meets it again, and takes the server out of service. Any other obstacle may pass, and on
   * a way back there is nothing better to do than to wait.
   */
  #withBlocker(seen: Judgement, { planned: { name }, direction }: Target): Judgement {
    const { blocker } = this;
    if (!blocker) return seen;
    const cause = blocker.isDenied && direction === 'forward' ? {} : { cause: 'transient' as const };
    return { kind: 'suspect', class: 'refused', reason: blockedText(blocker, name), ...cause, isUnwritten: true };
  }

  /** While another image runs in it, a sidecar's restarts are those of that image. */
  #countRestarts(server: ServerView | undefined, { container, image }: Target): void {
    const found = server && containerOf(server.containers, container);
    if (server && found?.status && (found.image !== image || found.status.image !== image))
      this.#restartsBefore.set(server.name, found.status.restartCount);
  }

  /** A suspect that stays one for long enough has failed; what will not pass fails at once, and what may pass does not. */
  #settle(judgement: Judgement, name: string, now: number): Judgement {
    if (judgement.kind !== 'suspect') {
      this.#suspectSince.delete(name);
      if (judgement.kind === 'done') this.#causes.delete(name);
      return judgement;
    }
    const cause = judgement.cause ?? (judgement.class === 'imagePull' ? this.#causes.get(name) : undefined);
    if (cause && judgement.class === 'imagePull') this.#causes.set(name, cause);
    if (cause === 'transient') return judgement;
    if (cause === 'final') return { ...judgement, kind: 'failed' };
    const since = this.#suspectSince.get(name) ?? now;
    this.#suspectSince.set(name, since);
    return now - since < PATIENCE_MS ? judgement : { ...judgement, kind: 'failed' };
  }
}

/** The target of a server in a batch whose sidecars all get the same image. */
export function targetOf(
  input: Pick<Target, 'container' | 'image' | 'direction'> & {
    readonly revision?: string | undefined;
    readonly before: Readonly<Record<string, string>>;
  },
): (planned: PlannedServer) => Target {
  const { container, image, revision, direction, before } = input;
  return (planned) => ({
    planned,
    container,
    image,
    ...(revision === undefined ? {} : { revision }),
    direction,
    before: before[planned.name] ?? planned.containers[container] ?? '-',
  });
}
