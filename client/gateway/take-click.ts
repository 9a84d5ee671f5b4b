import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DecisionMessage, ExpectedAnswer } from '../../workflows/messages.ts';
import { isVote } from './card.ts';
import { isTimely } from './freshness.ts';
import { NotCarried } from './together.ts';
import type { Click, TakeClick } from './vendor.ts';

/** The parts of Temporal that the gateway needs. */
export interface Releases {
  /** The release's answer to a decision, also when it has not come yet. */
  ask(workflowId: string, decision: DecisionMessage, milliseconds: number): Promise<ExpectedAnswer>;
  signal(workflowId: string, decision: DecisionMessage, milliseconds: number): Promise<unknown>;
  /** Why nothing can be sent now, in one sentence; undefined while Temporal answers. */
  trouble(milliseconds: number): Promise<string | undefined>;
  /** True for an error that stays: the release has ended, or access is refused. */
  isFinal(error: unknown): boolean;
}

/** The parts that clicks are taken with. */
export interface Desk {
  readonly releases: Releases;
  readonly sign: (decision: DecisionMessage, now: number) => DecisionMessage;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: (message: string, fields: Readonly<Record<string, string>>) => void;
}

/** Milliseconds for the parts of a click, and for all of them: vendors give up after three seconds. */
const TIMES = { question: 700, probe: 400, signal: 800, all: 2_300 } as const;
const SHORTEST_PAUSE = 20;
const LONGEST_PAUSE = 200;
/** So often somebody may click again after a refusal before their decision is looked up no further. */
const MOST_REFUSALS = 20;

/** The sentence when the release takes longer: Temporal has the decision, and keeps it. */
export const TAKEN = 'taken; the card will tell what came of it';
/** The sentence when nobody knows whether Temporal has the decision. */
export const UNSURE =
  'Temporal has not answered in time: the card will tell whether it was decided; to click again counts once';
/** The sentence when others have kept the release busy: nothing was sent. */
export const CROWDED = 'too many decide about this release at once; nothing was decided: click again';
const EXPIRED = 'this click is too old: click again';
const ENDED = 'the release does not take decisions any more: it has ended, or Temporal refuses the gateway';

/**
 * The decision of a click. A double click, a second replica and a re-delivery make the same one.
 * @param refusals how often this person was refused the same vote: a corrected one is another decision
 */
export function decisionOf({ vendor, card, actor, click, value, reason }: Click, refusals = 0): DecisionMessage {
  const { workflowId, run, release, plan, verb, wave } = value;
  const once = isVote(verb) ? refusals : click;
  const parts = JSON.stringify([vendor, card, actor, workflowId, plan, verb, wave ?? 0, once]);
  return {
    id: `${vendor}-${createHash('sha256').update(parts).digest('hex').slice(0, 32)}`,
    verb,
    release,
    plan,
    run,
    ...(wave === undefined ? {} : { wave }),
    actor,
    channel: vendor,
    ...(reason === undefined || reason.trim() === '' ? {} : { reason: reason.slice(0, 1_000) }),
  };
}

/**
 * Takes clicks: each becomes a signed signal. Nothing goes on after the answer, so that what a person was told stays true,
 * and a gateway that is killed loses nothing that Temporal does not have.
 */
export function clickTaker(desk: Desk): TakeClick {
  return async (click) => {
    if (!isTimely(click.at, desk.now())) return EXPIRED;
    const { id, verb, release } = decisionOf(click);
    const started = desk.now();
    const outcome = await carry(desk, click).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : 'unknown';
      desk.log('a decision could not be delivered', { decision: id, release, reason });
      if (error instanceof NotCarried) return CROWDED;
      return desk.releases.isFinal(error) ? ENDED : UNSURE;
    });
    const milliseconds = String(desk.now() - started);
    desk.log('a click', { decision: id, verb, release, actor: click.actor, outcome, milliseconds });
    return outcome;
  };
}

async function carry(desk: Desk, click: Click): Promise<string> {
  const { releases } = desk;
  const { workflowId } = click.value;
  const until = performance.now() + TIMES.all;
  const { decision, known } = await lookedUp(desk, click);
  if (known && (known.given || !known.accepted)) return known.message;
  // Only a Temporal that has answered just now is sent something: otherwise it is sure that nothing was decided.
  const trouble = known ? undefined : await releases.trouble(TIMES.probe);
  if (trouble !== undefined) return `${trouble}; nothing was decided: click again`;
  try {
    await releases.signal(workflowId, decision, TIMES.signal);
  } catch (error) {
    // A release that has ended takes nothing, and still tells what it has decided.
    const said = releases.isFinal(error) ? await answerTo(desk, workflowId, decision, until) : undefined;
    if (said === undefined) throw error;
    return said;
  }
  return (await answerTo(desk, workflowId, decision, until)) ?? TAKEN;
}

/** The decision that a click makes, and what the release says to it; that is undefined when nobody answers in time. */
async function lookedUp(
  desk: Desk,
  click: Click,
): Promise<{ readonly decision: DecisionMessage; readonly known?: ExpectedAnswer | undefined }> {
  const until = performance.now() + TIMES.question;
  for (let refusals = 0; ; refusals += 1) {
    const decision = desk.sign(decisionOf(click, refusals), desk.now());
    const known = await askOnce(desk, click.value.workflowId, decision, until);
    const isAgain = known?.given === true && !known.accepted && isVote(decision.verb);
    if (!isAgain || refusals >= MOST_REFUSALS) return { decision, known };
  }
}

/** Undefined when nobody answers in time; a crowd that asks the same release is no reason to wait for it. */
async function askOnce(
  { releases }: Desk,
  workflowId: string,
  decision: DecisionMessage,
  until: number,
): Promise<ExpectedAnswer | undefined> {
  const left = until - performance.now();
  if (left <= 0) return undefined;
  try {
    return await releases.ask(workflowId, decision, left);
  } catch (error) {
    if (releases.isFinal(error)) throw error;
    return undefined;
  }
}

/** The release's answer to a signal, asked for at times that no two replicas share. */
async function answerTo(
  desk: Desk,
  workflowId: string,
  decision: DecisionMessage,
  until: number,
): Promise<string | undefined> {
  for (let tries = 0; performance.now() < until; tries += 1) {
    // A release that has ended with this decision is asked as long as any other.
    const answer = await desk.releases.ask(workflowId, decision, until - performance.now()).catch(() => undefined);
    if (answer?.given === true) return answer.message;
    const pause = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** tries);
    await delay((0.5 + Math.random() / 2) * pause);
  }
  return undefined;
}
