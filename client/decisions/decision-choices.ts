import type { Verb } from '../../release/progress/state.ts';
import { ROLLBACK_ORDERS, ROLLBACK_SCOPES } from '../../release/progress/state.ts';
import { eitherOf } from '../../release/spec/either-of.ts';
import type { SetFlags } from '../commands/watch.ts';
import type { DecisionChoices, DecisionWish } from './decision.ts';
import { demandReadable } from './decision.ts';
import type { SignFlags } from './sign.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import { actorOf } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';

/** Flags of the verbs that steer a release. */
export interface DecideFlags extends SetFlags, SignFlags {
  readonly output: OutputFormat;
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
  readonly signal?: boolean | undefined;
  /** Follow the release to its end once it has taken the decision. */
  readonly wait?: boolean | undefined;
  readonly timeout?: string | undefined;
  readonly id?: string | undefined;
  readonly wave?: string | undefined;
  readonly then?: string | undefined;
  readonly wins?: string | undefined;
  readonly server?: string | undefined;
  readonly scope?: string | undefined;
  readonly order?: string | undefined;
  /** Only of a rollback while no release runs. */
  readonly file?: string | undefined;
}

/** Verbs that somebody else has to understand later. */
const WANT_A_REASON: ReadonlySet<Verb> = new Set<Verb>(['reject', 'skip', 'override-freeze']);

/**
 * Asks at once for what the release would refuse to do without, and refuses what would not count.
 * @throws ExitError
 */
export function demandComplete(verb: Verb, { reason, server, wave, file, wait, timeout }: DecideFlags): void {
  if (timeout !== undefined && wait !== true)
    throw new ExitError(EXIT.usage, '--timeout says how long to wait: give --wait with it');
  if (file !== undefined)
    throw new ExitError(
      EXIT.usage,
      '--file is for a rollback while no release runs: this one knows how to ask its servers',
    );
  if (verb === 'skip' && (server === undefined) === (wave === undefined))
    throw new ExitError(EXIT.usage, 'say what: skip --server NAME, or skip --wave N');
  if (WANT_A_REASON.has(verb) && (reason ?? '').trim() === '')
    throw new ExitError(EXIT.usage, `say why: ${verb} --reason "...", for those who come after you`);
}

/**
 * The decision that the command line asks for.
 * @throws ExitError for a value that no release would take, and for values that contradict each other
 */
export function wishOf(io: Io, verb: Verb, flags: DecideFlags): DecisionWish {
  const { actor, reason, id } = flags;
  const wish = { verb, ...choicesOf(io, verb, flags), actor: actorOf(io, actor), reason, id };
  demandWhole(wish);
  demandReadable(wish);
  return wish;
}

/** The order is about all the waves, so a part of them has none. */
function demandWhole({ scope = 'release', order }: DecisionWish): void {
  if (order !== 'reverse' || scope === 'release') return;
  const sentence = `--order reverse is for a whole release, --scope ${scope} for a part of one: leave one of them out`;
  throw new ExitError(EXIT.usage, sentence);
}

/** The options of a verb besides who and why. @throws ExitError for a value that there is not */
function choicesOf(io: Io, verb: Verb, flags: DecideFlags): DecisionChoices {
  const { server } = flags;
  return {
    then: thenOf(verb, flags),
    wave: waveOf(io, verb, flags),
    wins: oneOf('wins', flags.wins, ['release', 'edit']),
    scope: oneOf('scope', flags.scope, ROLLBACK_SCOPES),
    order: oneOf('order', flags.order, ROLLBACK_ORDERS),
    server,
  };
}

function oneOf<Value extends string>(
  flag: string,
  given: string | undefined,
  values: readonly Value[],
): Value | undefined {
  const found = values.find((value) => value === given);
  if (given === undefined || found !== undefined) return found;
  throw new ExitError(EXIT.usage, `--${flag} ${JSON.stringify(given)}: expected ${eitherOf(values)}`);
}

function thenOf(verb: Verb, { then }: DecideFlags): 'hold' | 'rollback' | undefined {
  if (verb !== 'cancel') return undefined;
  if (then === 'hold' || then === 'rollback') return then;
  throw new ExitError(EXIT.usage, 'say what becomes of the servers: cancel --then hold, or cancel --then rollback', [
    'hold leaves every server on the version it has; rollback brings them all back first',
  ]);
}

function waveOf(io: Io, verb: Verb, { wave }: DecideFlags): number | undefined {
  if (wave === undefined && !isVote(verb)) return undefined;
  if (wave === undefined) {
    if (io.stdout.isTTY === true) return undefined;
    throw new ExitError(EXIT.usage, `say which wave: ${verb} --wave N`, ['hotwave status shows the gate that is open']);
  }
  if (/^[1-9]\d{0,4}$/.test(wave)) return Number(wave);
  throw new ExitError(EXIT.usage, `--wave ${JSON.stringify(wave)}: expected the number of a wave, such as 2`);
}

/** A vote at a gate, which is for one wave. */
export function isVote(verb: Verb): boolean {
  return verb === 'approve' || verb === 'reject';
}
