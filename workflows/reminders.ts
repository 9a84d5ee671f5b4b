import { log } from '@temporalio/workflow';
import { approvalsMissing } from '../release/decisions/gate-votes.ts';
import { formatDuration } from '../release/spec/quantity.ts';
import type { RunningRelease } from './running-release.ts';

/** The people that a gate waits for are told once more, where the logs of the workers are read. */
export function logReminder({ state }: RunningRelease): void {
  const { gate, set, release: name } = state;
  if (!gate) return;
  const missing = approvalsMissing(gate) ?? '';
  const waited = formatDuration(Date.now() - gate.openedAt);
  const where = `${set.namespace}/${set.name}`;
  const { wave, reminders = 0 } = gate;
  log.warn(`${name} on ${where} has been waiting for ${waited} at the gate before wave ${wave}: ${missing} needed`, {
    set: where,
    release: name,
    wave,
    missing,
    waited,
    reminders,
  });
}
