import { withTemporal } from '../connect.ts';
import type { ExitCode } from '../exit-codes.ts';
import { findRelease } from '../find-release.ts';
import type { ClusterFlags } from '../flags.ts';
import { clusterOf } from '../flags.ts';
import type { Io } from '../io.ts';
import { parseTarget } from '../target.ts';
import type { WatchFlags } from '../watch-release.ts';
import { timeoutOf, watchRelease } from '../watch-release.ts';

/** Flags that say which set is meant. */
export interface SetFlags extends ClusterFlags {
  readonly namespace: string;
}

/** Follows a release until it has ended. */
export function runWatch(io: Io, argument: string, flags: SetFlags & WatchFlags): Promise<ExitCode> {
  timeoutOf(flags);
  const target = parseTarget(argument, { cluster: clusterOf(io, flags), namespace: flags.namespace });
  return withTemporal(io, flags, async (temporal) =>
    watchRelease(io, temporal, await findRelease(temporal, target), flags),
  );
}
