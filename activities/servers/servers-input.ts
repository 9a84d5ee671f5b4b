import type { SetRef } from '../../release/fleet/fleet.ts';
import type { ServerRows } from '../../release/fleet/server-rows.ts';
import type { ReleaseSpec } from '../../release/spec/spec.ts';

/** Most servers in one activity: it bounds inputs, results and what a retry repeats. */
export const BATCH_SIZE = 250;

/** A batch of servers of one set and how hard to press them. */
export interface ServersInput {
  readonly set: SetRef;
  readonly servers: ServerRows;
  readonly concurrency: ReleaseSpec['concurrency'];
  readonly direction: 'forward' | 'rollback';
}
