import { createHash, randomUUID } from 'node:crypto';
import type { ReleaseState, Verb } from '../../release/progress/state.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';
import { PLAIN_WORDS, problemsOf } from '../../release/spec/issue-sentences.ts';
import { decisionSchema } from '../../workflows/messages.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';

/** The subject of a verb, besides who and why. */
export type DecisionChoices = Pick<DecisionMessage, 'wave' | 'then' | 'server' | 'scope' | 'order' | 'wins' | 'by'>;

/** A person's input. */
export interface DecisionWish extends DecisionChoices {
  readonly verb: Verb;
  readonly actor: string;
  readonly reason?: string | undefined;
  readonly id?: string | undefined;
}

/** Any release, where it is not yet known which one is meant. */
const SOME_RELEASE = 'some-release';

/** Refuses what no release could read, whichever it is sent to. @throws ExitError */
export function demandReadable(wish: DecisionWish): void {
  decisionFor(wish, SOME_RELEASE, undefined);
}

/** The decision as it is sent. @throws ExitError when a value is too long or empty */
export function decisionFor(wish: DecisionWish, release: string, state: ReleaseState | undefined): DecisionMessage {
  const { id, ...said } = wish;
  const isVote = wish.verb === 'approve' || wish.verb === 'reject';
  const plan = isVote && state && state.planHash !== '' ? { plan: state.planHash } : {};
  const given = Object.entries({ ...said, ...plan }).filter(([, value]) => value !== undefined);
  const message = { ...Object.fromEntries(given), id: id ?? decisionId(wish, state), release, channel: 'cli' };
  const parsed = decisionSchema.safeParse(message, PLAIN_WORDS);
  if (parsed.success) return parsed.data;
  const [problem] = problemsOf(parsed.error.issues);
  throw new ExitError(EXIT.usage, `--${problem?.path[0] ?? 'value'}: ${problem?.message ?? 'not understood'}`);
}

/**
 * The id under which a decision counts once.
 *
 * A vote at an open gate is one vote however often its command is repeated, so its id comes from the gate and the
 * actor. Everything else gets a new id each time: `pause` after `resume` is a new wish, and so is an `approve` that was
 * refused because it came before the gate opened; under a repeated id it would get the old answer again.
 */
export function decisionId({ verb, actor, wave }: DecisionWish, state: ReleaseState | undefined): string {
  const isVote = verb === 'approve' || verb === 'reject';
  if (!isVote || !state?.gate || state.gate.wave !== wave) return `${verb}-${randomUUID()}`;
  const facts = [state.cluster, state.set, state.release, state.startedAt, state.gate.openedAt, wave, actor];
  const digest = createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 32);
  const id = `${verb}-${digest}`;
  // A refused decision may well count now: the policy was mended, or the vote is signed this time.
  const refused = state.decisions.filter((record) => record.id.startsWith(id) && !record.accepted).length;
  return refused === 0 ? id : `${id}-${refused}`;
}
