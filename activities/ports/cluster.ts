import type { Sets } from './set.ts';
import type { GameServers } from './game-servers.ts';
import type { Servers } from './servers.ts';
import type { Probes } from './probes.ts';
import type { ClusterAccess } from './access.ts';
import type { SetEvents } from './set-events.ts';

/**
 * The whole cluster, as its adapter and its fake implement it. Every call is bounded in time and honours `signal`; trouble
 * of the infrastructure is thrown as a ClusterFailure, facts of the domain are returned.
 */
export type Cluster = Sets & GameServers & Servers & Probes & ClusterAccess & SetEvents;
