import { sleep } from '@temporalio/workflow';
import { controlGroup } from '../release/checks/metric.ts';
import { waveLabel } from '../release/narrate/narrate.ts';
import type { PlannedServer, Wave } from '../release/plan/plan.ts';
import { updatedContainer } from '../release/spec/spec.ts';
import { withWave } from '../release/progress/state.ts';
import type { Verdict } from '../release/checks/verdict.ts';
import { mergeReports } from '../release/checks/verdict.ts';
import { attempt } from './attempt.ts';
import type { Outcome, Part, Repeatable } from './attempt.ts';
import { inBatches } from './batches.ts';
import { QUICK_MS, lasting, quick } from './calls.ts';
import { leftBehind } from './left-behind.ts';
import { reloadAndProve } from './reload-and-prove.ts';
import { judgeSkew } from './skew.ts';
import { check } from './steps.ts';
import type { ReleaseContext, Step, Strategy } from './strategy.ts';
import { packServers } from '../release/fleet/server-rows.ts';

/**
 * One wave, from the write to the look at the whole fleet. Every step may be repeated: a wave that was paused or had
 * failed starts again from the top, and finds done what is done.
 */
export async function runWave(context: ReleaseContext, strategy: Strategy, wave: Wave): Promise<Verdict> {
  const { run, spec, left } = context;
  if (isSkipped(context, wave)) return ended(context, wave);
  const failed = wave.servers.filter(({ name }) => left.has(name)).length;
  run.set({
    ...withWave(run.state, wave.number, { status: 'running', startedAt: Date.now(), failed }),
    wave: wave.number,
    mixedUntil: run.state.mixedUntil ?? (spec.maxMixed === undefined ? undefined : Date.now() + spec.maxMixed),
  });
  const opened = await strategy.open(wave);
  if (opened.kind !== 'advance') return opened;

  for (const [progress, step] of steps(context, strategy, wave)) {
    const { verdict, passed } = await step({ servers: wave.servers, wave });
    if (verdict.kind !== 'advance') return verdict;
    const decided = run.state.phase === 'baking' ? afterBake(context) : verdict;
    if (decided.kind !== 'advance') return decided;
    if (progress !== undefined) run.set(withWave(run.state, wave.number, { [progress]: passed }));
  }
  return ended(context, wave);
}

function isSkipped({ run }: ReleaseContext, { number }: Wave): boolean {
  return run.state.skippedWaves?.includes(number) === true;
}

function ended(context: ReleaseContext, wave: Wave): Verdict {
  const { returned } = context.apart;
  const isBack = wave.servers.length > 0 && wave.servers.every(({ name }) => returned.has(name));
  const whole = isBack ? 'rolled-back' : 'done';
  const status = isSkipped(context, wave) ? 'skipped' : whole;
  context.run.set(withWave(context.run.state, wave.number, { status, endedAt: Date.now() }));
  return { kind: 'advance' };
}

type WaveStep = (part: Part) => Promise<Outcome>;

/** The runbook of a wave after it is open: each step, and the column of the wave table that it fills. */
function steps(
  context: ReleaseContext,
  strategy: Strategy,
  wave: Wave,
): readonly (readonly ['ready' | 'proven' | undefined, WaveStep])[] {
  const { bake, health } = context.spec;
  const taking =
    (step: Repeatable): WaveStep =>
    (part) =>
      attempt(context, part, step);
  return [
    ['ready', taking({ run: strategy.awaitMoved })],
    ['proven', (part) => reloadAndProve(context, part)],
    ...(health.length > 0 ? [[undefined, taking({ run: check(context, 'health', health) })] as const] : []),
    ...(bake > 0 ? [[undefined, taking({ run: bakeWave(context), together: true })] as const] : []),
    [undefined, taking({ run: verifyFleet(context, wave) })],
  ];
}

/** A bake that ends because servers have been of two versions for too long was none: somebody has to decide first. */
function afterBake(context: ReleaseContext): Verdict {
  return isLastWave(context) ? { kind: 'advance' } : judgeSkew(context);
}

/** While the last wave bakes, all servers are of one version. */
function isLastWave({ run, plan }: ReleaseContext): boolean {
  return run.state.wave === plan.waves.length;
}

function bakeWave(context: ReleaseContext): Step {
  const { run, spec, plan } = context;
  return async (servers) => {
    const since = Date.now();
    const { mixedUntil = Infinity } = isLastWave(context) ? {} : run.state;
    const until = Math.min(since + spec.bake, mixedUntil);
    run.enter('baking', 'bakes and samples health', {
      owner: 'a timer',
      until,
    });
    if (spec.health.length === 0) {
      await sleep(Math.max(1, until - since), { summary: `${waveLabel(run.state)} · bake` });
      return mergeReports([]);
    }
    return await inBatches(servers, (batch) =>
      lasting(`${waveLabel(run.state)} · bake and sample health of ${batch.length} servers`, spec.bake).bakeWave({
        set: plan.set,
        servers: packServers(batch),
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

/** Looks at everybody: who is in the waves so far, and not left behind, may have moved; the others may not. */
export function verifyFleet(context: ReleaseContext, wave: Wave): Step {
  const { run, spec, plan, live } = context;
  return () => {
    const behind = leftBehind(context);
    const known = (server: PlannedServer): boolean => !behind.has(server.name) && live.isHere(server);
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
      moved: packServers(moved),
      outsiders: packServers(outsiders),
    });
  };
}
