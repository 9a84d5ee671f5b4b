import { setTimeout as delay } from 'node:timers/promises';
import type { ReleaseState } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { SeenRelease } from '../temporal/retries.ts';

/** One look at a release. */
export interface Sighting {
  readonly state: SeenRelease;
  /** Milliseconds since this state was read; 0 when it is fresh. */
  readonly silentFor: number;
}

/** Why following ended. */
export type Ending = 'final' | 'reached' | 'time is over' | 'interrupted' | 'gone';

/** The release to follow, and until when. */
export interface FollowOptions {
  /** Reads the state: undefined when nobody answers, 'gone' when nobody ever will. */
  readonly read: () => Promise<SeenRelease | undefined | 'gone'>;
  readonly interval: number;
  /** Ends the following without touching the release. */
  readonly stop: AbortSignal;
  /** Ends it before the release has ended. Default never. */
  readonly isReached?: ((state: ReleaseState) => boolean) | undefined;
  /** Milliseconds to follow at most. */
  readonly timeout: number;
}

/**
 * Looks at a release again and again until it has ended. A worker or a Temporal that is silent for a while does not
 * end it: a release outlives both, and who watches wants to see it go on.
 */
export async function* follow({
  read,
  interval,
  stop,
  isReached,
  timeout,
}: FollowOptions): AsyncGenerator<Sighting, Ending> {
  const deadline = performance.now() + timeout;
  let last: { readonly state: SeenRelease; readonly at: number } | undefined;
  for (;;) {
    if (stop.aborted) return 'interrupted';
    const state = await read();
    if (state === 'gone') return 'gone';
    if (state) last = { state, at: performance.now() };
    if (last) yield { state: last.state, silentFor: state ? 0 : performance.now() - last.at };
    const ending = state && endingOf(state, isReached);
    if (ending) return ending;
    if (performance.now() >= deadline) return 'time is over';
    await pause(Math.min(interval, Math.max(0, deadline - performance.now())), stop);
  }
}

function endingOf(state: ReleaseState, isReached: FollowOptions['isReached']): Ending | undefined {
  if (isFinal(state.phase)) return 'final';
  return isReached?.(state) === true ? 'reached' : undefined;
}

/** Follows to the ending, and gives it with the last state that was seen. */
export async function followToItsEnding(
  sightings: ReturnType<typeof follow>,
  show: (sighting: Sighting) => void | Promise<void> = () => undefined,
): Promise<{ readonly ending: Ending; readonly last: SeenRelease | undefined }> {
  let last: SeenRelease | undefined;
  for (;;) {
    const next = await sightings.next();
    if (next.done) return { ending: next.value, last };
    last = next.value.state;
    await show(next.value);
  }
}

/** True when only a person can make it go on. */
export function isWaitingForPeople({ phase }: ReleaseState): boolean {
  return phase === 'waiting-approval' || phase === 'paused';
}

async function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  // An abort is seen by the loop; it is no error.
  await delay(milliseconds, undefined, { signal: stop }).catch(() => undefined);
}
