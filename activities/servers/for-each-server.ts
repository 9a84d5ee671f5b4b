import type { ServerView } from '../../release/fleet/fleet.ts';
import { isSamePod } from '../../release/fleet/identity.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import { cancellation, keepAlive } from '../runtime.ts';
import { Places } from './places.ts';
import type { Servers } from '../ports/servers.ts';
import type { ServersInput } from './servers-input.ts';
import { unpackServers } from '../../release/fleet/server-rows.ts';

/** The result of one server's part of a step: nothing, or why it failed. */
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
  cluster: Servers,
  input: ServersInput,
  step: ServerStep,
  cursor?: () => unknown,
): Promise<StepReport> {
  const { set, concurrency } = input;
  const planned = unpackServers(set, input.servers);
  const { servers } = await cluster.listServers(set, { names: planned.map(({ name }) => name) }, cancellation());
  const wishes = new Map(planned.map((wanted) => [wanted.name, wanted]));
  const one = async (server: ServerView): Promise<Omit<ServerFailure, 'server'> | undefined> => {
    const wanted = wishes.get(server.name);
    return wanted && (recreated(server, wanted, input.direction) ?? (await step(server, wanted)));
  };
  const results = await onEachServer(servers, { concurrency, cursor }, one);
  const failures = planned.flatMap(({ name }) => {
    const failure = results.has(name) ? results.get(name) : { class: 'missing' as const, reason: `${name} has no pod` };
    return failure ? [{ server: name, ...failure }] : [];
  });
  return stepReport(planned.length - failures.length, failures);
}

/** Does one thing on every server, so many at once in all and on one node, with a heartbeat; the results by name. */
export async function onEachServer<Result>(
  servers: readonly ServerView[],
  how: { readonly concurrency: ServersInput['concurrency']; readonly cursor?: (() => unknown) | undefined },
  run: (server: ServerView) => Promise<Result>,
): Promise<ReadonlyMap<string, Result>> {
  const places = new Places(how.concurrency);
  const one = (server: ServerView): Promise<Result> => places.run(server.node, () => run(server));
  const results = await keepAlive(() => Promise.all(servers.map(one)), how.cursor);
  return new Map(servers.map(({ name }, index) => [name, results[index] as Result]));
}

function recreated(
  server: ServerView,
  planned: PlannedServer,
  direction: ServersInput['direction'],
): Omit<ServerFailure, 'server'> | undefined {
  if (direction === 'rollback' || isSamePod(server, planned)) return undefined;
  return { class: 'recreated', reason: `the pod of ${server.name} was recreated: it is not the one that was planned` };
}
