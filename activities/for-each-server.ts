import pLimit from 'p-limit';
import type { ServerView } from '../release/fleet.ts';
import type { PlannedServer } from '../release/plan.ts';
import type { ServerFailure } from '../release/server.ts';
import type { StepReport } from '../release/verdict.ts';
import { stepReport } from '../release/verdict.ts';
import type { Cluster } from './ports.ts';
import { cancellation, heartbeat } from './runtime.ts';
import type { ServersInput } from './inputs.ts';

/** How often an activity that asks servers says that it is alive. Every call in it has its own deadline. */
const HEARTBEAT_MS = 2_000;

/** What one server's part of a step came to: nothing, or why it failed. */
export type ServerStep = (
  server: ServerView,
  planned: PlannedServer,
) => Promise<Omit<ServerFailure, 'server'> | undefined>;

/**
 * Does one thing on every server of a batch, so many at once in all and on one node, and reports who failed and why.
 * A server whose pod is not the planned one any more fails without being asked.
 */
export async function forEachServer(cluster: Cluster, input: ServersInput, step: ServerStep): Promise<StepReport> {
  const { servers: planned, set, concurrency } = input;
  const { servers } = await cluster.listServers(set, { names: planned.map(({ name }) => name) }, cancellation());
  const wishes = new Map(planned.map((wanted) => [wanted.name, wanted]));
  const results = await onEachServer(servers, concurrency, async (server) => {
    const wanted = wishes.get(server.name);
    return wanted && (recreated(server, wanted, input.direction) ?? (await step(server, wanted)));
  });
  const failures = planned.flatMap(({ name }) => {
    const failure = results.has(name) ? results.get(name) : { class: 'missing' as const, reason: `${name} has no pod` };
    return failure ? [{ server: name, ...failure }] : [];
  });
  return stepReport(planned.length - failures.length, failures);
}

/** Does one thing on every server, so many at once in all and on one node, with a heartbeat; the results by name. */
export async function onEachServer<Result>(
  servers: readonly ServerView[],
  concurrency: ServersInput['concurrency'],
  run: (server: ServerView) => Promise<Result>,
): Promise<ReadonlyMap<string, Result>> {
  const inAll = pLimit(concurrency.total);
  const onNode = new Map(servers.map(({ node }) => [node, pLimit(concurrency.perNode)]));
  const alive = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    const results = await Promise.all(
      servers.map((server) => {
        const perNode = onNode.get(server.node) ?? inAll;
        return perNode(() => inAll(() => run(server)));
      }),
    );
    return new Map(servers.map(({ name }, index) => [name, results[index] as Result]));
  } finally {
    clearInterval(alive);
  }
}

function recreated(
  server: ServerView,
  planned: PlannedServer,
  direction: ServersInput['direction'],
): Omit<ServerFailure, 'server'> | undefined {
  if (direction === 'rollback' || server.uid === planned.uid) return undefined;
  return { class: 'recreated', reason: `the pod of ${server.name} was recreated: it is not the one that was planned` };
}
