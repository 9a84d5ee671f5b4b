import { approvalsMissing, mayVote, withMember } from './gate-votes.ts';
import { isBeyondHalts, pointInTime } from './halt.ts';
import type { Weighed } from './person.ts';
import { isAmong, isSamePerson } from './person.ts';
import { formatDuration } from '../spec/quantity.ts';
import type {
  Decision,
  DecisionRecord,
  OpenGate,
  ReleaseState,
  Requests,
  RollbackScope,
  Verb,
} from '../progress/state.ts';
import { begunWave, waveOfServer, withoutFailures } from '../progress/state.ts';
import { VERB_TABLE, cellOf } from './verbs.ts';
import { becauseText, isNoteworthy } from '../plan/rollback-target.ts';

/** The synchronous answer to a decision. */
export interface DecisionAnswer {
  readonly accepted: boolean;
  readonly message: string;
}

/** Either what the decision changes, or why it is refused and which verb is right. */
type Effect = { readonly change: Partial<ReleaseState>; readonly message: string } | { readonly refusal: string };
type Judge = (state: ReleaseState, decision: Decision, now: number) => Effect;

const KEPT_DECISIONS = 200;
const NO_REASON = 'no reason given';

/**
 * Applies a person's decision to the state of a release. The only way in, for the update and the signal alike: the
 * same id twice is one decision with one answer, and a decision for another release, plan or wave changes nothing. The
 * table in verbs.ts says which verbs a phase takes at all; the judges here say what else must hold.
 * @param weighed what the policy of the cluster says about whoever decides; absent where there is none
 */
export function applyDecision(
  state: ReleaseState,
  decision: Decision,
  now: number,
  weighed?: Weighed,
): { readonly state: ReleaseState; readonly answer: DecisionAnswer } {
  const before = state.decisions.find((record) => record.id === decision.id);
  if (before) return { state, answer: { accepted: before.accepted, message: before.answer } };
  const known = knownBy(decision, weighed);
  const effect = weighed && 'refusal' in weighed ? weighed : judge(withGroupsOfNow(state, weighed), known, now);
  const accepted = 'change' in effect;
  const message = accepted ? effect.message : effect.refusal;
  const decisions = withDecision(state.decisions, { ...known, at: now, accepted, answer: message });
  return { state: { ...state, ...(accepted ? effect.change : {}), decisions }, answer: { accepted, message } };
}

/** A policy is read at each decision: who has left a group since the plan opens no gate, and who has joined it does. */
function withGroupsOfNow(state: ReleaseState, weighed: Weighed | undefined): ReleaseState {
  const { gate } = state;
  if (!gate?.groups || !weighed || 'refusal' in weighed || !weighed.ofGroups) return state;
  return { ...state, gate: { ...gate, groups: withMember(gate.groups, weighed.person, weighed.ofGroups) } };
}

/** The deciding person has the name that the policy gives. A signature is long: only its key is kept. */
function knownBy(
  { signature: _signature, ...decision }: Decision,
  weighed: Weighed | undefined,
): Omit<DecisionRecord, 'at' | 'accepted' | 'answer'> {
  if (!weighed || 'refusal' in weighed) return decision;
  const { person, vouchedBy } = weighed;
  return {
    ...decision,
    actor: person,
    ...(person === decision.actor ? {} : { as: decision.actor }),
    ...(vouchedBy === undefined ? {} : { vouchedBy }),
  };
}

/**
 * The record of the decisions with one more. A decision that steered the release is kept longest: of too many, the
 * oldest refused one goes.
 */
export function withDecision(before: readonly DecisionRecord[], decision: DecisionRecord): readonly DecisionRecord[] {
  const records = [...before, decision];
  if (records.length <= KEPT_DECISIONS) return records;
  const refused = records.findIndex(({ accepted }) => !accepted);
  return records.toSpliced(Math.max(0, refused), 1);
}

function judge(state: ReleaseState, decision: Decision, now: number): Effect {
  const refusal = refusalOfAnybody(state, decision, now);
  return refusal === undefined ? JUDGES[decision.verb](state, decision, now) : { refusal };
}

/**
 * Why a decision does not count, whoever decides; undefined when that depends on who it is, or it counts.
 * @param now milliseconds since the epoch; left out where only whether it counts is asked
 */
export function refusalOfAnybody(
  state: ReleaseState,
  { release, plan, verb, wave }: Decision,
  now = 0,
): string | undefined {
  if (release !== state.release)
    return `this decision is for release ${release}, but ${state.release} is the one on ${state.set.name}`;
  const cell = cellOf(state, verb);
  if (!cell) return `${state.release} has ended (${state.phase}); start a new release instead`;
  // A pause or a rollback that is asked for and not yet begun counts as if it had.
  const sooner = soonerRefusal(state, verb, now);
  if (sooner !== undefined) return sooner;
  if ('refuses' in cell && !isCountermand(state, verb))
    return verb === 'rollback' ? `${cell.refuses}${howFar(state, now)}` : cell.refuses;
  if (plan !== undefined && !state.planHash.startsWith(plan))
    return `this decision is for plan ${plan.slice(0, 8)}, but ${state.release} has plan ${state.planHash.slice(0, 8)}: look at it again with hotwave status`;
  return verb === 'approve' || verb === 'reject' ? gateRefusal(state, wave) : undefined;
}

const JUDGES: Readonly<Record<Verb, Judge>> = {
  approve,
  reject,
  pause,
  resume,
  retry,
  skip,
  rollback,
  cancel,
  supersede,
  'override-freeze': overrideFreeze,
  halt,
  unhalt,
};

/** Verbs that end a release whatever else has been asked for, or let it go on. */
const GRAVER: ReadonlySet<Verb> = new Set<Verb>(['cancel', 'supersede', 'unhalt']);

/** A request that has not begun yet decides about the next verb already. */
function soonerRefusal(state: ReleaseState, verb: Verb, now: number): string | undefined {
  const { release, requests, halt: halted, phase } = state;
  if (halted && phase !== 'rolling-back') {
    const cell = VERB_TABLE[verb].halted;
    if ('refuses' in cell) return cell.refuses;
  }
  if (verb === 'pause' && requests.pause) return `${release} is paused already; resume goes on`;
  // A person who rolls back or ends a halted release means it: the halt, which is told again and again, must not undo
  // that.
  if (requests.cancel && verb !== 'unhalt') return `${release} is being cancelled already`;
  return requests.rollback && !GRAVER.has(verb) ? aboutToRollBack(state, verb, now) : undefined;
}

function aboutToRollBack(state: ReleaseState, verb: Verb, now: number): string | undefined {
  const { release, requests } = state;
  const part = requests.rollback?.scope;
  if (verb === 'rollback')
    return part === undefined
      ? `${release} is rolling back already${howFar(state, now)}`
      : `${release} rolls its ${part} servers back first`;
  return part === undefined
    ? `${release} is about to roll back, which is not stopped half-way; wait for it to end`
    : undefined;
}

/** A person who asks twice wants to know what it does, and whether it needs somebody. */
function howFar({ wait }: ReleaseState, now: number): string {
  if (!wait) return '';
  const until = wait.until < now ? '' : `, until ${pointInTime(wait.until)} at the latest,`;
  return `: ${wait.for}; it waits for ${wait.owner}${until} and goes on by itself: nothing more has to be sent`;
}

/** Takes back what was asked for but has not begun: that is not in the table, which knows phases only. */
function isCountermand(state: ReleaseState, verb: Verb): boolean {
  const { requests, halt: halted } = state;
  if (verb === 'resume') return requests.pause !== undefined;
  return verb === 'unhalt' ? halted !== undefined : verb === 'pause' && isAboutToGoOn(state);
}

/** Somebody has resumed it, and the pause before that is still being carried out. */
function isAboutToGoOn({ phase, pausedBecause, requests }: ReleaseState): boolean {
  return (phase === 'pausing' || phase === 'paused') && pausedBecause === undefined && requests.pause === undefined;
}

function approve(state: ReleaseState, { actor }: Decision, now: number): Effect {
  const { gate } = state;
  if (!gate) return { refusal: noGate(state) };
  if (gate.spec.notRequester && isSamePerson(actor, state.requester)) {
    return { refusal: `${actor} started this release and its gate wants somebody else: ask a colleague to approve` };
  }
  const stranger = strangerRefusal(gate, actor);
  if (stranger !== undefined) return { refusal: stranger };
  if (isAmong(gate.approvedBy, actor)) return { refusal: `${actor} has approved wave ${gate.wave} already` };
  const approved = { ...gate, approvedBy: [...gate.approvedBy, actor] };
  const missing = approvalsMissing(approved);
  const left = formatDuration(Math.max(0, gate.openedAt + gate.spec.timeout - now));
  return { change: { gate: approved }, message: approvalMessage(state, gate.wave, { missing, left }) };
}

function approvalMessage(
  { phase }: ReleaseState,
  wave: number,
  { missing, left }: { readonly missing: string | undefined; readonly left: string },
): string {
  if (missing !== undefined) return `approved wave ${wave}; ${missing} needed within ${left}`;
  if (phase === 'paused') return `approved wave ${wave}; it starts when somebody resumes`;
  return phase === 'halted'
    ? `approved wave ${wave}; it starts when the halt is over`
    : `approved: wave ${wave} starts`;
}

function reject(state: ReleaseState, { actor, reason }: Decision): Effect {
  const { gate } = state;
  if (!gate) return { refusal: noGate(state) };
  const stranger = strangerRefusal(gate, actor);
  if (stranger !== undefined) return { refusal: stranger };
  if (reason === undefined) return { refusal: 'say why: reject --reason "...", for those who have to act on it' };
  return {
    change: { gate: { ...gate, rejected: { actor, reason } } },
    message: `rejected wave ${gate.wave}: ${reason}`,
  };
}

/** @returns why this person's vote does not count here */
function strangerRefusal(gate: OpenGate, actor: string): string | undefined {
  if (mayVote(gate, actor)) return undefined;
  const groups = (gate.groups ?? []).map(({ name }) => name).join(' or ');
  return `${actor} is in no group that decides about wave ${gate.wave}: ask somebody of ${groups}`;
}

function gateRefusal(state: ReleaseState, wave: number | undefined): string | undefined {
  if (!state.gate) return noGate(state);
  if (wave === undefined)
    return `say which wave: the gate before wave ${state.gate.wave} is open (--wave ${state.gate.wave})`;
  if (wave === state.gate.wave) return decidedAlready(state.gate);
  return `the gate before wave ${wave} is not open: ${state.release} waits at the gate before wave ${state.gate.wave}`;
}

/** The decision that settles a gate is the last one that counts, also while its consequences are still to come. */
function decidedAlready(gate: OpenGate): string | undefined {
  const { wave, rejected, approvedBy } = gate;
  if (rejected) return `wave ${wave} was rejected by ${rejected.actor} already: ${rejected.reason}`;
  return approvalsMissing(gate) === undefined
    ? `wave ${wave} was approved already, by ${approvedBy.join(', ')}`
    : undefined;
}

function noGate(state: ReleaseState): string {
  const hint = state.phase === 'paused' ? 'it is paused; the verb for that is resume' : `it is ${state.phase}`;
  return `${state.release} waits at no gate: ${hint}`;
}

function pause({ release, requests, goesBack }: ReleaseState, { actor, reason }: Decision): Effect {
  if (goesBack) return { refusal: `${release} goes back as a whole, which is not stopped half-way` };
  return {
    change: { requests: { ...requests, pause: { actor, reason: reason ?? NO_REASON } } },
    message: 'pausing: nothing more is written; servers that are being updated finish',
  };
}

function resume(state: ReleaseState, { wins }: Decision): Effect {
  const { foreignEdit, requests } = state;
  const refusal = editRefusal(foreignEdit, wins);
  if (refusal !== undefined) return { refusal };
  const { pause: _done, ...others } = requests;
  const goesOn = { requests: others, pausedBecause: undefined };
  if (foreignEdit?.ofOrder && foreignEdit.wins === undefined && wins === undefined) {
    const message = "resuming: Kruise's order counts in this wave and those after it, each as large as planned";
    // It is kept until the release goes on: the same, seen once more meanwhile, is not asked about again.
    return { change: { ...goesOn, foreignEdit: { ...foreignEdit, wins: 'order' } }, message };
  }
  const decided = foreignEdit && wins !== undefined ? { foreignEdit: { ...foreignEdit, wins } } : {};
  return { change: { ...goesOn, ...decided }, message: resumeMessage(wins) };
}

/** The person says whose values stay where both can; nobody writes over what is not the release's. */
function editRefusal(edit: ReleaseState['foreignEdit'], wins: Decision['wins']): string | undefined {
  if (!edit) return wins === undefined ? undefined : 'nobody else changed anything: resume without --wins';
  if (edit.ofOthers && wins !== 'edit')
    return `${edit.what}: a release does not write that over; put it back and resume, or resume --wins edit (end the release, leave the edit)`;
  if (edit.ofOrder || edit.wins !== undefined || wins !== undefined) return undefined;
  return `${edit.what}: say which one stays, resume --wins release (write it over) or resume --wins edit (end the release, leave the edit)`;
}

function resumeMessage(wins: Decision['wins']): string {
  if (wins === undefined) return 'resuming';
  return wins === 'release' ? 'resuming: the edit is written over' : 'the edit stays: the release ends';
}

function retry(state: ReleaseState, { actor }: Decision): Effect {
  const { failures, requests, foreignEdit } = state;
  if (failures.length === 0) return { refusal: `no server of ${state.release} has failed; resume goes on` };
  if (foreignEdit) return { refusal: `${foreignEdit.what}: decide that first, with resume --wins` };
  if (requests.retry) return { refusal: 'the failed servers are being tried again already' };
  const { pause: _done, ...others } = requests;
  const names = failures.slice(0, 3).map(({ server }) => server);
  const more = failures.length > names.length ? ` and ${failures.length - names.length} more` : '';
  return {
    change: { requests: { ...others, retry: { actor } }, pausedBecause: undefined },
    message: `trying again: ${names.join(', ')}${more}`,
  };
}

const MOST_SKIPPED = 1_000;

function skip(state: ReleaseState, { server, wave, actor, reason }: Decision): Effect {
  if (reason === undefined) return { refusal: 'say why: skip --reason "...", whoever comes next has to understand it' };
  if (server !== undefined && wave !== undefined) return { refusal: 'skip a server or a wave, not both' };
  if (server !== undefined) return skipServer(state, { server, actor, reason });
  if (wave !== undefined) return skipWave(state, wave);
  return { refusal: 'say what: skip --server NAME or skip --wave N' };
}

function skipServer(state: ReleaseState, skipped: NonNullable<ReleaseState['skipped']>[number]): Effect {
  const before = state.skipped ?? [];
  const refusal = serverSkipRefusal(state, skipped.server);
  if (refusal !== undefined) return { refusal };
  if (before.length >= MOST_SKIPPED) return { refusal: `${MOST_SKIPPED} servers are skipped already: cancel instead` };
  const { failures } = withoutFailures(state, new Set([skipped.server]));
  const what = state.goesBack ? 'the rollback goes on without it' : 'it is excluded';
  return { change: { skipped: [...before, skipped], failures }, message: `${skipped.server} is skipped: ${what}` };
}

/** In a rollback any server of the release may be what holds it up, those of waves that are done, too. */
function serverSkipRefusal(state: ReleaseState, server: string): string | undefined {
  const { release, waves, skipped = [], failures, deferred, goesBack } = state;
  const wave = waveOfServer(state, server);
  if (skipped.some((known) => known.server === server)) return `${server} is excluded already`;
  if (goesBack && failures.some((failure) => failure.server === server)) return undefined;
  if (wave === undefined) return `${server} is in no wave of ${release}`;
  if (goesBack || deferred?.servers.includes(server) === true) return undefined;
  return waves[wave - 1]?.status === 'done'
    ? `${server} is in wave ${wave}, which is done; rollback brings it back`
    : undefined;
}

function skipWave(state: ReleaseState, number: number): Effect {
  const before = state.skippedWaves ?? [];
  const wave = state.waves.find((candidate) => candidate.number === number);
  if (!wave) return { refusal: `${state.release} has no wave ${number}: it has ${state.waves.length}` };
  if (wave.status === 'done' && !state.goesBack) return { refusal: `wave ${number} is done; rollback brings it back` };
  if (before.includes(number)) return { refusal: `wave ${number} is excluded already` };
  const moves =
    state.strategy === 'rolling' && !state.goesBack
      ? '; Kruise still gives them the image, with the next wave or at the end'
      : '';
  const votes = state.gate?.wave === number ? '; its gate wants its votes all the same' : '';
  return {
    change: { skippedWaves: [...before, number] },
    message: `the servers of wave ${number} (${wave.size}) are excluded${moves}${votes}`,
  };
}

function rollback(state: ReleaseState, decision: Decision): Effect {
  const { actor, reason, scope = 'release', order = 'all' } = decision;
  const refusal = partialRefusal(state, scope) ?? orderRefusal(state, decision);
  if (refusal !== undefined) return { refusal };
  const wish = { actor, reason: reason ?? NO_REASON, ...(scope === 'release' ? { order } : { scope }) };
  return {
    change: {
      requests: withoutPause(state.requests, { rollback: wish }),
      pausedBecause: undefined,
      ...(scope === 'release' ? { halt: undefined } : {}),
    },
    message: `${rollbackMessage(state, scope)}${inSpiteOf(state)}`,
  };
}

/** A halted release may be the very cause of the halt: it goes back, or ends, while everything else stands still. */
function inSpiteOf({ halt: halted }: ReleaseState): string {
  return halted ? `, in spite of the halt by ${halted.actor} (${halted.reason})` : '';
}

function partialRefusal(state: ReleaseState, scope: RollbackScope): string | undefined {
  const { release, phase, strategy, failures, goesBack, halt: halted } = state;
  if (scope === 'release') return undefined;
  if (strategy === 'newServersOnly')
    return `${release} is for new servers only, which keep what they came with; rollback without --scope ends it`;
  if (goesBack) return `${release} goes back as a whole; resume tries that again, skip excludes a server`;
  if (halted)
    return `${release} is halted: only as a whole it goes back in spite of that; rollback without --scope, or hotwave unhalt first`;
  if (phase !== 'paused' && phase !== 'waiting-approval')
    return `only a release that stands still rolls a part back: pause ${release} first`;
  if (scope === 'failed')
    return failures.length === 0 ? `no server of ${release} has failed; rollback --scope wave or release` : undefined;
  return begunWave(state) === undefined
    ? `${release} has no wave to roll back; rollback without --scope ends it`
    : undefined;
}

function orderRefusal({ strategy }: ReleaseState, { order, scope = 'release' }: Decision): string | undefined {
  if (order !== 'reverse' || (strategy === 'targeted' && scope === 'release')) return undefined;
  return 'only a targeted release goes back wave by wave: in the others Kruise moves all servers by one template; rollback without --order';
}

function rollbackMessage(state: ReleaseState, scope: Decision['scope']): string {
  const { previousVersion, failures, rollbackTo } = state;
  const because = rollbackTo && isNoteworthy(rollbackTo) ? ` (${becauseText(rollbackTo)})` : '';
  const old = previousVersion === '' ? 'the old version' : `${previousVersion}${because}`;
  if (scope === 'wave') return `rolling wave ${begunWave(state) ?? ''} back to ${old}; then it stands still again`;
  if (scope === 'failed')
    return `rolling ${failures.length === 1 ? 'the failed server' : 'the failed servers'} back to ${old}; then it stands still again`;
  return `rolling back to ${old}`;
}

function cancel(state: ReleaseState, { actor, reason, then }: Decision): Effect {
  if (!then) return { refusal: 'say what becomes of the servers: cancel --then hold, or cancel --then rollback' };
  const what = then === 'hold' ? 'every server stays on the version it has' : 'rolling back first';
  return {
    change: {
      requests: withoutPause(state.requests, { cancel: { actor, then, reason: reason ?? NO_REASON } }),
      pausedBecause: undefined,
      halt: undefined,
    },
    message: `cancelling: ${what}${inSpiteOf(state)}`,
  };
}

function supersede(state: ReleaseState, { actor, then, by }: Decision): Effect {
  if (!then || by === undefined) {
    return { refusal: 'a newer release takes over with hotwave start --supersede adopt, or --supersede rollback' };
  }
  if (by === state.release)
    return { refusal: `${by} cannot take over from itself: give the newer release another name` };
  return {
    change: {
      requests: withoutPause(state.requests, { cancel: { actor, then, reason: `superseded by ${by}` } }),
      pausedBecause: undefined,
      supersededBy: by,
    },
    message: then === 'hold' ? `${by} takes over the servers as they are` : `rolling back first, then ${by} takes over`,
  };
}

function overrideFreeze(state: ReleaseState, { actor, reason }: Decision): Effect {
  const { freeze } = state;
  if (!freeze) return { refusal: `${state.release} does not wait for a freeze window` };
  if (reason === undefined)
    return { refusal: 'say why: override-freeze --reason "...", a freeze window has its reasons too' };
  if (isSamePerson(actor, state.requester)) {
    return { refusal: `${actor} started this release: overriding ${freeze.window} takes a second person` };
  }
  return {
    change: { freeze: { ...freeze, overridden: { actor, reason } } },
    message: `going on in spite of ${freeze.window}`,
  };
}

function halt(state: ReleaseState, { actor, reason, until, namespace }: Decision, now: number): Effect {
  const { release, halt: before } = state;
  if (until === undefined || until <= now)
    return { refusal: 'releases are halted with hotwave halt, for a limited time' };
  if (isBeyondHalts(until, now)) return { refusal: 'a halt lasts 7d at most: nothing waits for ever' };
  if (before && before.until >= until)
    return { refusal: `the releases of ${release} are halted already, and for longer` };
  const since = before?.since ?? now;
  const scope = namespace === undefined ? {} : { namespace };
  return {
    change: { halt: { ...scope, actor, reason: reason ?? NO_REASON, since, until } },
    message: `${release} stands still until hotwave unhalt`,
  };
}

function unhalt({ release, halt: halted, gate }: ReleaseState, _decision: Decision, now: number): Effect {
  // It takes a moment until it stands no more: the set may be just being frozen.
  if (!halted) return { refusal: `${release} goes on already` };
  // Nobody could decide about a gate meanwhile: it has its whole time again.
  return { change: { halt: undefined, gate: gate && { ...gate, openedAt: now } }, message: `${release} goes on` };
}

function withoutPause(
  { pause: _pause, retry: _retry, rollback: _rollback, ...requests }: Requests,
  more: Requests,
): Requests {
  return { ...requests, ...more };
}
