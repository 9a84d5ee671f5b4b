import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DecisionAnswer } from '../../release/decisions/decision.ts';
import type { DecisionMessage, ExpectedAnswer } from '../../workflows/messages.ts';
import { isVote } from './card.ts';
import { isTimely, WINDOW_MS } from './freshness.ts';
import type { Click, TakeClick } from './vendor.ts';

/** What the gateway needs of Temporal. Each call ends by itself. */
export interface Releases {
  /** What the release says to a decision, or would say. */
  ask(workflowId: string, decision: DecisionMessage): Promise<ExpectedAnswer>;
  signal(workflowId: string, decision: DecisionMessage): Promise<void>;
  /** True for an error that stays: the release has ended, or access is refused. */
  isFinal(error: unknown): boolean;
}

/** What clicks are taken with. */
export interface Desk {
  readonly releases: Releases;
  readonly sign: (decision: DecisionMessage, now: number) => DecisionMessage;
  readonly now: () => number;
  readonly log: (message: string, fields: Readonly<Record<string, string>>) => void;
  /** How long a person waits for the answer, in milliseconds. */
  readonly patienceMs?: number | undefined;
  readonly stopping?: AbortSignal | undefined;
}

/** Vendors give up after three seconds. */
const PATIENCE = 2_000;
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 5_000;
/** So long the answer is asked for after the signal; nobody waits for it any more. */
const ANSWER = 10_000;
/** What a person reads when Temporal or the release takes longer. */
export const TAKEN = 'taken; the card will tell what came of it';
const EXPIRED = 'this click is too old: click again';
const ENDED = 'the release does not take decisions any more: it has ended, or Temporal refuses the gateway';

/** The decision of a click. A double click, a second replica and a re-delivery make the same one. */
export function decisionOf({ vendor, card, actor, click, value, reason }: Click): DecisionMessage {
  const { workflowId, run, release, plan, verb, wave } = value;
  const once = isVote(verb) ? '' : click;
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

/** Takes clicks: each becomes a signed signal, which is sent until Temporal has it or its time is over. */
export function clickTaker(desk: Desk): TakeClick {
  return async (click) => {
    if (!isTimely(click.at, desk.now())) return EXPIRED;
    const decision = decisionOf(click);
    const { id, verb, release } = decision;
    const carried = carry(desk, click, decision).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : 'unknown';
      desk.log('a decision could not be delivered', { decision: id, release, reason });
      return desk.releases.isFinal(error) ? ENDED : undefined;
    });
    const outcome = await Promise.race([carried, delay(desk.patienceMs ?? PATIENCE, undefined, { ref: false })]);
    desk.log('a click', { decision: id, verb, release, outcome: outcome ?? 'not answered yet' });
    return outcome ?? TAKEN;
  };
}

async function carry(
  desk: Desk,
  { value: { workflowId }, at }: Click,
  bare: DecisionMessage,
): Promise<string | undefined> {
  const { releases } = desk;
  const decision = desk.sign(bare, desk.now());
  const known = await askOnce(desk, workflowId, decision);
  if (known && (known.given || !known.accepted)) return known.message;
  // Signed when clicked: the worker takes the signature for as long as we send it.
  await insist(desk, at + WINDOW_MS, () => releases.signal(workflowId, decision));
  const answer = await insist(desk, desk.now() + ANSWER, () => answered(releases, workflowId, decision));
  return answer.message;
}

/** Whatever hinders the question, the signal is sent all the same: Temporal keeps it until a worker runs. */
async function askOnce(
  { releases }: Desk,
  workflowId: string,
  decision: DecisionMessage,
): Promise<ExpectedAnswer | undefined> {
  const asking = releases.ask(workflowId, decision).catch((error: unknown) => {
    if (releases.isFinal(error)) throw error;
    return undefined;
  });
  return await Promise.race([asking, delay(FIRST_QUESTION, undefined, { ref: false })]);
}
const FIRST_QUESTION = 700;

async function answered(releases: Releases, workflowId: string, decision: DecisionMessage): Promise<DecisionAnswer> {
  const answer = await releases.ask(workflowId, decision);
  if (!answer.given) throw new Error('the release has not answered yet');
  return answer;
}

/** Tries until it works, the error is final or the time is over, at times that no two replicas share. */
async function insist<Result>(desk: Desk, until: number, attempt: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const isOver = desk.now() >= until || desk.stopping?.aborted === true;
      if (isOver || desk.releases.isFinal(error)) throw error;
    }
    await delay((0.5 + Math.random() / 2) * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** tries), undefined, {
      ref: false,
    });
  }
}
