import { condition, log } from '@temporalio/workflow';
import type { Wave } from '../release/plan/plan.ts';
import { formatDuration } from '../release/spec/quantity.ts';
import { approvalsMissing, approvalsNeeded, groupsOf } from '../release/decisions/gate-votes.ts';
import { isOverMixed } from '../release/decisions/max-mixed.ts';
import type { GateSpec } from '../release/spec/spec.ts';
import type { OpenGate, ReleaseState } from '../release/progress/state.ts';
import { Promotion } from './promotion.ts';
import { QUICK_MS } from './calls.ts';
import { Departure } from './release-run.ts';
import { heedSkew } from './skew.ts';
import type { ReleaseContext } from './strategy.ts';

/** A gate as the release waits at it. */
interface Waiting {
  readonly context: ReleaseContext;
  readonly promotion: Promotion;
  /** When people are reminded next, milliseconds since the epoch. */
  remindAt: number;
}

/**
 * Waits at the gate before a wave, if it has one, until enough people have approved or it opens by itself.
 * @throws Departure when it is rejected, or when nobody decided in time and the gate says to roll back
 */
export async function passGate(context: ReleaseContext, wave: Pick<Wave, 'number'>): Promise<void> {
  const spec = context.spec.gates.find(({ before }) => before === wave.number);
  if (!spec || isSkipped(context.run.state, wave.number)) return;
  const { run } = context;
  const groups = groupsOf(spec.groups, context.spec.approvers);
  const gate: OpenGate = { wave: wave.number, spec, groups, openedAt: Date.now(), approvedBy: [] };
  run.set({ gate, wave: wave.number });
  const promotion = new Promotion(context, gate);
  try {
    await untilOpen({ context, promotion, remindAt: nextReminder(spec) });
  } finally {
    promotion.stop();
  }
  run.set({ gate: undefined });
  run.enter('updating', `begins wave ${wave.number}`, { owner: 'the API server', until: Date.now() + QUICK_MS });
}

async function untilOpen(waiting: Waiting): Promise<void> {
  const { run, onPause } = waiting.context;
  for (;;) {
    const { gate } = run.state;
    if (isCalled(run.state) && gate) beginAnew(waiting, gate.spec);
    await run.checkpoint(onPause);
    if (!run.state.gate || isSkipped(run.state, run.state.gate.wave)) return;
    if (await isOpen(waiting, run.state.gate)) return;
  }
}

/** Draws the consequence of votes and deadlines, or waits for one. True when the wave may start. */
async function isOpen(waiting: Waiting, gate: OpenGate): Promise<boolean> {
  const { context, promotion } = waiting;
  const { run } = context;
  const now = Date.now();
  if (gate.rejected) await refuse(waiting, gate);
  else if (approvalsMissing(gate) === undefined) return true;
  else if (promotion.opens) {
    run.set(promotion.decision(run.state, now));
    return true;
  } else if (now >= gate.openedAt + gate.spec.timeout) return await timedOut(waiting, gate.spec);
  else if (isOverMixed(run.state, now)) await standStill(waiting, gate.spec, () => heedSkew(context));
  else await wait(waiting, gate);
  return false;
}

async function wait(waiting: Waiting, gate: OpenGate): Promise<void> {
  const { context, promotion, remindAt } = waiting;
  const { run } = context;
  const { spec, openedAt, wave, approvedBy } = gate;
  const until = openedAt + spec.timeout;
  promotion.begin();
  const { hope } = promotion;
  run.enter('waiting-approval', describeWait(gate, hope), { owner: 'a person', since: openedAt, until });
  const changed = (): boolean => {
    const { gate: now } = run.state;
    const voted = now?.rejected !== undefined || now?.approvedBy.length !== approvedBy.length;
    return voted || isCalled(run.state) || isSkipped(run.state, wave) || promotion.opens || promotion.hope !== hope;
  };
  const next = Math.min(until, remindAt, run.state.mixedUntil ?? until);
  await condition(changed, Math.max(1, next - Date.now()), { summary: `gate before wave ${wave}` });
  if (!changed() && Date.now() >= remindAt && Date.now() < until) remind(waiting, gate);
}

function describeWait(gate: OpenGate, hope: string): string {
  const missing = approvalsNeeded(gate) - gate.approvedBy.length;
  const whose = gate.groups ? `: ${approvalsMissing(gate) ?? ''}` : '';
  const { reminders = 0 } = gate;
  const reminded = reminders === 0 ? '' : `; reminded ${reminders === 1 ? 'once' : `${reminders} times`}`;
  return `waits for ${missing} approvals before wave ${gate.wave}${whose}${hope}${reminded}`;
}

function nextReminder({ remindEvery }: GateSpec): number {
  return remindEvery === undefined ? Infinity : Date.now() + remindEvery;
}

/** Says once more, where the logs of the workers are read, that somebody has to decide. */
function remind(waiting: Waiting, gate: OpenGate): void {
  const { run } = waiting.context;
  const { set, release } = run.state;
  const reminders = (gate.reminders ?? 0) + 1;
  const missing = approvalsMissing(gate) ?? '';
  const waited = formatDuration(Date.now() - gate.openedAt);
  const name = `${set.namespace}/${set.name}`;
  log.warn(
    `${release} on ${name} has been waiting for ${waited} at the gate before wave ${gate.wave}: ${missing} needed`,
    { set: name, release, wave: gate.wave, missing, waited, reminders },
  );
  run.set({ gate: { ...gate, reminders } });
  waiting.remindAt = nextReminder(gate.spec);
}

/** A wave that is left behind needs nobody's approval. */
function isSkipped({ skippedWaves = [] }: ReleaseState, wave: number): boolean {
  return skippedWaves.includes(wave);
}

/** Somebody wants the release to do something other than wait here. */
function isCalled({ requests, halt, drift }: ReleaseState): boolean {
  return Object.keys(requests).length > 0 || (halt ?? drift) !== undefined;
}

/** After a pause nobody is reminded at once, and servers have to be healthy for the whole time again. */
function beginAnew(waiting: Waiting, spec: GateSpec): void {
  waiting.promotion.stop();
  waiting.remindAt = nextReminder(spec);
}

/** A rejection is treated as the release's failure policy says: back, or standing still until a person resumes. */
async function refuse(waiting: Waiting, gate: OpenGate): Promise<void> {
  const { run, spec, onPause } = waiting.context;
  const reason = `${gate.rejected?.actor ?? ''} rejected wave ${gate.wave}: ${gate.rejected?.reason ?? ''}`;
  if (spec.onFailure.then === 'rollback') throw new Departure('rollback', 'rolled-back', reason);
  const { rejected: _heard, ...open } = gate;
  run.set({ gate: { ...open, approvedBy: [] } });
  await standStill(waiting, gate.spec, () => run.pauseUntilResumed(onPause, reason));
}

/** Who resumes gets the whole time again. Votes that come during the pause count, so they must not be overwritten. */
async function standStill(waiting: Waiting, spec: GateSpec, pause: () => Promise<void>): Promise<void> {
  const { run } = waiting.context;
  waiting.promotion.stop();
  await pause();
  beginAnew(waiting, spec);
  const { gate } = run.state;
  if (gate) run.set({ gate: { ...gate, openedAt: Date.now() } });
}

/** True when the gate lets the wave through all the same. */
async function timedOut(waiting: Waiting, spec: GateSpec): Promise<boolean> {
  const { run, onPause } = waiting.context;
  const reason = `nobody decided at the gate within ${formatDuration(spec.timeout)}`;
  if (spec.onTimeout === 'proceed') return true;
  if (spec.onTimeout === 'rollback') throw new Departure('rollback', 'rolled-back', reason);
  await standStill(waiting, spec, () => run.pauseUntilResumed(onPause, reason));
  return false;
}
