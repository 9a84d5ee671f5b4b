import { sleep } from '@temporalio/workflow';
import type { SetWrite } from '../activities/inputs.ts';
import type { Hold } from '../release/patches.ts';
import type { Plan, PlannedServer, Wave } from '../release/plan.ts';
import { patienceOf } from '../release/probe.ts';
import type { Probe, ReleaseSpec } from '../release/spec.ts';
import { updatedContainer } from '../release/spec.ts';
import { waveLabel } from '../release/narrate.ts';
import { withFailures, withWave } from '../release/state.ts';
import type { StepReport, Verdict } from '../release/verdict.ts';
import { failedCount, judgeStep, mergeReports } from '../release/verdict.ts';
import { lasting, quick, toItsEnd } from './calls.ts';
import type { PauseActions, ReleaseRun } from './release-run.ts';

/** Most servers that one activity works on; it bounds inputs, results and what a retry repeats. */
const BATCH_SIZE = 250;

/** What the waves of one release share. */
export interface WaveContext {
  readonly run: ReleaseRun;
  readonly spec: ReleaseSpec;
  readonly plan: Plan;
  /** The revision that Kruise gave the new image; empty until the image is written. */
  revision: string;
  /** How the set is held now, replaced by each write; undefined while it is the person's own. */
  hold: Hold | undefined;
  /** Servers that failed within the tolerance: later steps leave them alone. */
  readonly left: Set<string>;
  /** Waves whose engines have been told to reload: after a pause, those that have done so are not told again. */
  readonly reloading: Set<number>;
  /** Fingerprints of the sidecars that a rollback has to get rid of; a second try must not take the new ones for them. */
  readonly outgoing: Map<string, string>;
  readonly onPause: PauseActions;
}

type Step = (servers: readonly PlannedServer[]) => Promise<StepReport>;

/**
 * One wave, from the write to the look at the whole fleet. Every step may be repeated: a wave that was paused or had
 * failed starts again from the top, and finds done what is done.
 */
export async function runWave(context: WaveContext, wave: Wave): Promise<Verdict> {
  const { run } = context;
  run.set({
    ...withWave(run.state, wave.number, { status: 'running', startedAt: Date.now(), failed: 0 }),
    wave: wave.number,
  });
  const opened = await openWave(context, wave);
  if (opened.kind !== 'untouched') context.hold = opened.hold ?? context.hold;
  if (opened.kind !== 'accepted')
    return { kind: 'pause', reason: opened.kind === 'drifted' ? opened.reason : 'the set was not written' };

  for (const [progress, step] of steps(context, wave)) {
    const servers = wave.servers.filter(({ name }) => !context.left.has(name));
    const report = await run.interruptible(context.onPause, () => step(servers));
    const verdict = judge(context, wave, report);
    if (verdict.kind !== 'advance') return verdict;
    if (progress !== undefined) run.set(withWave(run.state, wave.number, { [progress]: report.passed }));
  }
  run.set(withWave(run.state, wave.number, { status: 'done', endedAt: Date.now() }));
  return { kind: 'advance' };
}

/** The runbook of a wave after it is open: each step, and the column of the wave table that it fills. */
function steps(context: WaveContext, wave: Wave): readonly (readonly ['ready' | 'proven' | undefined, Step])[] {
  const { content, bake, health } = context.spec;
  return [
    ['ready', awaitReady(context)],
    ...(content ? [[undefined, check(context, 'content', [content])] as const] : []),
    [undefined, reload(context, wave)],
    ['proven', check(context, 'version', [context.spec.proof])],
    ...(health.length > 0 ? [[undefined, check(context, 'health', health)] as const] : []),
    ...(bake > 0 ? [[undefined, bakeWave(context)] as const] : []),
    [undefined, verifyFleet(context, wave)],
  ];
}

function openWave({ run, plan, revision, hold }: WaveContext, wave: Wave): Promise<SetWrite> {
  if (!hold) return Promise.resolve({ kind: 'untouched' });
  const { set, baseline } = plan;
  run.enter('updating', `opens the set for ${wave.servers.length} servers`);
  const servers = wave.servers.map(({ name }) => name);
  const summary = `${waveLabel(run.state)} · open for ${wave.servers.length} servers`;
  return toItsEnd(() => quick(summary).openWave({ set, baseline, revision, hold, servers }));
}

function awaitReady({ run, spec, plan, revision, left }: WaveContext): Step {
  const { container, image } = updatedContainer(spec);
  const limit = spec.ready.timeout;
  return (servers) => {
    const since = Date.now();
    const deadline = since + limit;
    const step = `waits for ${servers.length} servers to be Ready on ${image}`;
    run.enter('updating', step, { for: step, owner: 'Kruise and the kubelets', since, until: deadline });
    const failFast = Math.max(0, plan.tolerate - left.size);
    return inBatches(servers, (batch) =>
      lasting(`${waveLabel(run.state)} · wait for ${batch.length} servers to be Ready`, limit).awaitReady({
        set: plan.set,
        servers: batch,
        container,
        image,
        revision,
        direction: 'forward',
        before: {},
        deadline,
        failFast,
      }),
    );
  };
}

const CHECK_STEPS = {
  content: { doing: 'checks that the new files are there', summary: 'check content of' },
  version: { doing: 'asks each engine which version it has loaded', summary: 'prove version on' },
  health: { doing: 'checks health', summary: 'check health of' },
} as const;

function check({ run, spec, plan }: WaveContext, kind: keyof typeof CHECK_STEPS, probes: readonly Probe[]): Step {
  const { doing, summary } = CHECK_STEPS[kind];
  return (servers) => {
    const limit = patience(probes, servers.length, spec);
    const since = Date.now();
    run.enter('updating', doing, { for: doing, owner: 'the engines', since, until: since + limit });
    return inBatches(servers, (batch) =>
      lasting(`${waveLabel(run.state)} · ${summary} ${batch.length} servers`, limit).checkServers({
        set: plan.set,
        servers: batch,
        concurrency: spec.concurrency,
        direction: 'forward',
        kind,
        probes,
        version: plan.version,
      }),
    );
  };
}

function reload({ run, spec, plan, reloading }: WaveContext, wave: Wave): Step {
  return (servers) => {
    const repeated = reloading.has(wave.number);
    reloading.add(wave.number);
    const doing = `makes ${servers.length} engines reload`;
    const limit = rounds(servers.length, spec) * (spec.reload.exec?.timeout ?? 0) * 2;
    const since = Date.now();
    run.enter('updating', doing, { for: doing, owner: 'the engines', since, until: since + limit });
    return inBatches(servers, (batch) =>
      lasting(`${waveLabel(run.state)} · reload ${batch.length} servers`, limit).reloadServers({
        set: plan.set,
        servers: batch,
        concurrency: spec.concurrency,
        direction: 'forward',
        repeated,
        reload: spec.reload,
        proof: spec.proof,
        version: plan.version,
      }),
    );
  };
}

function bakeWave({ run, spec, plan }: WaveContext): Step {
  return async (servers) => {
    const since = Date.now();
    const until = since + spec.bake;
    run.enter('baking', 'bakes and samples health', {
      for: 'bakes and samples health',
      owner: 'a timer',
      since,
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
        until,
      }),
    );
  };
}

function verifyFleet({ run, spec, plan, left }: WaveContext, wave: Wave): Step {
  const known = ({ name }: PlannedServer): boolean => !left.has(name);
  return () => {
    const moved = plan.waves
      .filter(({ number }) => number <= wave.number)
      .flatMap(({ servers }) => servers.filter(known));
    const outsiders = plan.waves.filter(({ number }) => number > wave.number).flatMap(({ servers }) => servers);
    run.enter('updating', 'looks at the whole fleet: nobody else was touched');
    return quick(`${waveLabel(run.state)} · verify ${moved.length + outsiders.length} servers`).verifyFleet({
      set: plan.set,
      container: updatedContainer(spec).container,
      moved,
      outsiders,
    });
  };
}

/** Judges a step's report and remembers who failed. */
function judge(context: WaveContext, wave: Wave, report: StepReport): Verdict {
  const { run, plan, spec, left } = context;
  const verdict = judgeStep(report, left.size, { tolerate: plan.tolerate, then: spec.onFailure.then });
  const failed = failedCount(report);
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

/** Runs a step batch by batch, all at once, and makes one report of them. */
export async function inBatches(servers: readonly PlannedServer[], run: Step): Promise<StepReport> {
  const batches: PlannedServer[][] = [];
  for (let start = 0; start < servers.length; start += BATCH_SIZE)
    batches.push(servers.slice(start, start + BATCH_SIZE));
  return mergeReports(await Promise.all(batches.map(run)));
}

/** How many servers in a row one place of the concurrency has to serve, at worst all on one node. */
export function rounds(servers: number, { concurrency }: ReleaseSpec): number {
  return Math.max(1, Math.ceil(servers / Math.min(concurrency.total, concurrency.perNode)));
}

/** The longest that probes may take over a batch, in milliseconds. */
export function patience(probes: readonly Probe[], servers: number, spec: ReleaseSpec): number {
  return probes.reduce((sum, probe) => sum + patienceOf(probe), 0) * rounds(Math.min(servers, BATCH_SIZE), spec);
}
