import { BATCH_SIZE } from '../../release/progress/describe-step.ts';
import { mergeReports } from '../../release/checks/verdict.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';

/** A step over one batch of servers. */
type BatchStep<Report extends StepReport> = (servers: readonly PlannedServer[]) => Promise<Report>;

function batchesOf(servers: readonly PlannedServer[]): PlannedServer[][] {
  const batches: PlannedServer[][] = [];
  for (let start = 0; start < servers.length; start += BATCH_SIZE)
    batches.push(servers.slice(start, start + BATCH_SIZE));
  return batches;
}

/** Runs a step batch by batch, all at once. */
export async function inBatches<Report extends StepReport>(
  servers: readonly PlannedServer[],
  run: BatchStep<Report>,
): Promise<readonly Report[]> {
  return await Promise.all(batchesOf(servers).map(run));
}

/** Runs a step batch after batch, for steps that pace themselves within a batch, until one was interrupted. */
export async function oneByOne<Report extends StepReport & { readonly interrupted?: boolean | undefined }>(
  servers: readonly PlannedServer[],
  run: BatchStep<Report>,
): Promise<readonly Report[]> {
  const reports: Report[] = [];
  for (const batch of batchesOf(servers)) {
    const report = await run(batch);
    reports.push(report);
    if (report.interrupted === true) break;
  }
  return reports;
}

/** One report of several batches. */
export function merged(reports: readonly StepReport[]): StepReport {
  return mergeReports(reports);
}
