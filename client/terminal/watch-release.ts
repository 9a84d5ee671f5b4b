import type { FoundRelease } from '../temporal/find-release.ts';
import type { Temporal } from '../temporal/connect.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { ExitError } from './exit-error.ts';
import type { OutputFormat } from './flags.ts';
import type { Ending } from './follow.ts';
import { follow, followToItsEnding, isWaitingForPeople } from './follow.ts';
import type { Io } from './io.ts';
import { say } from './io.ts';
import { look } from './look.ts';
import { reportClosed } from '../temporal/closed-release.ts';
import { WORKER_HINT } from '../temporal/temporal-errors.ts';
import { openScreen } from './screen.ts';
import { parseDuration } from '../../release/spec/quantity.ts';
import type { ReleaseState } from '../../release/progress/state.ts';

/** Flags of everything that follows a release. */
export interface WatchFlags {
  readonly output: OutputFormat;
  readonly until: 'gate' | 'done';
  readonly timeout?: string | undefined;
}

const INTERVAL = 1_000;

/** Shows a release until it ends, and says by the exit code how. Nothing here ever changes the release. */
export async function watchRelease(
  io: Io,
  temporal: Temporal,
  found: FoundRelease,
  flags: WatchFlags,
): Promise<ExitCode> {
  const timeout = timeoutOf(flags);
  const stop = new AbortController();
  const release = io.onInterrupt(() => stop.abort());
  const screen = await openScreen(io, flags.output);
  const noticed = sayingSilence(io);
  try {
    const sightings = follow({
      read: async () => noticed(await look(temporal, found)),
      interval: INTERVAL,
      stop: stop.signal,
      isReached: flags.until === 'gate' ? isWaitingForPeople : undefined,
      timeout,
    });
    const { ending, last } = await followToItsEnding(sightings, (sighting) => screen.show(sighting));
    screen.close();
    if (ending === 'gone') return await reportClosed(io, temporal, found, flags.output);
    return conclude(io, found, ending, last);
  } finally {
    release();
  }
}

type Looked = Awaited<ReturnType<typeof look>>;

/** Says once that nobody answers when there is nothing to show yet; afterwards the screen says it. */
export function sayingSilence(io: Io): (looked: Looked) => Looked {
  let first = true;
  return (looked) => {
    if (first && looked === undefined) say(io, `no worker answers; waiting for one (${WORKER_HINT})`);
    first = false;
    return looked;
  };
}

/** The milliseconds of a --timeout flag; Infinity without one. */
export function timeoutOf({ timeout }: Pick<WatchFlags, 'timeout'>): number {
  if (timeout === undefined) return Infinity;
  const milliseconds = parseDuration(timeout);
  if (milliseconds !== undefined) return milliseconds;
  throw new ExitError(EXIT.usage, `--timeout ${JSON.stringify(timeout)}: expected a duration such as 90s, 5m or 4h`);
}

function conclude(io: Io, { reference }: FoundRelease, ending: Ending, last: ReleaseState | undefined): ExitCode {
  if (last && (ending === 'final' || ending === 'reached')) return exitCodeOf(last);
  const because = ending === 'interrupted' ? 'stopped watching' : 'stopped watching after --timeout';
  say(io, `${because}; the release goes on: hotwave watch ${reference}`);
  return EXIT.stoppedWatching;
}
