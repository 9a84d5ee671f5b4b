import type { GameServers } from '../../activities/ports/game-servers.ts';
import type { Servers } from '../../activities/ports/servers.ts';
import type { FakeCluster } from './fake-cluster.ts';

/** The words of the webhook of {@link denying}. */
export const DENIED = 'admission webhook "vgameserver.test" denied the request: not on fridays';

/** The same cluster, but an admission webhook lets nobody write this GameServer. */
export function denying(cluster: FakeCluster, denied: string): Servers & GameServers {
  return {
    listServers: (...call) => cluster.listServers(...call),
    readComplaints: (...call) => cluster.readComplaints(...call),
    serversWithOtherPriority: (...call) => cluster.serversWithOtherPriority(...call),
    followServers: (...call) => cluster.followServers(...call),
    listGameServers: (...call) => cluster.listGameServers(...call),
    followGameServers: (...call) => cluster.followGameServers(...call),
    patch: (target, ...rest) =>
      target.name === denied ? Promise.resolve({ kind: 'denied', message: DENIED }) : cluster.patch(target, ...rest),
  };
}
