import { counted } from '../../release/spec/counted.ts';
import { ActivityFailure, CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { controlGroup } from '../../release/checks/metric.ts';
import { failedCount } from '../../release/checks/verdict.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { packServers } from '../../release/fleet/server-rows.ts';
import { describeStep } from '../../release/progress/describe-step.ts';
import type { Event } from '../../release/progress/events.ts';
import { goingOn } from '../../release/progress/groups.ts';
import { nextStep } from '../../release/progress/next-step.ts';
import type { Step } from '../../release/progress/step.ts';
import { describeFailure } from '../call-failures.ts';
import { watching } from '../calls.ts';
import { logReminder } from '../reminders.ts';
import { inBatches, merged } from './batches.ts';
import type { Perform, StepContext, StepOf } from './context.ts';

/** Waits until the release has something else to do: somebody decided, or time is over. */
export const wait: Perform<'wait'> = async (context, step) =>
  step.for === 'gate' ? await waitAtGate(context, step) : await waitPlainly(context, step);

async function waitPlainly(context: StepContext, step: StepOf<'wait'>): Promise<readonly Event[]> {
  const left = Math.max(1, step.until - Date.now());
  await condition(() => isOver(context, step), left, { summary: SUMMARIES[step.for] });
  return [];
}

const SUMMARIES: Readonly<Record<StepOf<'wait'>['for'], string>> = {
  gate: 'gate',
  person: 'paused: waits for resume, rollback or cancel',
  unhalt: 'the releases are halted',
  window: 'freeze window',
  retry: 'retry',
  load: 'waits until engines that were told would have loaded',
  settle: 'waits until a restart would have shown',
};

/** Something else is to be done, or the run has become so long that the next one has to go on waiting. */
function isOver({ run }: StepContext, step: StepOf<'wait'>): boolean {
  return run.isLong || !isSame(run.next, step);
}

function isSame(next: Step, step: StepOf<'wait'>): boolean {
  return next.kind === 'wait' && next.for === step.for && next.until === step.until;
}

/**
 * Waits at a gate. Where it may open by itself, the health of the waves before it is sampled while people may still vote:
 * one sample that fails leaves the gate to people. It is only a watch, so whoever decides first need not wait for its end.
 */
async function waitAtGate(context: StepContext, step: StepOf<'wait'>): Promise<readonly Event[]> {
  const { run } = context;
  const { gate } = run.state;
  const sampled: Event[] = [];
  const scope = new CancellationScope();
  const hopes = gate?.spec.promoteAfter !== undefined && run.release.progress.promotion === undefined;
  if (hopes) void scope.run(() => sample(context, sampled)).catch((error: unknown) => ended(error, sampled));
  try {
    for (let waiting: StepOf<'wait'> | undefined = step; waiting; waiting = stillAtGate(run)) {
      const current = waiting;
      const votes = run.state.gate?.approvedBy.length;
      const hasChanged = (): boolean => run.state.gate?.approvedBy.length !== votes;
      const summary = `gate before wave ${gate?.wave ?? ''}`;
      run.show(describeStep(run.release, current, Date.now()));
      const left = Math.max(1, current.until - Date.now());
      await condition(() => sampled.length > 0 || hasChanged() || isOver(context, current), left, { summary });
      if (sampled.length > 0) break;
    }
    return sampled;
  } finally {
    scope.cancel();
  }
}

/** The gate is still waited at, perhaps after a reminder, which does not begin the samples of health anew. */
function stillAtGate(run: StepContext['run']): StepOf<'wait'> | undefined {
  for (;;) {
    const next = nextStep(run.release, Date.now());
    if (run.isLong || next.kind !== 'note' || next.event.kind !== 'reminded')
      return !run.isLong && next.kind === 'wait' && next.for === 'gate' ? next : undefined;
    run.apply(next.event);
    logReminder(run);
  }
}

/** A sample that was stopped says nothing; anything but a failed activity is a mistake in this code. */
function ended(error: unknown, sampled: Event[]): void {
  if (isCancellation(error)) return;
  if (!(error instanceof ActivityFailure)) throw error;
  sampled.push({ kind: 'promotionEnded', reason: describeFailure(error) });
}

async function sample({ run }: StepContext, sampled: Event[]): Promise<void> {
  const { release } = run;
  const { plan, spec, state } = release;
  const { gate } = state;
  const after = gate?.spec.promoteAfter ?? 0;
  const wave = (gate?.wave ?? 1) - 1;
  const earlier = plan.waves.filter(({ number }) => number <= wave).flatMap(({ servers }) => servers);
  const servers = goingOn(release, earlier);
  if (servers.length === 0) {
    sampled.push({ kind: 'promotionEnded', reason: 'no server is left whose health could be sampled' });
    return;
  }
  const until = Date.now() + after;
  const reports = await inBatches(servers, (batch) =>
    watching(`gate before wave ${wave + 1} · sample health of ${counted(batch.length, 'server')}`, after).bakeWave({
      set: plan.set,
      servers: packServers(batch),
      concurrency: spec.concurrency,
      direction: 'forward',
      kind: 'health',
      probes: spec.health,
      version: plan.version,
      control: controlGroup(plan, wave, spec.health),
      until,
    }),
  );
  const report = merged(reports);
  if (report.observed) sampled.push({ kind: 'observed', observed: report.observed });
  if (failedCount(report) === 0) {
    sampled.push({ kind: 'promoted', servers: servers.length });
    return;
  }
  sampled.push({ kind: 'promotionEnded', reason: firstFailure(report) });
}

function firstFailure(report: StepReport): string {
  const [first] = report.failures;
  const others = failedCount(report) - 1;
  return `${first?.server ?? 'a server'}: ${first?.reason ?? 'failed'}${others > 0 ? `, and ${others} more` : ''}`;
}
