import type { FleetLook, SeenServer } from '../../release/checks/fleet-look.ts';
import { basisOf, hasBasis, unpackBases } from '../../release/fleet/basis.ts';
import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import type { KnownOnes } from '../../release/fleet/newcomers.ts';
import { isUnsettled } from '../../release/fleet/newcomers.ts';
import { serverName } from '../../release/fleet/identity.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import type { Servers } from '../ports/servers.ts';
import { cancellation } from '../runtime.ts';

/** Look at every server of a set once: which are not as expected? */
export interface LookAtFleetInput {
  readonly set: SetRef;
  /** The container whose image the release changes. */
  readonly container: string;
  /** The containers of the set's template. */
  readonly containers: readonly string[];
  /** The expected answer, see `packBases`. */
  readonly expected: string;
  /** With it, servers that came since are counted. */
  readonly known?: KnownOnes | undefined;
}

/** More changed servers than this in one answer would tell nothing new. */
const MOST_SHOWN = 300;

/** Looks at every server of the set once, and says which are not as they are expected to be. It judges nothing. */
export function lookAtFleet(cluster: Servers): (input: LookAtFleetInput) => Promise<FleetLook> {
  return async ({ set, container, containers, expected, known }) => {
    const { servers } = await cluster.listServers(set, {}, cancellation());
    const live = new Map(servers.map((server) => [server.ordinal, server]));
    const missing: string[] = [];
    const changed: SeenServer[] = [];
    for (const [ordinal, basis] of unpackBases(expected)) {
      const server = live.get(ordinal);
      if (!server) missing.push(serverName(set, ordinal));
      else {
        const seen = seenServer(server, container, containers);
        if (seen.deleting || !hasBasis(seen.server, seen.image, basis)) changed.push(seen);
      }
    }
    return {
      missing: missing.slice(0, MOST_SHOWN),
      changed: changed.slice(0, MOST_SHOWN),
      more: Math.max(0, changed.length - MOST_SHOWN) + Math.max(0, missing.length - MOST_SHOWN),
      ...(known ? { came: servers.filter(isUnsettled(known)).length } : {}),
    };
  };
}

function seenServer(view: ServerView, container: string, containers: readonly string[]): SeenServer {
  const server = plannedServer(view, containers);
  const image = containerOf(view.containers, container)?.image ?? '';
  return { server, image, basis: basisOf(server, image), deleting: view.deleting };
}
