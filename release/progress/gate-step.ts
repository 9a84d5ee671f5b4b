import { approvalsMissing } from '../decisions/gate-votes.ts';
import { isOverMixed } from '../decisions/max-mixed.ts';
import type { Release } from './table.ts';
import type { Step } from './step.ts';

/**
 * Waits at the gate before a wave, if it has one, until enough people have approved or it opens by itself. Undefined
 * when there is no gate, or it lets the wave through.
 */
export function gateStep({ spec, state, progress }: Release, wave: number, now: number): Step | undefined {
  const gate = spec.gates.find(({ before }) => before === wave);
  if (!gate || progress.passedGates.includes(wave)) return undefined;
  const note = (event: Extract<Step, { kind: 'note' }>['event']): Step => ({ kind: 'note', event });
  // A wave that is skipped needs nobody's approval.
  if (state.skippedWaves?.includes(wave) === true) return note({ kind: 'gatePassed', wave });
  const open = state.gate;
  if (open?.wave !== wave) return note({ kind: 'gateOpened', wave });
  if (open.rejected) return note({ kind: 'gateRejected' });
  if (approvalsMissing(open) === undefined) return note({ kind: 'gatePassed', wave });
  const until = open.openedAt + gate.timeout;
  if (now >= until) return note({ kind: 'gateTimedOut' });
  if (isOverMixed(state, now)) return note({ kind: 'overMixed' });
  if (progress.remindAt !== undefined && now >= progress.remindAt) return note({ kind: 'reminded' });
  return { kind: 'wait', for: 'gate', until: Math.min(until, progress.remindAt ?? until, state.mixedUntil ?? until) };
}
