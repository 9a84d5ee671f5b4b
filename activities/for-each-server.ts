import type { ServerView } from '../release/fleet.ts';
import type { PlannedServer } from '../release/plan.ts';
import type { ServerFailure } from '../release/server.ts';
import type { StepReport } from '../release/verdict.ts';
import { stepReport } from '../release/verdict.ts';
import type { Cluster } from './ports.ts';
import { cancellation, keepAlive } from './runtime.ts';
import type { ServersInput } from './inputs.ts';
import { Places } from './places.ts';

/** What one server's part of a step came to: nothing, or why it failed. */
export type ServerStep = (
  server: ServerView,
  planned: PlannedServer,
) => Promise<Omit<ServerFailure, 'server'> | undefined>;

/**
 * Does one thing on every server of a batch, so many at once in all and on one node, and reports who failed and why.
 * A server whose pod is not the planned one any more fails without being asked.
 * @param cursor what a heartbeat records for the next attempt
 */
export async function forEachServer(
  cluster: Cluster,
  input: ServersInput,
  step: ServerStep,
  cursor?: () => unknown,
): Promise<StepReport> {
  const { servers: planned, set, concurrency } = input;
  const { servers } = await cluster.listServers(set, { names: planned.map(({ name }) => name) }, cancellation());
  const live = new Map(servers.map((server) => [server.name, server]));
  const places = new Places(concurrency);
  const one = async (wanted: PlannedServer): Promise<Omit<ServerFailure, 'server'> | undefined> => {
    const server = live.get(wanted.name);
    const gone = server
      ? recreated(server, wanted, input.direction)
      : { class: 'missing' as const, reason: `${wanted.name} has no pod` };
    if (gone || !server) return gone;
    return await places.run(server.node, () => step(server, wanted));
  };
  const results = await keepAlive(() => Promise.all(planned.map(one)), cursor);
  const failures = results.flatMap((failure, index) =>
    failure ? [{ server: planned[index]?.name ?? '', ...failure }] : [],
  );
  return stepReport(results.length - failures.length, failures);
}

function recreated(
  server: ServerView,
  planned: PlannedServer,
  direction: ServersInput['direction'],
): Omit<ServerFailure, 'server'> | undefined {
  if (direction === 'rollback' || server.uid === planned.uid) return undefined;
  return { class: 'recreated', reason: `the pod of ${server.name} was recreated: it is not the one that was planned` };
}
