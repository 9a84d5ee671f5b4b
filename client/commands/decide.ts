import { counted } from '../../release/spec/counted.ts';
import { applyDecision } from '../../release/decisions/decision.ts';
import type { DecisionAnswer } from '../../release/decisions/decision.ts';
import { approvalsNeeded } from '../../release/decisions/gate-votes.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { ReleaseState, Verb } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { DecisionMessage } from '../../workflows/messages.ts';
import { decisionSchema } from '../../workflows/messages.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { Temporal } from '../temporal/connect.ts';
import { decisionFor } from '../decisions/decision.ts';
import { demandComplete, isVote, wishOf } from '../decisions/decision-choices.ts';
import type { DecideFlags } from '../decisions/decision-choices.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { findRelease, isOpen } from '../temporal/find-release.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { isForPeople, print } from '../terminal/print.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import { readAttributes } from '../temporal/search-attributes.ts';
import { sendDecision, sendSignal } from '../decisions/send-decision.ts';
import { signedIfWanted } from '../decisions/sign.ts';
import { targetOf } from '../decisions/target.ts';
import { plainText } from '../terminal/untrusted.ts';
import { timeoutOf, watchRelease } from '../terminal/watch-release.ts';

/** Tells a release what a person decided, and the person what the release says to it. */
export function runDecide(io: Io, verb: Verb, argument: string, flags: DecideFlags): Promise<ExitCode> {
  const target = targetOf(io, argument, flags);
  demandComplete(verb, flags);
  timeoutOf(flags);
  const wish = wishOf(io, verb, flags);
  return withTemporal(io, flags, async (temporal) => {
    const found = await findRelease(temporal, target);
    // With --wait the exit code says how the release ended.
    const followed = (code: ExitCode): ExitCode | Promise<ExitCode> =>
      flags.wait === true ? watchRelease(io, temporal, found, { ...flags, until: 'done' }) : code;
    const state = await stateOf(temporal, found);
    demandWave(verb, wish.wave, found, state);
    const release = state?.release ?? readAttributes(found.description).release;
    const unsigned = decisionFor(wish, release, state);
    const decision = await signedIfWanted(io, flags, unsigned, found.description.runId);
    const ended = answerOfEnded(io, found, decision, state);
    if (ended) return showAnswer(io, flags, decision, ended);
    if (!state && flags.signal !== true) throw notConfirmed('no worker answers, so nothing was sent', decision);
    const answer = await (flags.signal === true ? sendSignal : sendDecision)(temporal, found, decision);
    if (answer) {
      const code = await showAnswer(io, flags, decision, answer);
      return answer.accepted ? followed(code) : code;
    }
    if (flags.signal !== true) throw notConfirmed('no answer in time, so this is not confirmed', decision);
    return followed(await showSent(io, flags, decision, found));
  });
}

/** A release that has ended may be unreadable for the workers of today; that it has ended is enough. */
function stateOf(temporal: Temporal, found: FoundRelease): Promise<ReleaseState | undefined> {
  const reading = readStateIfAnswered(temporal, found.handle);
  return isOpen(found) ? reading : reading.catch(() => undefined);
}

async function showSent(
  io: Io,
  { output }: DecideFlags,
  { id, verb }: DecisionMessage,
  { reference }: FoundRelease,
): Promise<ExitCode> {
  if (isForPeople(output)) {
    say(io, `sent; it takes effect as soon as a worker runs: hotwave status ${reference}`);
  } else await print(io, output, { id, verb, sent: true }, () => '');
  return EXIT.ok;
}

async function showAnswer(
  io: Io,
  { output }: DecideFlags,
  { id, verb }: DecisionMessage,
  answer: DecisionAnswer,
): Promise<ExitCode> {
  const { accepted, message } = answer;
  if (!accepted && isForPeople(output)) say(io, `hotwave: refused: ${plainText(message)}`);
  else await print(io, output, { id, verb, ...answer }, (plain) => plain.message);
  return accepted ? EXIT.ok : EXIT.refused;
}

/** Never guesses: a person who does not name the wave is shown the gate and what to type. */
function demandWave(
  verb: Verb,
  wave: number | undefined,
  { reference }: FoundRelease,
  state: ReleaseState | undefined,
): void {
  if (!isVote(verb) || wave !== undefined) return;
  const gate = state?.gate;
  if (!gate)
    throw new ExitError(EXIT.usage, `say which wave: ${verb} --wave N`, [
      `no gate is open: hotwave status ${reference}`,
    ]);
  const { timeout, onTimeout } = gate.spec;
  const votes = `${gate.approvedBy.length} of ${counted(approvalsNeeded(gate), 'approval')} so far`;
  throw new ExitError(
    EXIT.usage,
    `the gate before wave ${gate.wave} is open: ${votes}, ${onTimeout} after ${formatDuration(timeout)}`,
    [`if that is the one you mean: hotwave ${verb} ${reference} --wave ${gate.wave}`],
  );
}

/** A release that has ended cannot be steered; the sentence is the same that the release would give. */
function answerOfEnded(
  io: Io,
  found: FoundRelease,
  decision: DecisionMessage,
  state: ReleaseState | undefined,
): DecisionAnswer | undefined {
  if (state && isFinal(state.phase)) return applyDecision(state, decisionSchema.parse(decision), io.now()).answer;
  if (isOpen(found)) return undefined;
  const how = found.description.status.name.toLowerCase();
  const message = `${decision.release} has ended (${how}); start a new release instead`;
  return { accepted: false, message };
}

function notConfirmed(message: string, { id }: DecisionMessage): ExitError {
  return new ExitError(EXIT.unreachable, message, [
    `repeat it later with --id ${id}, which counts once however often it is sent`,
    'or add --signal too: Temporal keeps it until a worker runs (hotwave doctor shows why none does)',
  ]);
}
