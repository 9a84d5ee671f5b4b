import type { InspectInput, InspectResult, PlanInput, PlanResult } from './messages.ts';
import { question } from './calls.ts';
import { checkedInput, inspectInputSchema, planInputSchema } from './input-schemas.ts';

/** The workflow behind `hotwave plan`: the same preflight and plan as a release, and nothing after it. */
export async function planOnly(input: PlanInput): Promise<PlanResult> {
  const { file, cluster } = checkedInput(planInputSchema, input);
  return await question('preflight and plan').planRelease({ file, cluster });
}

/** The workflow behind `hotwave doctor`: the worker's own view of its cluster. */
export async function inspectCluster(input: InspectInput): Promise<InspectResult> {
  const { namespace } = checkedInput(inspectInputSchema, input);
  return { lines: await question('inspect the cluster').inspectCluster({ namespace }) };
}
