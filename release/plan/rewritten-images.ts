import type { WorkloadView } from '../fleet/fleet.ts';
import { containerOf } from '../fleet/fleet.ts';
import { rewritingOf } from '../fleet/rewriting.ts';
import type { FleetSnapshot } from './plan.ts';
import { byName } from './waves.ts';

/** The image of a container, as an admission webhook rewrites it. */
export interface RewrittenImage {
  /** As the template names it. */
  readonly asked: string;
  /** As pods have it. */
  readonly found: string;
  readonly servers: readonly string[];
}

/**
 * The image of a container as admission has rewritten it, in the first server where it shows: one at the template's
 * revision, without an override of its own, whose pod asks for the template's image by another name. Undefined when
 * none does.
 * @param workload what the controllers have made of the set
 */
export function rewrittenImage(
  { set, servers, gameServers }: FleetSnapshot,
  container: string,
  workload: Pick<WorkloadView, 'updateRevision' | 'containers'> | undefined,
): RewrittenImage | undefined {
  const asked = containerOf(set.containers, container)?.image;
  if (asked === undefined || !workload || containerOf(workload.containers, container)?.image !== asked)
    return undefined;
  const overrides = byName(gameServers);
  const rewritten = servers.flatMap(({ name, revision, containers }) => {
    const found = containerOf(containers, container)?.image ?? '';
    const isAsMade =
      revision === workload.updateRevision && overrides.get(name)?.imageOverrides[container] === undefined;
    return isAsMade && rewritingOf(asked, found) !== undefined ? [{ name, found }] : [];
  });
  const [first] = rewritten;
  return first && { asked, found: first.found, servers: rewritten.map(({ name }) => name) };
}
