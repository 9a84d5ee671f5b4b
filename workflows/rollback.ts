import type { RollbackSnapshot } from '../activities/inputs.ts';
import { plannedOnes } from '../release/newcomers.ts';
import type { PlannedServer } from '../release/plan.ts';
import { reloadPatienceOf } from '../release/reload.ts';
import { withFailures } from '../release/state.ts';
import type { StepReport } from '../release/verdict.ts';
import { failedCount, mergeReports } from '../release/verdict.ts';
import { inBatches, patience, rounds } from './batches.ts';
import { lasting, quick } from './calls.ts';
import type { ReleaseContext, Step, Strategy } from './strategy.ts';

/**
 * Back to the old version as fast as can be: everything at once, no gates, no bake. It un-wedges a stuck set, then
 * reloads and proves the old version like any other. Returns what is still wrong, or undefined.
 */
export async function rollBack(context: ReleaseContext, strategy: Strategy): Promise<string | undefined> {
  const { run, plan, spec, live } = context;
  const { set, baseline } = plan;
  const planned = strategy.affected();
  const limit = spec.ready.timeout;
  const since = Date.now();
  const doing = `brings ${plan.previousVersion} back`;
  run.enter('rolling-back', doing, { owner: 'Kruise and the kubelets', until: since + limit });

  const snapshot = await quick(`roll back · look at ${planned.length} servers`).rollbackSnapshot({
    set,
    baseline,
    servers: planned,
    planned: plannedOnes(plan, live.departed),
  });
  // Servers that came meanwhile have the template's image, too; with chosen servers that was never the release's.
  const newcomers = plan.strategy === 'rolling' ? snapshot.newcomers : [];
  const reached = [...planned.filter(({ name }) => !snapshot.gone.includes(name)), ...newcomers];
  for (const [name, fingerprint] of Object.entries(snapshot.before)) context.outgoing.set(name, fingerprint);
  const withdrawal = await strategy.withdraw();
  if (withdrawal.kind === 'nothing') return undefined;
  if (withdrawal.kind === 'impossible') return withdrawal.reason;
  return await proveOldVersion(context, reached, snapshot, withdrawal.awaitOld);
}

async function proveOldVersion(
  context: ReleaseContext,
  reached: readonly PlannedServer[],
  snapshot: RollbackSnapshot,
  awaitOld: Step,
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

  await add(awaitOld(reached));
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
  const doing = `makes ${touched.length} engines load ${plan.previousVersion} again`;
  const since = Date.now();
  const limit = rounds(touched.length, spec) * reloadPatienceOf(reload, proof);
  const until = since + limit + patience([proof], reached.length, spec);
  run.enter('rolling-back', doing, { owner: 'the engines', until });
  await add(
    inBatches(touched, (servers) =>
      lasting(`roll back · reload ${servers.length} servers`, limit).reloadServers({
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
  return problemOf(mergeReports(reports), reached.length);
}

function problemOf(report: StepReport, servers: number): string | undefined {
  // A server whose reload and proof both failed is one server.
  const failed = new Set([...report.failures.map(({ server }) => server), ...report.moreFailed]).size;
  const [first] = report.failures;
  if (failed === 0) return undefined;
  return `${failed} of ${servers} servers are not proved to be back: ${first?.server ?? ''}: ${first?.reason ?? ''}`;
}
