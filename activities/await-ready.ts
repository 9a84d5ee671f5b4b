import type { ServerView } from '../release/fleet.ts';
import type { PlannedServer } from '../release/plan.ts';
import { formatDuration } from '../release/quantity.ts';
import type { Judgement, ServerFailure } from '../release/server.ts';
import { judgeServer, timeoutFailure } from '../release/server.ts';
import type { StepReport } from '../release/verdict.ts';
import { stepReport } from '../release/verdict.ts';
import type { AwaitReadyInput } from './inputs.ts';
import type { Cluster } from './ports.ts';
import { cancellation, heartbeat, pause } from './runtime.ts';

/** A suspect (an image that cannot be pulled yet) becomes a failure after this long. */
const PATIENCE_MS = 20_000;
/** Time between two looks: enough for one server, more for many, because a look costs the API server a list. */
const LOOK_MS = 150;
const LOOK_MS_PER_SERVER = 3;

/**
 * Watches a batch until every server runs the target image, ready and with nothing else touched; until more have
 * failed than may; or until the deadline, when those that are left fail with the last reason they gave.
 * Only servers that are not done are read again, from a state at least as new as the look before.
 */
export function awaitReady(cluster: Cluster): (input: AwaitReadyInput) => Promise<StepReport> {
  return async (input) => {
    const watch = new Watch(input);
    const started = Date.now();
    let notOlderThan: string | undefined;
    for (;;) {
      const names = watch.pending.map(({ name }) => name);
      const scope = notOlderThan === undefined ? { names } : { names, notOlderThan };
      const list = await cluster.listServers(input.set, scope, cancellation());
      notOlderThan = list.resourceVersion;
      watch.look(list.servers, Date.now());
      if (watch.settled) return watch.report();
      if (Date.now() >= input.deadline) return watch.giveUp(list.servers, formatDuration(Date.now() - started));
      heartbeat({ v: 1, pending: watch.pending.length });
      await pause(LOOK_MS + LOOK_MS_PER_SERVER * watch.pending.length);
    }
  };
}

/** What has been seen of a batch so far. */
class Watch {
  readonly #input: AwaitReadyInput;
  readonly #failures: ServerFailure[] = [];
  readonly #reasons = new Map<string, string>();
  readonly #suspectSince = new Map<string, number>();
  pending: readonly PlannedServer[];

  constructor(input: AwaitReadyInput) {
    this.#input = input;
    this.pending = input.servers;
  }

  /** True when nothing more is to be learnt: all are done or failed, or too many have failed. */
  get settled(): boolean {
    return this.pending.length === 0 || this.#failures.length > this.#input.failFast;
  }

  look(servers: readonly ServerView[], now: number): void {
    const live = new Map(servers.map((server) => [server.name, server]));
    this.pending = this.pending.filter((planned) => this.#keepsWaiting(planned, live.get(planned.name), now));
  }

  report(): StepReport {
    const passed = this.#input.servers.length - this.pending.length - this.#failures.length;
    return stepReport(passed, this.#failures);
  }

  giveUp(servers: readonly ServerView[], limit: string): StepReport {
    const late = this.pending.map(({ name }) => {
      const server = servers.find((candidate) => candidate.name === name);
      return timeoutFailure(server, name, this.#reasons.get(name) ?? 'nothing was seen', limit);
    });
    return stepReport(this.#input.servers.length - late.length - this.#failures.length, [...this.#failures, ...late]);
  }

  #keepsWaiting(planned: PlannedServer, server: ServerView | undefined, now: number): boolean {
    const judgement = this.#settle(judgeServer(server, this.#target(planned)), planned.name, now);
    if (judgement.kind === 'failed')
      this.#failures.push({ server: planned.name, class: judgement.class, reason: judgement.reason });
    if (judgement.kind === 'waiting' || judgement.kind === 'suspect') this.#reasons.set(planned.name, judgement.reason);
    return judgement.kind === 'waiting' || judgement.kind === 'suspect';
  }

  /** A suspect that stays one for long enough has failed. */
  #settle(judgement: Judgement, name: string, now: number): Judgement {
    if (judgement.kind !== 'suspect') {
      this.#suspectSince.delete(name);
      return judgement;
    }
    const since = this.#suspectSince.get(name) ?? now;
    this.#suspectSince.set(name, since);
    return now - since < PATIENCE_MS ? judgement : { ...judgement, kind: 'failed' };
  }

  #target(planned: PlannedServer): Parameters<typeof judgeServer>[1] {
    const { container, image, revision, direction, before } = this.#input;
    return {
      planned,
      container,
      image,
      revision,
      direction,
      before: before[planned.name] ?? planned.containers[container] ?? '-',
    };
  }
}
