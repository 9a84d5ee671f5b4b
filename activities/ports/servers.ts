import type { Complaint } from '../../release/checks/complaint.ts';
import type { ServerView, SetRef } from '../../release/fleet/fleet.ts';

/** Which servers of a set to read. Names keep a request as small as the wave it is about. */
export interface ServerScope {
  /** Only these servers; at most 250. Default: the whole set. */
  readonly names?: readonly string[];
  /** Read at least as new as this resource version (from an earlier answer); may then come from the API server's cache. */
  readonly notOlderThan?: string;
}

/** Servers and the resource version at which they were read. */
export interface ServerList {
  readonly servers: readonly ServerView[];
  readonly resourceVersion: string;
}

/**
 * A set's servers as their pods show them.
 * Every call is bounded in time and honours `signal`; trouble is thrown as a ClusterFailure.
 */
export interface Servers {
  /** The set's servers as their pods show them, in order of ordinal. */
  listServers(ref: SetRef, scope?: ServerScope, signal?: AbortSignal): Promise<ServerList>;
  /**
   * Servers by name (at most 250) as they are now, and all of them again whenever one has changed and at least every
   * few seconds, until the caller stops or `signal` ends it. A view may leave out what was in between.
   */
  followServers(ref: SetRef, names: readonly string[], signal?: AbortSignal): AsyncIterable<readonly ServerView[]>;
  /**
   * Names of the set's servers whose pod shows another updatePriority than these, or none yet. May be a moment old: it is
   * answered from the API server's cache, which also picks them, so that the answer is small however many servers there are.
   */
  serversWithOtherPriority(ref: SetRef, values: readonly number[], signal?: AbortSignal): Promise<readonly string[]>;
  /**
   * The complaints of controllers about the set's Advanced StatefulSet and about one of its servers: its
   * conditions that say so, and events of type Warning. Events are few (a controller sends 25 about one object, then one in
   * five minutes) and go after an hour.
   */
  readComplaints(ref: SetRef, server: string, signal?: AbortSignal): Promise<readonly Complaint[]>;
}
