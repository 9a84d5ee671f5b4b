import { formatDuration } from './quantity.ts';
import type { Decision, DecisionRecord, OpenGate, Phase, ReleaseState, Requests, Verb } from './state.ts';
import { isFinal } from './state.ts';

/** The synchronous answer to a decision. */
export interface DecisionAnswer {
  readonly accepted: boolean;
  readonly message: string;
}

/** Either what the decision changes, or why it is refused and which verb is right. */
type Effect = { readonly change: Partial<ReleaseState>; readonly message: string } | { readonly refusal: string };

const KEPT_DECISIONS = 200;

/**
 * Applies a person's decision to the state of a release. The only way in, for the update and the signal alike: the
 * same id twice is one decision with one answer, and a decision for another release or wave changes nothing.
 */
export function applyDecision(
  state: ReleaseState,
  decision: Decision,
  now: number,
): { readonly state: ReleaseState; readonly answer: DecisionAnswer } {
  const before = state.decisions.find((record) => record.id === decision.id);
  if (before) return { state, answer: { accepted: before.accepted, message: before.answer } };
  const effect = judge(state, decision, now);
  const accepted = 'change' in effect;
  const message = accepted ? effect.message : effect.refusal;
  const record: DecisionRecord = { ...decision, at: now, accepted, answer: message };
  const decisions = [...state.decisions, record].slice(-KEPT_DECISIONS);
  return { state: { ...state, ...(accepted ? effect.change : {}), decisions }, answer: { accepted, message } };
}

function judge(state: ReleaseState, decision: Decision, now: number): Effect {
  if (decision.release !== state.release) {
    return {
      refusal: `this decision is for release ${decision.release}, but ${state.release} is the one on ${state.set.name}`,
    };
  }
  if (isFinal(state.phase))
    return { refusal: `${state.release} has ended (${state.phase}); start a new release instead` };
  return EFFECTS[decision.verb](state, decision, now);
}

const EFFECTS: Record<Verb, (state: ReleaseState, decision: Decision, now: number) => Effect> = {
  approve,
  reject,
  pause,
  resume,
  rollback,
  cancel,
};

function approve(state: ReleaseState, decision: Decision, now: number): Effect {
  const refusal = gateRefusal(state, decision);
  if (refusal !== undefined || !state.gate) return { refusal: refusal ?? noGate(state) };
  const { gate } = state;
  if (gate.spec.notRequester && decision.actor === state.requester) {
    return {
      refusal: `${decision.actor} started this release and its gate wants somebody else: ask a colleague to approve`,
    };
  }
  if (gate.approvedBy.includes(decision.actor))
    return { refusal: `${decision.actor} has approved wave ${gate.wave} already` };
  const approvedBy = [...gate.approvedBy, decision.actor];
  const missing = gate.spec.approvals - approvedBy.length;
  const left = formatDuration(Math.max(0, gate.openedAt + gate.spec.timeout - now));
  return {
    change: { gate: { ...gate, approvedBy } },
    message:
      missing > 0
        ? `approved wave ${gate.wave}; ${missing} more needed within ${left}`
        : state.phase === 'paused'
          ? `approved wave ${gate.wave}; it starts when somebody resumes`
          : `approved: wave ${gate.wave} starts`,
  };
}

function reject(state: ReleaseState, decision: Decision): Effect {
  const refusal = gateRefusal(state, decision);
  if (refusal !== undefined || !state.gate) return { refusal: refusal ?? noGate(state) };
  const reason = decision.reason ?? 'no reason given';
  return {
    change: { gate: { ...state.gate, rejected: { actor: decision.actor, reason } } },
    message: `rejected wave ${state.gate.wave}: ${reason}`,
  };
}

function gateRefusal(state: ReleaseState, { wave }: Decision): string | undefined {
  if (!state.gate) return noGate(state);
  if (wave === undefined)
    return `say which wave: the gate before wave ${state.gate.wave} is open (--wave ${state.gate.wave})`;
  if (wave === state.gate.wave) return decidedAlready(state.gate);
  return `the gate before wave ${wave} is not open: ${state.release} waits at the gate before wave ${state.gate.wave}`;
}

/** The decision that settles a gate is the last one that counts, also while its consequences are still to come. */
function decidedAlready({ wave, rejected, approvedBy, spec }: OpenGate): string | undefined {
  if (rejected) return `wave ${wave} was rejected by ${rejected.actor} already: ${rejected.reason}`;
  return approvedBy.length >= spec.approvals
    ? `wave ${wave} was approved already, by ${approvedBy.join(', ')}`
    : undefined;
}

function noGate(state: ReleaseState): string {
  const hint = state.phase === 'paused' ? 'it is paused; the verb for that is resume' : `it is ${state.phase}`;
  return `${state.release} waits at no gate: ${hint}`;
}

function pause(state: ReleaseState, { actor, reason }: Decision): Effect {
  if (state.requests.pause || state.phase === 'paused')
    return { refusal: `${state.release} is paused already; resume goes on` };
  if (state.phase === 'rolling-back') {
    return { refusal: `${state.release} is rolling back, which is not paused half-way; wait for it to end` };
  }
  return {
    change: { requests: { ...state.requests, pause: { actor, reason: reason ?? 'no reason given' } } },
    message: 'pausing: nothing more is written; servers that are being updated finish',
  };
}

function resume(state: ReleaseState): Effect {
  if (state.phase !== 'paused' && !state.requests.pause) {
    const right =
      state.phase === 'waiting-approval'
        ? `; the verb for its gate is approve --wave ${state.gate?.wave ?? state.wave}`
        : '';
    return { refusal: `${state.release} is not paused: it is ${state.phase}${right}` };
  }
  const { pause: _done, ...requests } = state.requests;
  return { change: { requests, pausedBecause: undefined }, message: 'resuming' };
}

function rollback(state: ReleaseState, { actor, reason }: Decision): Effect {
  if (state.requests.rollback || state.phase === 'rolling-back')
    return { refusal: `${state.release} is rolling back already` };
  return {
    change: {
      requests: withoutPause(state.requests, { rollback: { actor, reason: reason ?? 'no reason given' } }),
      pausedBecause: undefined,
    },
    message: `rolling back to ${state.previousVersion === '' ? 'the old version' : state.previousVersion}`,
  };
}

function cancel(state: ReleaseState, { actor, reason, then }: Decision): Effect {
  if (!then) return { refusal: 'say what becomes of the servers: cancel --then hold, or cancel --then rollback' };
  if (state.phase === 'rolling-back') {
    return { refusal: `${state.release} is rolling back, which is not stopped half-way; wait for it to end` };
  }
  if (state.requests.cancel) return { refusal: `${state.release} is being cancelled already` };
  return {
    change: {
      requests: withoutPause(state.requests, { cancel: { actor, then, reason: reason ?? 'no reason given' } }),
      pausedBecause: undefined,
    },
    message:
      then === 'hold' ? 'cancelling: every server stays on the version it has' : 'cancelling: rolling back first',
  };
}

function withoutPause({ pause: _pause, ...requests }: Requests, more: Requests): Requests {
  return { ...requests, ...more };
}

/** The verbs that a person can use now, for hints. */
export function usefulVerbs(phase: Phase): readonly Verb[] {
  if (isFinal(phase) || phase === 'rolling-back') return [];
  if (phase === 'waiting-approval') return ['approve', 'reject', 'pause', 'rollback', 'cancel'];
  return phase === 'paused' ? ['resume', 'rollback', 'cancel'] : ['pause', 'rollback', 'cancel'];
}
