import { plannedOnes } from '../release/fleet/newcomers.ts';
import type { Plan, PlannedServer } from '../release/plan/plan.ts';
import { reloadPatienceOf } from '../release/checks/reload.ts';
import type { RollbackOrder } from '../release/progress/state.ts';
import { withFailures } from '../release/progress/state.ts';
import type { StepReport } from '../release/checks/verdict.ts';
import { failedCount, failedNames, mergeReports } from '../release/checks/verdict.ts';
import { inBatches, patience, rounds } from './batches.ts';
import { lasting, quick, uninterrupted } from './calls.ts';
import { leftOut } from './left-behind.ts';
import { override } from './strategies/override.ts';
import type { ReleaseContext, Step, Strategy } from './strategy.ts';
import type { RollbackSnapshot } from '../activities/servers/verify-fleet.ts';
import { packServers, unpackServers } from '../release/fleet/server-rows.ts';

/**
 * Back to the old version as fast as can be: everything at once, or the last wave first; no gates, no bake. It un-wedges
 * a stuck set, then reloads and proves the old version like any other. Returns what is still wrong, or undefined.
 */
export async function rollBack(
  context: ReleaseContext,
  strategy: Strategy,
  order: RollbackOrder = 'all',
): Promise<string | undefined> {
  const out = leftOut(context);
  const reached = strategy.affected().filter(({ name }) => !out.has(name));
  if (order === 'all') return await bringBack(context, strategy, reached);
  for (const servers of lastWaveFirst(context.plan, reached)) {
    const problem = await bringBack(context, strategy, servers);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Brings some servers back by overrides, whatever becomes of the others. */
export async function rollBackPart(
  context: ReleaseContext,
  servers: readonly PlannedServer[],
): Promise<string | undefined> {
  if (servers.length === 0) return 'none of them is there';
  const snapshot = await lookAt(context, servers);
  const back: Step = (batch) => override(context, batch, 'rollback');
  const { failures, problem } = await proveOldVersion(context, servers, snapshot, back);
  for (const name of failures) context.apart.failed.add(name);
  return problem;
}

function lastWaveFirst({ waves }: Plan, servers: readonly PlannedServer[]): readonly (readonly PlannedServer[])[] {
  const reached = new Set(servers.map(({ name }) => name));
  const groups = waves.map((wave) => wave.servers.filter(({ name }) => reached.has(name)));
  return groups.filter((group) => group.length > 0).reverse();
}

async function bringBack(
  context: ReleaseContext,
  strategy: Strategy,
  servers: readonly PlannedServer[],
): Promise<string | undefined> {
  const snapshot = await lookAt(context, servers);
  const withdrawal = await strategy.withdraw();
  if (withdrawal.kind === 'nothing') return undefined;
  if (withdrawal.kind === 'impossible') return withdrawal.reason;
  // Servers that came meanwhile have the template's image, too; with chosen servers that was never the release's.
  const newcomers = context.plan.strategy === 'rolling' ? unpackServers(context.plan.set, snapshot.newcomers) : [];
  const reached = [...servers.filter(({ name }) => !snapshot.gone.includes(name)), ...newcomers];
  const { failures, problem } = await proveOldVersion(context, reached, snapshot, withdrawal.awaitOld);
  for (const name of failures) context.apart.failed.add(name);
  return problem;
}

/** How the servers stand before they are brought back: what has to go, and who had moved at all. */
async function lookAt(context: ReleaseContext, servers: readonly PlannedServer[]): Promise<RollbackSnapshot> {
  const { run, plan, spec, live } = context;
  const limit = spec.ready.timeout;
  const since = Date.now();
  const doing = `brings ${plan.previousVersion} back`;
  run.enter('rolling-back', doing, { owner: 'Kruise and the kubelets', until: since + limit });

  const snapshot = await quick(`roll back · look at ${servers.length} servers`).rollbackSnapshot({
    set: plan.set,
    baseline: plan.baseline,
    containers: plan.containers,
    servers: packServers(servers),
    planned: plannedOnes(plan, live.departed),
  });
  for (const [name, fingerprint] of Object.entries(snapshot.before)) context.outgoing.set(name, fingerprint);
  return snapshot;
}

async function proveOldVersion(
  context: ReleaseContext,
  reached: readonly PlannedServer[],
  snapshot: RollbackSnapshot,
  awaitOld: Step,
): Promise<Proved> {
  const { run, plan, spec, apart } = context;
  const mustReload = new Set([...snapshot.touched, ...plan.unproved]);
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
  // An engine whose files are not the old ones must not load them; who is not back is told to a person.
  const missing = new Set(reports.flatMap(failedNames));
  const back = reached.filter(({ name }) => !missing.has(name));
  const touched = back.filter(({ name }) => mustReload.has(name));
  const { content, reload, proof } = spec;
  if (content) {
    await add(
      inBatches(touched, (servers) =>
        lasting(
          `roll back · check content of ${servers.length} servers`,
          patience([content], servers.length, spec),
        ).checkServers({
          ...common,
          servers: packServers(servers),
          kind: 'content',
          probes: [content],
        }),
      ),
    );
  }
  // Engines may have the old version loaded although their files have changed: deferred ones, and those brought back before.
  const repeated = spec.admission !== undefined || apart.returned.size > 0;
  const doing = `makes ${touched.length} engines load ${plan.previousVersion} again`;
  const since = Date.now();
  const limit = rounds(touched.length, spec) * reloadPatienceOf(reload, proof);
  const until = since + limit + patience([proof], back.length, spec);
  run.enter('rolling-back', doing, { owner: 'the engines', until });
  await add(
    inBatches(touched, (servers) =>
      lasting(`roll back · reload ${servers.length} servers`, limit)
        .reloadServers({
          ...common,
          repeated,
          told: [],
          servers: packServers(servers),
          reload,
          proof,
        })
        .then(uninterrupted),
    ),
  );
  await add(
    inBatches(back, (servers) =>
      lasting(
        `roll back · prove ${plan.previousVersion} on ${servers.length} servers`,
        patience([proof], servers.length, spec),
      ).checkServers({
        ...common,
        servers: packServers(servers),
        kind: 'version',
        probes: [proof],
      }),
    ),
  );
  const report = mergeReports(reports);
  // A server whose reload and proof both failed is one server.
  const failed = new Set(failedNames(report));
  const problem = problemOf(report, { failed: failed.size, servers: reached.length, oldImage: plan.baseline.oldImage });
  return { failures: failed, problem };
}

/** What the proof of the old version came to: who did not give it, and the sentence for people if any did not. */
interface Proved {
  readonly failures: ReadonlySet<string>;
  readonly problem: string | undefined;
}

function problemOf(
  report: StepReport,
  { failed, servers, oldImage }: { readonly failed: number; readonly servers: number; readonly oldImage: string },
): string | undefined {
  const gone = report.failures.find(({ class: kind }) => kind === 'imagePull');
  const first = gone ?? report.failures[0];
  if (failed === 0) return undefined;
  const cause = gone ? `the old image ${oldImage} cannot be pulled: ` : '';
  return `${cause}${failed} of ${servers} servers are not proved to be back: ${first?.server ?? ''}: ${first?.reason ?? ''}`;
}
