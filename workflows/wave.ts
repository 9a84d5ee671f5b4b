import { sleep } from '@temporalio/workflow';
import { controlGroup } from '../release/metric.ts';
import { waveLabel } from '../release/narrate.ts';
import type { PlannedServer, Wave } from '../release/plan.ts';
import { isSent } from '../release/reload.ts';
import { updatedContainer } from '../release/spec.ts';
import { withFailures, withObservations, withWave } from '../release/state.ts';
import type { StepReport, Verdict } from '../release/verdict.ts';
import { failedCount, judgeStep, mergeReports } from '../release/verdict.ts';
import { overThoseThatStay } from './live-set.ts';
import { inBatches } from './batches.ts';
import { QUICK_MS, lasting, quick } from './calls.ts';
import { check, reload } from './steps.ts';
import type { ReleaseContext, Step, Strategy } from './strategy.ts';

/**
 * One wave, from the write to the look at the whole fleet. Every step may be repeated: a wave that was paused or had
 * failed starts again from the top, and finds done what is done.
 */
export async function runWave(context: ReleaseContext, strategy: Strategy, wave: Wave): Promise<Verdict> {
  const { run } = context;
  run.set({
    ...withWave(run.state, wave.number, { status: 'running', startedAt: Date.now(), failed: 0 }),
    wave: wave.number,
  });
  const opened = await strategy.open(wave);
  if (opened.kind !== 'advance') return opened;

  for (const [progress, step] of steps(context, strategy, wave)) {
    const report = await overThoseThatStay(context, wave.servers, step);
    const verdict = judge(context, wave, report);
    if (verdict.kind !== 'advance') return verdict;
    if (progress !== undefined) run.set(withWave(run.state, wave.number, { [progress]: report.passed }));
  }
  run.set(withWave(run.state, wave.number, { status: 'done', endedAt: Date.now() }));
  return { kind: 'advance' };
}

/** The runbook of a wave after it is open: each step, and the column of the wave table that it fills. */
function steps(
  context: ReleaseContext,
  strategy: Strategy,
  wave: Wave,
): readonly (readonly ['ready' | 'proven' | undefined, Step])[] {
  const { bake, health } = context.spec;
  return [
    ['ready', strategy.awaitMoved],
    ...(isSent(context.spec.reload) ? [[undefined, reload(context, wave.number)] as const] : []),
    ['proven', check(context, 'version', [context.spec.proof])],
    ...(health.length > 0 ? [[undefined, check(context, 'health', health)] as const] : []),
    ...(bake > 0 ? [[undefined, bakeWave(context)] as const] : []),
    [undefined, verifyFleet(context, wave)],
  ];
}

function bakeWave({ run, spec, plan }: ReleaseContext): Step {
  return async (servers) => {
    const since = Date.now();
    const until = since + spec.bake;
    run.enter('baking', 'bakes and samples health', {
      owner: 'a timer',
      until,
    });
    if (spec.health.length === 0) {
      await sleep(spec.bake, { summary: `${waveLabel(run.state)} · bake` });
      return mergeReports([]);
    }
    return await inBatches(servers, (batch) =>
      lasting(`${waveLabel(run.state)} · bake and sample health of ${batch.length} servers`, spec.bake).bakeWave({
        set: plan.set,
        servers: batch,
        concurrency: spec.concurrency,
        direction: 'forward',
        kind: 'health',
        probes: spec.health,
        version: plan.version,
        control: controlGroup(plan, run.state.wave, spec.health),
        until,
      }),
    );
  };
}

function verifyFleet({ run, spec, plan, left, live }: ReleaseContext, wave: Wave): Step {
  const known = (server: PlannedServer): boolean => !left.has(server.name) && live.isHere(server);
  return () => {
    const moved = plan.waves
      .filter(({ number }) => number <= wave.number)
      .flatMap(({ servers }) => servers.filter(known));
    const later = plan.waves.filter(({ number }) => number > wave.number).flatMap(({ servers }) => servers);
    const outsiders = [...later, ...plan.adopted, ...plan.bystanders].filter(live.isHere);
    run.enter('updating', 'looks at the whole fleet: nobody else was touched', {
      owner: 'the API server',
      until: Date.now() + QUICK_MS,
    });
    return quick(`${waveLabel(run.state)} · verify ${moved.length + outsiders.length} servers`).verifyFleet({
      set: plan.set,
      container: updatedContainer(spec).container,
      moved,
      outsiders,
    });
  };
}

/** Judges a step's report and remembers who failed. */
function judge(context: ReleaseContext, wave: Wave, report: StepReport): Verdict {
  const { run, plan, spec, left } = context;
  const verdict = judgeStep(report, left.size, { tolerate: plan.tolerate, then: spec.onFailure.then });
  const failed = failedCount(report);
  if (report.observed) run.set(withObservations(run.state, report.observed));
  if (failed > 0) {
    const before = run.state.waves[wave.number - 1]?.failed ?? 0;
    run.set(
      withWave(withFailures(run.state, report.failures), wave.number, {
        failed: before + failed,
        ...(verdict.kind === 'advance' ? {} : { status: 'failed' }),
      }),
    );
  }
  if (verdict.kind === 'advance')
    for (const name of [...report.failures.map(({ server }) => server), ...report.moreFailed]) left.add(name);
  return verdict;
}
