import type { Question } from '../../activities/probes/question.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { SET } from './builders.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';

/** A server as a plan made now would have it. */
export function planned(server: ServerView): PlannedServer {
  return plannedServer(
    server,
    server.containers.map(({ name }) => name),
  );
}

/** A question to `duel-0` about version `2.0`; `wishes` says what differs. */
export async function aQuestion(cluster: Cluster, wishes: Partial<Question> = {}): Promise<Question> {
  const [server] = (await cluster.listServers(SET, { names: ['duel-0'] })).servers;
  if (!server) throw new Error('there is no server duel-0');
  const { signal } = new AbortController();
  return { cluster, namespace: SET.namespace, server, version: '2.0', signal, ...wishes };
}
