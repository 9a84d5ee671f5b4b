import type { ReleaseState } from '../../release/progress/state.ts';
import { headline } from '../../release/narrate/narrate.ts';
import { OPEN_PHASES } from '../../release/decisions/verbs.ts';
import { eitherOf } from '../../release/spec/either-of.ts';
import { targetOf } from '../decisions/target.ts';
import { reportClosed } from '../temporal/closed-release.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { findRelease } from '../temporal/find-release.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT, exitCodeOf } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import type { Ending } from '../terminal/follow.ts';
import { follow, followToItsEnding, isWaitingForPeople } from '../terminal/follow.ts';
import type { Io } from '../terminal/io.ts';
import { look } from '../terminal/look.ts';
import { print } from '../terminal/print.ts';
import { sayingSilence, timeoutOf } from '../terminal/watch-release.ts';
import { silence } from './status.ts';
import type { SetFlags } from './watch.ts';

/** Flags of `wait`. */
export interface WaitFlags extends SetFlags {
  readonly output: OutputFormat;
  readonly for: string;
  readonly timeout: string;
}

/** The condition that is waited for: undefined is the end of the release. */
type Condition = ((state: ReleaseState) => boolean) | undefined;

const INTERVAL = 1_000;
const PHASES: readonly string[] = Object.keys(OPEN_PHASES);

/** Waits without a picture until a release is where a script wants it; the exit code says whether it came there. */
export function runWait(io: Io, argument: string, flags: WaitFlags): Promise<ExitCode> {
  const condition = conditionOf(flags.for);
  const timeout = timeoutOf(flags);
  const target = targetOf(io, argument, flags);
  return withTemporal(io, flags, async (temporal) => {
    const found = await findRelease(temporal, target);
    const stop = new AbortController();
    const release = io.onInterrupt(() => stop.abort());
    const noticed = sayingSilence(io);
    const read = async (): ReturnType<typeof look> => noticed(await look(temporal, found));
    const sightings = follow({ read, interval: INTERVAL, stop: stop.signal, isReached: condition, timeout });
    const { ending, last } = await followToItsEnding(sightings).finally(release);
    if (ending === 'gone') return await reportClosed(io, temporal, found, flags.output);
    if (ending === 'interrupted' || ending === 'time is over') throw notReached(found, flags, { ending, last });
    if (!last) throw silence(found);
    await print(io, flags.output, last, (plain) => `${plain.release}: ${headline(plain)}`);
    if (ending === 'reached' || condition?.(last) === true) return EXIT.ok;
    return endedWithout(last, flags, condition);
  });
}

/**
 * | text | holds |
 * |---|---|
 * | `gate` | while only people can make it go on: at a gate, or paused |
 * | `wave=2` | once wave 2 is done |
 * | `phase=baking` | while it is baking |
 * | `done` | at the end; the exit code says which |
 */
function conditionOf(text: string): Condition {
  const [name = '', value = ''] = text.split('=', 2);
  if (text === 'done') return undefined;
  if (text === 'gate') return isWaitingForPeople;
  if (name === 'wave' && /^[1-9]\d{0,3}$/.test(value))
    return ({ waves }) => waves.find(({ number }) => number === Number(value))?.status === 'done';
  if (name === 'phase' && PHASES.includes(value)) return ({ phase }) => phase === value;
  const expected = name === 'phase' ? `phase=${eitherOf(PHASES)}` : 'gate, done, wave=N or phase=PHASE';
  throw new ExitError(EXIT.usage, `--for ${JSON.stringify(text)}: expected ${expected}`);
}

function notReached(
  found: FoundRelease,
  { for: wanted, timeout }: WaitFlags,
  { ending, last }: { readonly ending: Ending; readonly last: ReleaseState | undefined },
): ExitError {
  if (!last) return silence(found);
  const because = ending === 'interrupted' ? 'stopped waiting' : `not ${wanted} within ${timeout}`;
  return new ExitError(EXIT.stoppedWatching, `${because}: it is ${headline(last)}; the release goes on`, [
    `hotwave explain ${found.reference}`,
  ]);
}

/** A script that waited for a wave must not go on because everything was rolled back, nor because all is over. */
function endedWithout(last: ReleaseState, { for: wanted }: WaitFlags, condition: Condition): ExitCode {
  const code = exitCodeOf(last);
  if (condition === undefined || code !== EXIT.ok) return code;
  throw new ExitError(EXIT.refused, `${last.release} is ${last.phase}, and was not ${wanted} when it was looked at`);
}
