import type { PlannedServer } from '../release/plan/plan.ts';
import { isSent } from '../release/checks/reload.ts';
import { withFailures, withWave, withoutFailures } from '../release/progress/state.ts';
import type { StepReport } from '../release/checks/verdict.ts';
import { NONE_BEFORE, failedNames, judgeStep } from '../release/checks/verdict.ts';
import { skippedServers } from './left-behind.ts';
import { deferBusy } from './reload-and-prove.ts';
import { NO_WAVE, check, reload } from './steps.ts';
import type { ReleaseContext, Step, Strategy } from './strategy.ts';

/**
 * A person wants the failed servers tried again. Those of the wave at work take its steps with the others, as after any
 * pause; those that were left behind before take all steps here, and belong to the release again when they pass.
 */
export async function tryAgain(context: ReleaseContext, strategy: Strategy): Promise<void> {
  const { run, plan, left, apart } = context;
  const { retry: _heeded, ...requests } = run.state.requests;
  run.set({ requests });
  strategy.forgetFailures?.();
  const others = run.state.failures.map(({ server }) => server).filter((name) => !left.has(name));
  run.set(withoutFailures(run.state, new Set(others)));
  for (const name of others) apart.failed.delete(name);
  const members = plan.waves.filter(({ number }) => number <= run.state.wave).flatMap(({ servers }) => servers);
  await takeAll(context, members.filter(isLeft(context)), [strategy.awaitMoved, ...stepsOf(context)]);
  const { content } = context.spec;
  const moved = [...plan.alreadyUpdated, ...plan.adopted].filter(isLeft(context));
  await takeAll(context, moved, [...(content ? [check(context, 'content', [content])] : []), ...stepsOf(context)]);
}

function isLeft(context: ReleaseContext): (server: PlannedServer) => boolean {
  const skipped = skippedServers(context);
  return ({ name }) => context.left.has(name) && !skipped.has(name);
}

/** What comes after Ready and content. Engines that have loaded the files already are not told again. */
function stepsOf(context: ReleaseContext): readonly Step[] {
  const { spec, plan, reloading } = context;
  for (const number of [NO_WAVE, ...plan.waves.map((wave) => wave.number)]) reloading.add(number);
  const { proof, health } = spec;
  return [
    ...(spec.admission ? [deferBusy(context)] : []),
    ...(isSent(spec.reload) ? [reload(context, NO_WAVE)] : []),
    check(context, 'version', [proof]),
    ...(health.length > 0 ? [check(context, 'health', health)] : []),
  ];
}

/** Who fails again stays behind, whatever the policy: it stood that before. */
async function takeAll(
  context: ReleaseContext,
  servers: readonly PlannedServer[],
  steps: readonly Step[],
): Promise<void> {
  const { run, onPause, apart } = context;
  let going = servers;
  for (const step of steps) {
    if (going.length === 0) return;
    const isStill = (): readonly PlannedServer[] => going.filter(isLeft(context));
    const report = await run.interruptible(onPause, () => step(isStill()));
    run.set(withFailures(run.state, report.failures));
    await standStillFor(context, report);
    const failed = new Set(failedNames(report));
    going = isStill().filter(({ name }) => !failed.has(name) && !apart.deferred.has(name));
  }
  takeBack(context, going);
}

/** What no policy tolerates, and what is about all of them, a person has to see. */
async function standStillFor({ run, onPause }: ReleaseContext, report: StepReport): Promise<void> {
  const verdict = judgeStep(report, NONE_BEFORE, { tolerate: Infinity, then: 'pause' });
  if (verdict.kind !== 'advance') await run.pauseUntilResumed(onPause, verdict.reason);
}

function takeBack(context: ReleaseContext, servers: readonly PlannedServer[]): void {
  const { run, plan, left, apart } = context;
  const passed = new Set(servers.map(({ name }) => name));
  for (const name of passed) {
    left.delete(name);
    apart.failed.delete(name);
  }
  run.set(withoutFailures(run.state, passed));
  for (const { number, servers: members } of plan.waves) {
    const count = members.filter(({ name }) => passed.has(name)).length;
    const wave = run.state.waves[number - 1];
    if (count === 0 || !wave) continue;
    const { failed, ready, proven, size } = wave;
    run.set(
      withWave(run.state, number, {
        failed: Math.max(0, failed - count),
        ready: Math.min(size, ready + count),
        proven: Math.min(size, proven + count),
      }),
    );
  }
}
