import { agreed, counted } from '../spec/counted.ts';
import { approvalsMissing } from '../decisions/gate-votes.ts';
import { pointInTime } from '../decisions/halt.ts';
import type { MonitorProblem, MonitorState } from '../monitor/monitor.ts';
import type { OpenGate, ReleaseState } from '../progress/state.ts';
import { isFinal } from '../progress/state.ts';
import { plainText } from '../spec/plain-text.ts';
import { why } from './narrate.ts';

/** Longest sentence of a notice: a chat shows it whole, and Kubernetes cuts what is longer than 1,024 bytes. */
const MOST_CHARACTERS = 500;
/** Failed servers that a sentence names; the others are counted. */
const NAMED = 3;

/** A sentence as it is sent: one plain line. */
function sentence(text: string): string {
  return plainText(text, MOST_CHARACTERS);
}

/** `scripts-2-0 on arena/duel` */
function whose({ release, set }: Pick<ReleaseState, 'release' | 'set'>): string {
  return `${release} on ${set.namespace}/${set.name}`;
}

/** The plan stands. */
export function startedSentence(state: ReleaseState): string {
  const { requester, previousVersion, version, waves } = state;
  const servers = waves.reduce((sum, { size }) => sum + size, 0);
  const size = servers === 0 ? '' : `, ${counted(servers, 'server')} in ${counted(waves.length, 'wave')}`;
  const versions = `${previousVersion === '' ? '' : `${previousVersion} to `}${version}`;
  return sentence(`${whose(state)} has started: ${versions}${size}, asked for by ${requester}`);
}

/** Somebody has to approve before the next wave. */
export function gateOpenedSentence(state: ReleaseState, gate: OpenGate): string {
  return sentence(`${whose(state)} waits at the gate before wave ${gate.wave}: ${missingAt(gate)}`);
}

/** Nobody has decided for a while. */
export function reminderSentence(state: ReleaseState, gate: OpenGate): string {
  const since = pointInTime(gate.openedAt);
  return sentence(
    `${whose(state)} still waits at the gate before wave ${gate.wave}, since ${since}: ${missingAt(gate)}`,
  );
}

/** Somebody has approved, and others still have to. */
export function voteSentence(state: ReleaseState, gate: OpenGate, voted: readonly string[]): string {
  return sentence(`${voted.join(', ')} approved wave ${gate.wave} of ${whose(state)}: ${missingAt(gate)}`);
}

function missingAt(gate: OpenGate): string {
  const missing = approvalsMissing(gate);
  return missing === undefined ? 'all have approved' : `${missing} needed`;
}

/** A gate was decided: who did it, or what. `gate` as it was before. */
export function gateDecidedSentence(state: ReleaseState, gate: OpenGate): string {
  return sentence(`the gate before wave ${gate.wave} of ${whose(state)} ${decidedBy(state, gate)}`);
}

function decidedBy({ decisions, skippedWaves = [] }: ReleaseState, gate: OpenGate): string {
  const { wave, approvedBy, rejected } = gate;
  if (rejected) return `was rejected by ${rejected.actor}: ${rejected.reason}`;
  if (approvalsMissing(gate) === undefined) return `was approved by ${approvedBy.join(', ')}`;
  const auto = decisions.findLast((one) => one.verb === 'approve' && one.wave === wave && one.channel === 'auto');
  if (auto) return `opened by itself: ${auto.reason ?? auto.answer}`;
  if (skippedWaves.includes(wave)) return `is passed: the wave is skipped`;
  return 'is passed: nobody decided in time, and its release goes on then';
}

/** A server that has failed, as far as a sentence names it. */
export interface NamedFailure {
  readonly server: string;
  readonly class: string;
  readonly reason: string;
}

/** Servers have failed. `count` is all of them; `failures` those that are known by name. */
export function failingSentence(state: ReleaseState, failures: readonly NamedFailure[], count: number): string {
  const named = failures.slice(0, NAMED).map((one) => `${one.server} (${one.class}: ${plainText(one.reason, 100)})`);
  const more = count > named.length ? `, and ${count - named.length} more` : '';
  return sentence(`${counted(count, 'server')} failed in ${whose(state)}: ${named.join(', ')}${more}`);
}

/** It stands still until a person says something. */
export function pausedSentence(state: ReleaseState): string {
  const { pausedBecause = 'somebody wants it' } = state;
  return sentence(`${whose(state)} is paused${pausedBecause.startsWith('by ') ? ' ' : ': '}${pausedBecause}`);
}

/** A freeze window holds it. */
export function frozenSentence(state: ReleaseState): string {
  const { freeze } = state;
  if (!freeze) return sentence(`${whose(state)} waits for the end of a freeze window`);
  const until = pointInTime(freeze.until);
  return sentence(`${whose(state)} waits for the end of the freeze window ${freeze.window} at ${until}`);
}

/** Somebody halted all releases around it. */
export function haltedSentence(state: ReleaseState): string {
  const { halt } = state;
  if (!halt) return sentence(`${whose(state)} is halted`);
  return sentence(`${whose(state)} is halted by ${halt.actor} until ${pointInTime(halt.until)}: ${halt.reason}`);
}

/** It goes on after it stood still. */
export function resumedSentence(state: ReleaseState): string {
  return sentence(`${whose(state)} goes on: ${state.step}`);
}

/** Servers get the version before back. */
export function rollingBackSentence(state: ReleaseState): string {
  return sentence(`${whose(state)} rolls back to ${state.previousVersion}: ${state.step}`);
}

/** How it ended. */
export function endedSentence(state: ReleaseState): string {
  return sentence(`${whose(state)} has ended: ${isFinal(state.phase) ? why(state) : state.step}`);
}

/** The monitor has found servers that do not run what they should. */
export function mismatchSentence(state: MonitorState, problems: readonly MonitorProblem[]): string {
  const named = problems.slice(0, NAMED).map((one) => `${one.server} (${one.mismatch}: ${plainText(one.reason, 100)})`);
  const more = problems.length > NAMED ? `, and ${problems.length - NAMED} more` : '';
  const doNot = agreed(problems.length, 'does not', 'do not');
  return sentence(
    `${counted(problems.length, 'server')} ${doNot} run ${state.version} after ${whose(state)}: ${named.join(', ')}${more}`,
  );
}
