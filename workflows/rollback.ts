import type { RollbackSnapshot, SetWrite } from '../activities/inputs.ts';
import { formatDuration } from '../release/quantity.ts';
import type { PlannedServer } from '../release/plan.ts';
import { withFailures } from '../release/state.ts';
import type { StepReport } from '../release/verdict.ts';
import { failedCount, mergeReports } from '../release/verdict.ts';
import { lasting, quick } from './calls.ts';
import type { WaveContext } from './wave.ts';
import { inBatches, patience, rounds } from './wave.ts';

/**
 * Back to the old version as fast as can be: everything at once, no gates, no bake. It un-wedges a stuck set, then
 * reloads and proves the old version like any other. Returns what is still wrong, or undefined.
 */
export async function rollBack(context: WaveContext): Promise<string | undefined> {
  const { run, plan, spec } = context;
  const { set, baseline } = plan;
  const reached = plan.waves.filter(({ number }) => number <= run.state.wave).flatMap(({ servers }) => servers);
  const limit = spec.ready.timeout;
  const since = Date.now();
  const doing = `brings ${plan.previousVersion} back`;
  run.enter('rolling-back', doing, { for: doing, owner: 'Kruise and the kubelets', since, until: since + limit });

  const snapshot = await quick(`roll back · look at ${reached.length} servers`).rollbackSnapshot({
    set,
    baseline,
    servers: reached,
  });
  for (const [name, fingerprint] of Object.entries(snapshot.before)) context.outgoing.set(name, fingerprint);
  const written = await quick(`roll back · ${baseline.oldImage} for all`).rollBackSet({ set, baseline });
  if (written.kind === 'untouched') return undefined;
  if (written.kind === 'drifted') return written.reason;
  return await proveOldVersion(context, reached, snapshot, written);
}

async function proveOldVersion(
  context: WaveContext,
  reached: readonly PlannedServer[],
  snapshot: RollbackSnapshot,
  written: Extract<SetWrite, { kind: 'accepted' }>,
): Promise<string | undefined> {
  const { run, plan, spec } = context;
  const touched = reached.filter(({ name }) => snapshot.touched.includes(name));
  const common = {
    set: plan.set,
    concurrency: spec.concurrency,
    direction: 'rollback',
    version: plan.previousVersion,
  } as const;
  const reports: StepReport[] = [];
  const add = async (report: Promise<StepReport>): Promise<void> => {
    const done = await report;
    reports.push(done);
    if (failedCount(done) > 0) run.set(withFailures(run.state, done.failures));
  };

  await add(inBatches(reached, (servers) => awaitOld(context, servers, written.revision)));
  const { content, reload, proof } = spec;
  if (content) {
    await add(
      inBatches(touched, (servers) =>
        lasting(
          `roll back · check content of ${servers.length} servers`,
          patience([content], servers.length, spec),
        ).checkServers({
          ...common,
          servers,
          kind: 'content',
          probes: [content],
        }),
      ),
    );
  }
  run.enter('rolling-back', `makes ${touched.length} engines load ${plan.previousVersion} again`);
  await add(
    inBatches(touched, (servers) =>
      lasting(
        `roll back · reload ${servers.length} servers`,
        rounds(servers.length, spec) * (reload.exec?.timeout ?? 0) * 2,
      ).reloadServers({
        ...common,
        repeated: false,
        servers,
        reload,
        proof,
      }),
    ),
  );
  await add(
    inBatches(reached, (servers) =>
      lasting(
        `roll back · prove ${plan.previousVersion} on ${servers.length} servers`,
        patience([proof], servers.length, spec),
      ).checkServers({
        ...common,
        servers,
        kind: 'version',
        probes: [proof],
      }),
    ),
  );
  context.hold = written.hold;
  return problemOf(mergeReports(reports), reached.length);
}

function awaitOld(context: WaveContext, servers: readonly PlannedServer[], revision: string): Promise<StepReport> {
  const { plan, spec, outgoing } = context;
  const names = new Set(servers.map(({ name }) => name));
  const limit = spec.ready.timeout;
  return lasting(`roll back · wait for ${servers.length} servers, at most ${formatDuration(limit)}`, limit).awaitReady({
    set: plan.set,
    servers,
    container: plan.baseline.container,
    image: plan.baseline.oldImage,
    revision,
    direction: 'rollback',
    before: Object.fromEntries([...outgoing].filter(([name]) => names.has(name))),
    deadline: Date.now() + limit,
    failFast: servers.length,
  });
}

function problemOf(report: StepReport, servers: number): string | undefined {
  // A server whose reload and proof both failed is one server.
  const failed = new Set([...report.failures.map(({ server }) => server), ...report.moreFailed]).size;
  const [first] = report.failures;
  if (failed === 0) return undefined;
  return `${failed} of ${servers} servers are not proved to be back: ${first?.server ?? ''}: ${first?.reason ?? ''}`;
}
