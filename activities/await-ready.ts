import type { ServerView } from '../release/fleet.ts';
import type { PlannedServer } from '../release/plan.ts';
import { formatDuration } from '../release/quantity.ts';
import type { Judgement, ServerFailure } from '../release/server.ts';
import { judgeServer, timeoutFailure } from '../release/server.ts';
import type { StepReport } from '../release/verdict.ts';
import { stepReport } from '../release/verdict.ts';
import { checkServer } from './check-servers.ts';
import type { AwaitReadyInput } from './inputs.ts';
import { Places } from './places.ts';
import type { Cluster } from './ports.ts';
import { ReadyChecks } from './ready-checks.ts';
import type { ReadyCheck } from './ready-checks.ts';
import { cancellation, heartbeat, pause } from './runtime.ts';

/** A suspect (an image that cannot be pulled yet) becomes a failure after this long. */
const PATIENCE_MS = 20_000;
/** Time between two looks: enough for one server, more for many, because a look costs the API server a list. */
const LOOK_MS = 150;
const LOOK_MS_PER_SERVER = 3;
const HEARTBEAT_MS = 2_000;

/**
 * Watches a batch until every server runs the target image, ready, with nothing else touched and with the new files in
 * place; until more have failed than may; or until the deadline, when those that are left fail with the last reason
 * they gave. Only servers that are not done are read again, from a state at least as new as the look before.
 */
export function awaitReady(cluster: Cluster): (input: AwaitReadyInput) => Promise<StepReport> {
  return async (input) => {
    const enough = new AbortController();
    const checks = new ReadyChecks(contentCheck(cluster, input, AbortSignal.any([cancellation(), enough.signal])));
    const alive = setInterval(() => heartbeat(), HEARTBEAT_MS);
    try {
      const late = await watchUntilSettled(cluster, input, checks);
      return stepReport(checks.passed, [...late, ...checks.failures]);
    } finally {
      clearInterval(alive);
      enough.abort();
    }
  };
}

/** Returns who did not become ready; who did is handed to the checks. */
async function watchUntilSettled(
  cluster: Cluster,
  input: AwaitReadyInput,
  checks: ReadyChecks,
): Promise<readonly ServerFailure[]> {
  const watch = new Watch(input);
  const started = Date.now();
  let notOlderThan: string | undefined;
  for (;;) {
    const names = watch.pending.map(({ name }) => name);
    const scope = notOlderThan === undefined ? { names } : { names, notOlderThan };
    const list = await cluster.listServers(input.set, scope, cancellation());
    notOlderThan = list.resourceVersion;
    for (const { server, planned } of watch.look(list.servers, Date.now())) checks.start(server, planned);
    checks.throwIfInTrouble();
    if (watch.failures.length + checks.failures.length > input.failFast) return watch.failures;
    const late = Date.now() >= input.deadline ? watch.giveUp(list.servers, formatDuration(Date.now() - started)) : [];
    if (watch.pending.length === 0) {
      await checks.settle();
      return [...watch.failures, ...late];
    }
    await pause(LOOK_MS + LOOK_MS_PER_SERVER * watch.pending.length);
  }
}

function contentCheck(cluster: Cluster, { set, content }: AwaitReadyInput, signal: AbortSignal): ReadyCheck {
  if (!content) return () => Promise.resolve(undefined);
  const places = new Places(content.concurrency);
  const step = { kind: 'content', probes: [content.probe] } as const;
  return (server) =>
    places.run(server.node, () => {
      signal.throwIfAborted();
      return checkServer({ cluster, namespace: set.namespace, server, version: content.version, signal }, step);
    });
}

interface DoneServer {
  readonly server: ServerView;
  readonly planned: PlannedServer;
}

/** What has been seen of a batch so far. */
class Watch {
  readonly #input: AwaitReadyInput;
  readonly failures: ServerFailure[] = [];
  readonly #reasons = new Map<string, string>();
  readonly #suspectSince = new Map<string, number>();
  pending: readonly PlannedServer[];

  constructor(input: AwaitReadyInput) {
    this.#input = input;
    this.pending = input.servers;
  }

  /** Takes in what the servers look like now, and returns those that have become done by it. */
  look(servers: readonly ServerView[], now: number): readonly DoneServer[] {
    const live = new Map(servers.map((server) => [server.name, server]));
    const done: DoneServer[] = [];
    this.pending = this.pending.filter((planned) => {
      const server = live.get(planned.name);
      const judgement = this.#judge(planned, server, now);
      if (judgement.kind === 'done' && server) done.push({ server, planned });
      return judgement.kind === 'waiting' || judgement.kind === 'suspect';
    });
    return done;
  }

  /** Waits for nobody any more: who was waited for has failed. */
  giveUp(servers: readonly ServerView[], limit: string): readonly ServerFailure[] {
    const late = this.pending.map(({ name }) => {
      const server = servers.find((candidate) => candidate.name === name);
      return timeoutFailure(server, name, this.#reasons.get(name) ?? 'nothing was seen', limit);
    });
    this.pending = [];
    return late;
  }

  #judge(planned: PlannedServer, server: ServerView | undefined, now: number): Judgement {
    const judgement = this.#settle(judgeServer(server, this.#target(planned)), planned.name, now);
    if (judgement.kind === 'failed')
      this.failures.push({ server: planned.name, class: judgement.class, reason: judgement.reason });
    if (judgement.kind === 'waiting' || judgement.kind === 'suspect') this.#reasons.set(planned.name, judgement.reason);
    return judgement;
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
