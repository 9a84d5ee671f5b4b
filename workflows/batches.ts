import type { PlannedServer } from '../release/plan/plan.ts';
import { patienceOf } from '../release/checks/probe.ts';
import type { Probe, ReleaseSpec } from '../release/spec/spec.ts';
import { mergeReports } from '../release/checks/verdict.ts';
import type { StepReport } from '../release/checks/verdict.ts';
import type { ReleaseContext, Step } from './strategy.ts';
import type { AwaitReadyInput } from '../activities/servers/await-ready.ts';

/** Most servers that one activity works on; it bounds inputs, results and what a retry repeats. */
const BATCH_SIZE = 250;

function batchesOf(servers: readonly PlannedServer[]): PlannedServer[][] {
  const batches: PlannedServer[][] = [];
  for (let start = 0; start < servers.length; start += BATCH_SIZE)
    batches.push(servers.slice(start, start + BATCH_SIZE));
  return batches;
}

/** Runs a step batch by batch, all at once, and makes one report of them. */
export async function inBatches(servers: readonly PlannedServer[], run: Step): Promise<StepReport> {
  return mergeReports(await Promise.all(batchesOf(servers).map(run)));
}

/** Runs a step batch after batch, for steps that pace themselves within a batch. */
export async function oneByOne(servers: readonly PlannedServer[], run: Step): Promise<StepReport> {
  const reports: StepReport[] = [];
  for (const batch of batchesOf(servers)) reports.push(await run(batch));
  return mergeReports(reports);
}

/** How many servers in a row one place of the concurrency has to serve, at worst all on one node. */
export function rounds(servers: number, { concurrency }: ReleaseSpec): number {
  return Math.max(1, Math.ceil(servers / Math.min(concurrency.total, concurrency.perNode)));
}

/** The longest that probes may take over a batch, in milliseconds. */
export function patience(probes: readonly Probe[], servers: number, spec: ReleaseSpec): number {
  return probes.reduce((sum, probe) => sum + patienceOf(probe), 0) * rounds(Math.min(servers, BATCH_SIZE), spec);
}

/** The content check of a release, for the steps that make it while they wait for other servers. */
export function contentOf({
  spec,
  plan,
}: Pick<ReleaseContext, 'spec' | 'plan'>): Pick<AwaitReadyInput, 'content'> | Record<string, never> {
  const { content: probe, concurrency } = spec;
  return probe ? { content: { probe, version: plan.version, concurrency } } : {};
}

/** The fingerprints of sidecars that have to go from these servers in a rollback. */
export function outgoingOf(
  { outgoing }: Pick<ReleaseContext, 'outgoing'>,
  servers: readonly PlannedServer[],
): Record<string, string> {
  const known = servers.flatMap(({ name }) => {
    const fingerprint = outgoing.get(name);
    return fingerprint === undefined ? [] : [[name, fingerprint] as const];
  });
  return Object.fromEntries(known);
}

/** `duel-3, duel-7, ...`: a group of servers in a sentence. */
export function namesOf(servers: Iterable<string>): string {
  const names = [...servers];
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', ...' : ''}`;
}

/** The servers of the waves so far. */
export function reachedBy({ plan, run }: Pick<ReleaseContext, 'plan' | 'run'>): readonly PlannedServer[] {
  return plan.waves.filter(({ number }) => number <= run.state.wave).flatMap(({ servers }) => servers);
}
