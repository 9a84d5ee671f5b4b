import pLimit from 'p-limit';
import type { HeldRelease, LineHalt, StandingHalt } from '../../release/decisions/halt.ts';
import { endsFirst, exceptionOf, holdsSet, lineName, setOfRelease } from '../../release/decisions/halt.ts';
import type { Decision, ReleaseState } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import { StopWatch, keepAlive, pause } from '../runtime.ts';
import type { Releases, RunningRelease } from '../ports/releases.ts';

/** Keep the releases of a line stopped until there is news. */
export interface HoldLineInput {
  readonly halt: StandingHalt;
  /** What the ids of this halt's decisions begin with. */
  readonly key: string;
  /** What was seen last; undefined at the first look, which is news in any case. */
  readonly known?: readonly HeldRelease[] | undefined;
  /** Return by then also when nothing has changed; milliseconds since the epoch. */
  readonly until: number;
}

/** The releases of a stopped line as they were last seen. */
export interface LineSighting {
  readonly releases: readonly HeldRelease[];
}

/** Tell the releases of a line that it goes on. */
export interface LetGoInput {
  readonly halt: LineHalt;
  readonly key: string;
  readonly known: readonly HeldRelease[];
  readonly actor: string;
  readonly reason: string;
}

const LOOK_MS = 1_000;
const ASKED_AT_ONCE = 10;
/** How long releases that were told that the line goes on may take to say so. */
const LET_GO_MS = 30_000;

/** A release and what it says about itself. */
interface Seen {
  readonly running: RunningRelease;
  readonly state: ReleaseState;
}

/**
 * Stops every running release of a line but for those of its exceptions, which it lets go on; again and again: one may
 * have been started just before the halt, another may have been let go with another halt. Returns when there is news, when
 * one more set is to go on, when the halt itself is to end, or when time is over. Nothing is lost when it is repeated: a release takes the same decision once.
 */
export function holdLine(
  releases: Releases,
  isStopping: () => boolean,
): (input: HoldLineInput) => Promise<LineSighting> {
  const watch = new StopWatch(isStopping);
  return ({ halt, key, known, until }) =>
    keepAlive(async () => {
      for (;;) {
        const seen = await lookAt(releases, await releases.running(halt));
        await Promise.all([
          ...seen.map(tellIfMoving(releases, halt, key)),
          ...seen.map(tellException(releases, halt, key)),
        ]);
        const found = seen.map(heldRelease);
        if (known === undefined || differ(known, found)) return { releases: found };
        const own = (await releases.haltsOn(halt)).find(({ namespace }) => namespace === halt.namespace);
        const isAsBefore = own && (own.exceptions ?? []).length === (halt.exceptions ?? []).length;
        if (!isAsBefore || Date.now() >= until) return { releases: found };
        await watch.pause(LOOK_MS);
      }
    });
}

/**
 * Lets the releases of a line go on, but for those that another halt holds, and sees that they do. Returns a sentence
 * for each that does not.
 */
export function letLineGo(releases: Releases): (input: LetGoInput) => Promise<readonly string[]> {
  return ({ halt, key, known, actor, reason }) =>
    keepAlive(async () => {
      const deadline = Date.now() + LET_GO_MS;
      for (;;) {
        const running = new Map([...known, ...(await releases.running(halt))].map((one) => [one.runId, one]));
        const held = (await lookAt(releases, [...running.values()])).filter(({ state }) => state.halt !== undefined);
        const others = await Promise.all(held.map(({ state }) => heldByOthers(releases, halt, state)));
        const own = held.filter((_, index) => others[index] !== true);
        if (own.length === 0) return [];
        if (Date.now() >= deadline)
          return own.map(
            ({ running: { workflowId }, state }) =>
              `${state.release} on ${setOfRelease(workflowId)} has not said that it goes on`,
          );
        await Promise.all(
          own.map(({ running: one, state }) =>
            releases.decide(one, { ...decision(halt, key, state), verb: 'unhalt', actor, reason }),
          ),
        );
        await pause(LOOK_MS / 4);
      }
    });
}

async function lookAt(releases: Releases, running: readonly RunningRelease[]): Promise<Seen[]> {
  const found = await pLimit(ASKED_AT_ONCE).map(running, async (one) => {
    const state = await releases.state(one);
    return state && !isFinal(state.phase) ? [{ running: one, state }] : [];
  });
  return found.flat();
}

type Telling = (seen: Seen) => Promise<void>;

/** Stops a release that does not stand still yet. */
function tellIfMoving(releases: Releases, halt: StandingHalt, key: string): Telling {
  return async ({ state, running }) => {
    if (endsFirst(state) || exceptionOf(halt, setOfRelease(running.workflowId))) return;
    if (state.halt !== undefined && state.halt.until >= halt.until) return;
    await releases.decide(running, halting(halt, key, state));
  };
}

/** Lets a release of an exception go on, unless another halt holds it. */
function tellException(releases: Releases, halt: StandingHalt, key: string): Telling {
  return async ({ state, running }) => {
    const exception = exceptionOf(halt, setOfRelease(running.workflowId));
    if (!exception || state.halt === undefined || (await heldByOthers(releases, halt, state))) return;
    const { actor, reason } = exception;
    await releases.decide(running, { ...decision(halt, key, state), verb: 'unhalt', actor, reason });
  };
}

function halting(halt: LineHalt, key: string, state: ReleaseState): Decision {
  const scope = halt.namespace === undefined ? {} : { namespace: halt.namespace };
  return { ...decision(halt, key, state), ...scope, verb: 'halt', until: halt.until };
}

/** The id comes from the halt and from what the release has heard of it, so that a repeated call is one decision. */
function decision({ actor, reason }: LineHalt, key: string, state: ReleaseState): Omit<Decision, 'verb'> {
  const heard = state.decisions.filter(({ id }) => id.startsWith(`${key}-`)).length;
  return { id: `${key}-${heard}`, release: state.release, actor, channel: 'halt', reason };
}

async function heldByOthers(releases: Releases, halt: LineHalt, { cluster, set }: ReleaseState): Promise<boolean> {
  const scope = { cluster, namespace: set.namespace };
  const others = await releases.haltsOn(scope);
  return others.some((other) => lineName(other) !== lineName(halt) && holdsSet(other, { cluster, set }));
}

function heldRelease({ running, state: { release, phase } }: Seen): HeldRelease {
  return { ...running, release, phase };
}

function differ(known: readonly HeldRelease[], found: readonly HeldRelease[]): boolean {
  const text = (some: readonly HeldRelease[]): string =>
    some
      .map(({ runId, phase }) => `${runId} ${phase}`)
      .sort()
      .join();
  return text(known) !== text(found);
}
