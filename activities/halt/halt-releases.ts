import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { HeldRelease, HaltOfScope, StandingHalt } from '../../release/decisions/halt.ts';
import { endsFirst, exceptionOf, holdsSet, scopeName, setOfRelease } from '../../release/decisions/halt.ts';
import type { Decision, ReleaseState } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { Vouch } from '../../release/decisions/message.ts';
import { weighedByPolicy } from '../policy/weigh-beginning.ts';
import type { WeighBeginningInput } from '../policy/weigh-beginning.ts';
import type { PolicySource } from '../ports/policy.ts';
import { plainText } from '../../release/spec/plain-text.ts';
import { StopWatch, keepAlive, pause } from '../runtime.ts';
import type { Releases, RunningRelease } from '../ports/releases.ts';

/** Keep the releases of a halt standing still until there is news. */
export interface HaltReleasesInput {
  readonly halt: StandingHalt;
  /** The start of the ids of this halt's decisions. */
  readonly key: string;
  /** The last observation; undefined at the first look, which is news in any case. */
  readonly known?: readonly HeldRelease[] | undefined;
  /** Return by then also when nothing has changed; milliseconds since the epoch. */
  readonly until: number;
  /** The key that vouches for the person who halts. */
  readonly vouch?: Vouch | undefined;
  /** News is not told before; milliseconds since the epoch. Default: at once. */
  readonly quietUntil?: number | undefined;
}

/** The releases of a halt as they were last seen. */
export interface HaltSighting {
  readonly releases: readonly HeldRelease[];
  /** Why the policy of the cluster does not let it begin. */
  readonly refusal?: string | undefined;
  /** There is a policy: it says who may end the halt. */
  readonly underPolicy?: true | undefined;
}

/** Tell the releases of a halt that they go on. */
export interface LetGoInput {
  readonly halt: HaltOfScope;
  readonly key: string;
  readonly known: readonly HeldRelease[];
  readonly actor: string;
  readonly reason: string;
}

const LOOK_MS = 1_000;
/** So many that silent ones, too, are waited for side by side. */
const ASKED_AT_ONCE = 100;
/** How long a release may take to answer a question. */
const ANSWER_MS = 5_000;
/** How long releases that were told that the releases go on may take to say so. */
const LET_GO_MS = 30_000;

/** A release and what it says about itself; without a state it runs and does not answer. */
interface Seen {
  readonly running: RunningRelease;
  readonly state?: ReleaseState | undefined;
  /** Why it could not be told. */
  readonly problem?: string | undefined;
}

/**
 * Stops every running release of a halt but for those of its exceptions, which it lets go on; again and again: one may
 * have been started just before the halt, another may have been let go with another halt. Returns when there is news, when
 * one more set is to go on, when the halt itself is to end, or when time is over. A release that does not answer, or takes
 * no decision, is reported as not reached and keeps nobody from telling the others. Nothing is lost when it is repeated: a
 * release takes the same decision once.
 */
export function haltReleases(
  releases: Releases,
  isStopping: () => boolean,
  { answer = ANSWER_MS, policy }: { readonly answer?: number; readonly policy?: PolicySource | undefined } = {},
): (input: HaltReleasesInput) => Promise<HaltSighting> {
  const watch = new StopWatch(isStopping);
  const tell = (one: RunningRelease, { halt, key }: HaltReleasesInput): Promise<Seen | undefined> =>
    stop(releases, one, { halt, key, answer });
  return (input) =>
    keepAlive(async () => {
      const { halt, known, until, quietUntil = 0 } = input;
      // Asked once: a halt that has begun is not undone by a policy that changes.
      const refusal = known === undefined ? await refusalByPolicy(policy, input) : undefined;
      if (refusal !== undefined) return { releases: [], refusal };
      for (;;) {
        const found = (await each(await releases.running(halt), (one) => tell(one, input))).map(heldRelease);
        if (known === undefined) return { releases: found, ...(policy ? { underPolicy: true } : {}) };
        if (differ(known, found) && Date.now() >= quietUntil) return { releases: found };
        const own = (await releases.haltsOn(halt)).find(({ namespace }) => namespace === halt.namespace);
        if (!isAsBefore(own, halt) || Date.now() >= until) return { releases: found };
        await watch.pause(LOOK_MS);
      }
    });
}

function isAsBefore(own: StandingHalt | undefined, { exceptions = [] }: StandingHalt): boolean {
  return own !== undefined && (own.exceptions ?? []).length === exceptions.length;
}

async function refusalByPolicy(
  policy: PolicySource | undefined,
  { halt, vouch }: HaltReleasesInput,
): Promise<string | undefined> {
  const weighed = await weighedByPolicy(policy, { beginning: beginningOf(halt), vouch });
  return weighed && 'refusal' in weighed ? weighed.refusal : undefined;
}

/** The signed text of a halt. */
function beginningOf({ cluster, namespace, actor, reason, until }: StandingHalt): WeighBeginningInput['beginning'] {
  return { verb: 'halt', cluster, namespace, actor, reason, until };
}

async function stop(
  releases: Releases,
  running: RunningRelease,
  { halt, key, answer }: Pick<HaltReleasesInput, 'halt' | 'key'> & { readonly answer: number },
): Promise<Seen | undefined> {
  const seen = await lookAt(releases, running, answer);
  if (!seen?.state) return seen;
  const told = await toldNow(releases, seen.state, { halt, key, set: setOfRelease(running.workflowId) });
  return told ? { ...seen, problem: await send(releases, running, told) } : seen;
}

/** How long the releases of a halt are waited for, in milliseconds. */
interface Patience {
  /** Until a release that does not answer is given up. */
  readonly answer?: number;
  /** Until those that answer say that they go on. */
  readonly patience?: number;
}

/**
 * Lets the releases of a halt go on, but for those that another halt holds, and sees that they do. Returns a sentence
 * for each that does not, and for each that does not answer: nobody knows whether it goes on.
 */
export function letReleasesGo(
  releases: Releases,
  { answer = ANSWER_MS, patience = LET_GO_MS }: Patience = {},
): (input: LetGoInput) => Promise<readonly string[]> {
  return (input) =>
    keepAlive(async () => {
      const deadline = Date.now() + patience;
      const silentSince = new Map<string, number>();
      const givenUp = new Map<string, string>();
      const letGo = async (one: RunningRelease): Promise<string | undefined> => {
        const { workflowId } = one;
        const since = silentSince.get(workflowId) ?? Date.now();
        silentSince.set(workflowId, since);
        const seen = await lookAt(releases, one, since + answer - Date.now());
        if (!seen || seen.state) silentSince.delete(workflowId);
        if (!seen) return undefined;
        if (seen.state) return await toldToGoOn(releases, one, seen.state, input);
        const sentence = `${setOfRelease(workflowId)} was not reached: its release does not answer, and may go on standing still`;
        if (Date.now() < since + answer) return sentence;
        givenUp.set(workflowId, sentence);
        return undefined;
      };
      for (;;) {
        const running = [...input.known, ...(await releases.running(input.halt))].filter(
          ({ workflowId }) => !givenUp.has(workflowId),
        );
        const left = await each([...new Map(running.map((one) => [one.workflowId, one])).values()], letGo);
        if (left.length === 0 || Date.now() >= deadline) return [...givenUp.values(), ...left];
        await pause(LOOK_MS / 4);
      }
    });
}

/** Tells a release that it goes on. A sentence while it has not said that it does; none where another halt holds it. */
async function toldToGoOn(
  releases: Releases,
  running: RunningRelease,
  state: ReleaseState,
  { halt, key, actor, reason }: LetGoInput,
): Promise<string | undefined> {
  if (!state.halt || (await isHeldByOthers(releases, halt, state))) return undefined;
  const problem = await send(releases, running, { ...decision(halt, key, state), verb: 'unhalt', actor, reason });
  const set = setOfRelease(running.workflowId);
  return `${state.release} on ${set} has not said that it goes on${problem === undefined ? '' : `: ${problem}`}`;
}

/** Carries something out for each of them, many at a time, and leaves out what comes to nothing. */
async function each<Result>(
  running: readonly RunningRelease[],
  work: (one: RunningRelease) => Promise<Result | undefined>,
): Promise<Result[]> {
  const results = await pLimit(ASKED_AT_ONCE).map(running, work);
  return results.filter((result) => result !== undefined);
}

/** Undefined when it has ended. A release that has not answered within so many milliseconds is silent. */
async function lookAt(releases: Releases, running: RunningRelease, within: number): Promise<Seen | undefined> {
  const heard = new AbortController();
  const silence = delay(Math.max(1, within), 'silent' as const, { signal: heard.signal });
  const state = await Promise.race([releases.state(running), silence]).finally(() => heard.abort());
  if (state === 'silent') return { running };
  return state === 'ended' || isFinal(state.phase) ? undefined : { running, state };
}

/** Sends a decision; a sentence when that did not work, which must not keep anybody from telling the others. */
async function send(releases: Releases, running: RunningRelease, sent: Decision): Promise<string | undefined> {
  try {
    await releases.decide(running, sent);
    return undefined;
  } catch (error) {
    return plainText(error instanceof Error ? error.message : String(error), 200);
  }
}

/** A halt's message to a release: to stand still, or, as an exception, to go on. */
async function toldNow(
  releases: Releases,
  state: ReleaseState,
  { halt, key, set }: Pick<HaltReleasesInput, 'halt' | 'key'> & { readonly set: string },
): Promise<Decision | undefined> {
  const exception = exceptionOf(halt, set);
  if (exception) {
    if (state.halt === undefined || (await isHeldByOthers(releases, halt, state))) return undefined;
    const { actor, reason } = exception;
    return { ...decision(halt, key, state), verb: 'unhalt', actor, reason };
  }
  const isStopped = state.halt !== undefined && state.halt.until >= halt.until;
  return endsFirst(state) || isStopped ? undefined : halting(halt, key, state);
}

function halting(halt: HaltOfScope, key: string, state: ReleaseState): Decision {
  const scope = halt.namespace === undefined ? {} : { namespace: halt.namespace };
  return { ...decision(halt, key, state), ...scope, verb: 'halt', until: halt.until };
}

/** The id comes from the halt and from what the release has heard of it, so that a repeated call is one decision. */
function decision({ actor, reason }: HaltOfScope, key: string, state: ReleaseState): Omit<Decision, 'verb'> {
  const heard = state.decisions.filter(({ id }) => id.startsWith(`${key}-`)).length;
  return { id: `${key}-${heard}`, release: state.release, actor, channel: 'halt', reason };
}

async function isHeldByOthers(releases: Releases, halt: HaltOfScope, { cluster, set }: ReleaseState): Promise<boolean> {
  const scope = { cluster, namespace: set.namespace };
  const others = await releases.haltsOn(scope);
  return others.some((other) => scopeName(other) !== scopeName(halt) && holdsSet(other, { cluster, set }));
}

function heldRelease({ running, state, problem }: Seen): HeldRelease {
  const reached = state !== undefined && problem === undefined;
  return { ...running, release: state?.release ?? '', phase: reached ? state.phase : 'not-reached' };
}

function differ(known: readonly HeldRelease[], found: readonly HeldRelease[]): boolean {
  const text = (some: readonly HeldRelease[]): string =>
    some
      .map(({ workflowId, release, phase }) => `${workflowId} ${release} ${phase}`)
      .sort()
      .join();
  return text(known) !== text(found);
}
