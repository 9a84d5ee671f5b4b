import { condition } from '@temporalio/workflow';
import type { Wave } from '../release/plan.ts';
import { formatDuration } from '../release/quantity.ts';
import { approvalsMissing, approvalsNeeded, groupsOf } from '../release/gate-votes.ts';
import type { GateSpec } from '../release/spec.ts';
import type { OpenGate } from '../release/state.ts';
import { Departure } from './release-run.ts';
import type { ReleaseContext } from './strategy.ts';

/**
 * Waits at the gate before a wave, if it has one, until enough people have approved.
 * @throws Departure when it is rejected, or when nobody decided in time and the gate says to roll back
 */
export async function passGate(context: ReleaseContext, wave: Pick<Wave, 'number'>): Promise<void> {
  const spec = context.spec.gates.find(({ before }) => before === wave.number);
  if (!spec) return;
  const { run, onPause } = context;
  const groups = groupsOf(spec.groups, context.spec.approvers);
  const gate: OpenGate = { wave: wave.number, spec, groups, openedAt: Date.now(), approvedBy: [] };
  run.set({ gate, wave: wave.number });
  for (;;) {
    await run.checkpoint(onPause);
    const gate = run.state.gate;
    if (!gate) return;
    if (gate.rejected) await refuse(context, gate);
    else if (approvalsMissing(gate) === undefined) break;
    else if (Date.now() >= gate.openedAt + spec.timeout) {
      if (await timedOut(context, spec)) break;
    } else await wait(context, gate);
  }
  run.set({ gate: undefined, wait: undefined });
}

async function wait({ run }: ReleaseContext, gate: OpenGate): Promise<void> {
  const { spec, openedAt, wave } = gate;
  const missing = approvalsNeeded(gate) - gate.approvedBy.length;
  const whose = gate.groups ? `: ${approvalsMissing(gate) ?? ''}` : '';
  const what = `waits for ${missing} approvals before wave ${wave}${whose}`;
  run.enter('waiting-approval', what, { owner: 'a person', since: openedAt, until: openedAt + spec.timeout });
  const { approvedBy } = gate;
  const changed = (): boolean => {
    const { gate: now, requests } = run.state;
    return (
      now?.rejected !== undefined ||
      now?.approvedBy.length !== approvedBy.length ||
      Object.keys(requests).length > 0 ||
      (run.state.halt ?? run.state.drift) !== undefined
    );
  };
  await condition(changed, Math.max(1, openedAt + spec.timeout - Date.now()), { summary: `gate before wave ${wave}` });
}

/** A rejection is treated as the release's failure policy says: back, or standing still until a person resumes. */
async function refuse(context: ReleaseContext, gate: OpenGate): Promise<void> {
  const { run, spec } = context;
  const reason = `${gate.rejected?.actor ?? ''} rejected wave ${gate.wave}: ${gate.rejected?.reason ?? ''}`;
  if (spec.onFailure.then === 'rollback') throw new Departure('rollback', 'rolled-back', reason);
  const { rejected: _heard, ...open } = gate;
  run.set({ gate: { ...open, approvedBy: [] } });
  await pauseAtGate(context, reason);
}

/** Who resumes gets the whole time again. Votes that come during the pause count, so they must not be overwritten. */
async function pauseAtGate({ run, onPause }: ReleaseContext, reason: string): Promise<void> {
  await run.pauseUntilResumed(onPause, reason);
  const { gate } = run.state;
  if (gate) run.set({ gate: { ...gate, openedAt: Date.now() } });
}

/** True when the gate lets the wave through all the same. */
async function timedOut(context: ReleaseContext, { timeout, onTimeout }: GateSpec): Promise<boolean> {
  const reason = `nobody decided at the gate within ${formatDuration(timeout)}`;
  if (onTimeout === 'proceed') return true;
  if (onTimeout === 'rollback') throw new Departure('rollback', 'rolled-back', reason);
  await pauseAtGate(context, reason);
  return false;
}
