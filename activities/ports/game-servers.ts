import type { GameServerView, SetRef } from '../../release/fleet/fleet.ts';
import type { Patches } from './patches.ts';

/** A GameServer as activities read and write it. */
export type GameServerRecord = GameServerView;

/**
 * A set's GameServer objects.
 * Every call is bounded in time and honours `signal`; trouble is thrown as a ClusterFailure.
 */
export interface GameServers extends Patches {
  /** GameServers by name, followed like servers. The shown value may be older than what another call has just shown. */
  followGameServers(
    ref: SetRef,
    names: readonly string[],
    signal?: AbortSignal,
  ): AsyncIterable<readonly GameServerRecord[]>;
  /** The set's GameServer objects, in order of ordinal. */
  listGameServers(ref: SetRef, names?: readonly string[], signal?: AbortSignal): Promise<readonly GameServerRecord[]>;
}
