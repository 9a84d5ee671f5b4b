import { approvalsMissing } from '../decisions/gate-votes.ts';
import { isOverMixed } from '../decisions/max-mixed.ts';
import type { Event } from './events.ts';
import type { OpenGate } from './state.ts';
import type { Release } from './table.ts';
import type { Step } from './step.ts';

/**
 * Waits at the gate before a wave, if it has one, until enough people have approved or it opens by itself. Undefined
 * when there is no gate, or it lets the wave through. A wave that is skipped needs its votes as well: whoever may skip must
 * not be able to take a gate away.
 */
export function gateStep({ spec, state, progress }: Release, wave: number, now: number): Step | undefined {
  const gate = spec.gates.find(({ before }) => before === wave);
  if (!gate || progress.passedGates.includes(wave)) return undefined;
  const open = state.gate;
  if (open?.wave !== wave) return note({ kind: 'gateOpened', wave });
  return decided(open) ?? timeStep({ state, progress }, open, now);
}

const note = (event: Event): Step => ({ kind: 'note', event });

/** The decisions of people so far. */
function decided(gate: OpenGate): Step | undefined {
  if (gate.rejected) return note({ kind: 'gateRejected' });
  return approvalsMissing(gate) === undefined ? note({ kind: 'gatePassed', wave: gate.wave }) : undefined;
}

/** The effect of time on a gate that nobody has decided about yet. */
function timeStep({ state, progress }: Pick<Release, 'state' | 'progress'>, gate: OpenGate, now: number): Step {
  const until = gate.openedAt + gate.spec.timeout;
  if (now >= until) return note({ kind: 'gateTimedOut' });
  if (isOverMixed(state, now)) return note({ kind: 'overMixed' });
  const { remindAt = until } = progress;
  if (now >= remindAt) return note({ kind: 'reminded' });
  return { kind: 'wait', for: 'gate', until: Math.min(until, remindAt, state.mixedUntil ?? until) };
}
