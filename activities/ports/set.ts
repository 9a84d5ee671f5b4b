import type { Patches } from './patches.ts';
import type { SetRef, GameServerSetView, WorkloadView } from '../../release/fleet/fleet.ts';

/**
 * The sets (GameServerSets) and what their controller has made of them.
 * Every call is bounded in time and honours `signal`; trouble is thrown as a ClusterFailure.
 */
export interface Sets extends Patches {
  /** The GameServerSet, or undefined when it does not exist. */
  readSet(ref: SetRef, signal?: AbortSignal): Promise<GameServerSetView | undefined>;
  /** The names of the GameServerSets of a namespace, in their order. */
  listSets(namespace: string, signal?: AbortSignal): Promise<readonly string[]>;
  /**
   * The GameServerSet as it is now (undefined when it does not exist), and again whenever it has changed and at least
   * every few seconds, until the caller stops or `signal` ends it. A view may leave out what was in between.
   */
  followSet(ref: SetRef, signal?: AbortSignal): AsyncIterable<GameServerSetView | undefined>;
  /** The Advanced StatefulSet of a set, or undefined when the controller has not made it. */
  readWorkload(ref: SetRef, signal?: AbortSignal): Promise<WorkloadView | undefined>;
}
