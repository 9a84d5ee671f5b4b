import type { InspectInput, InspectResult, PlanInput, PlanResult } from './messages.ts';
import { question } from './calls.ts';

/** What `hotwave plan` runs: the same preflight and plan as a release, and nothing after it. */
export async function planOnly({ file, cluster }: PlanInput): Promise<PlanResult> {
  return await question('preflight and plan').planRelease({ file, cluster });
}

/** What `hotwave doctor` runs: the worker's own view of its cluster. */
export async function inspectCluster({ namespace }: InspectInput): Promise<InspectResult> {
  return { lines: await question('inspect the cluster').inspectCluster({ namespace }) };
}
