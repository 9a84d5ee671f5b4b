import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { findRelease } from '../temporal/find-release.ts';
import type { ClusterFlags } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { targetOf } from '../decisions/target.ts';
import type { WatchFlags } from '../terminal/watch-release.ts';
import { timeoutOf, watchRelease } from '../terminal/watch-release.ts';

/** Flags that say which set is meant. */
export interface SetFlags extends ClusterFlags {
  readonly namespace: string;
}

/** Follows a release until it has ended. */
export function runWatch(io: Io, argument: string, flags: SetFlags & WatchFlags): Promise<ExitCode> {
  timeoutOf(flags);
  const target = targetOf(io, argument, flags);
  return withTemporal(io, flags, async (temporal) =>
    watchRelease(io, temporal, await findRelease(temporal, target), flags),
  );
}
