import { isBusy } from '../../release/checks/admission.ts';
import { cancellation, heartbeat, pause } from '../runtime.ts';
import type { GameServers } from '../ports/game-servers.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { Admission } from '../../release/spec/spec.ts';

/** Look which servers have players, and wait until one of them has none any more. */
export interface AdmitServersInput {
  readonly set: SetRef;
  /** Names of the servers that wait for their reload. */
  readonly servers: readonly string[];
  readonly busy: Admission['busy'];
  /** Return by then even if all are busy; milliseconds since the epoch. */
  readonly until: number;
  /** Once one is idle, others are waited for so long, in milliseconds: they then reload together. */
  readonly collect: number;
}

/** Which servers still have players. */
export interface Admitted {
  readonly busy: readonly string[];
}

/** Time between two looks: a look at many servers costs the API server a list. */
const LOOK_MS = 500;
const LOOK_MS_PER_SERVER = 4;

/**
 * Says which servers have players, as soon as one of them has none: at once, or when somebody has left. A server
 * without a GameServer is not waited for; the steps that follow say what is wrong with it.
 */
export function admitServers(cluster: GameServers): (input: AdmitServersInput) => Promise<Admitted> {
  return async (input) => {
    const { set, servers, busy: criteria, until, collect } = input;
    let end = until;
    for (;;) {
      const gameServers = await cluster.listGameServers(set, servers, cancellation());
      const busy = gameServers.filter((gameServer) => isBusy(criteria, gameServer)).map(({ name }) => name);
      const now = Date.now();
      if (busy.length < servers.length) end = Math.min(end, now + collect);
      if (busy.length === 0 || now >= end) return { busy };
      heartbeat({ v: 1, busy: busy.length });
      await pause(Math.min(LOOK_MS + LOOK_MS_PER_SERVER * busy.length, end - now));
    }
  };
}
