import type { PastRelease } from '../../release/plan/estimate.ts';
import type { ReleaseResult } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { listReleases } from './list-releases.ts';

/** So many releases tell how long the next one takes. */
const MOST = 5;

/**
 * The last releases of a set that are done, as their workflows returned them: no worker is asked. Empty where Temporal
 * does not know, or does not say: what they tell is nice to know, and no reason not to plan.
 * @param set `namespace/name`
 */
export async function pastReleases(temporal: Temporal, cluster: string, set: string): Promise<readonly PastRelease[]> {
  try {
    const listed = await listReleases(temporal, { cluster, set, query: "HotwavePhase = 'done'" }, MOST);
    const ended = listed.filter(({ status }) => status === 'completed');
    const results = await Promise.all(ended.map(({ workflowId, runId }) => resultOf(temporal, workflowId, runId)));
    return results.flatMap((result) => (isPast(result) ? [result] : []));
  } catch {
    return [];
  }
}

function resultOf({ client, call }: Temporal, workflowId: string, runId: string): Promise<unknown> {
  return call(() => client.workflow.getHandle(workflowId, runId).result() as Promise<unknown>);
}

/** Workflows of other versions may have returned something else. */
function isPast(result: unknown): result is Pick<ReleaseResult, 'strategy' | 'waves' | 'seconds'> {
  const { strategy, waves, seconds } = (result ?? {}) as Partial<Record<keyof ReleaseResult, unknown>>;
  return typeof strategy === 'string' && isCount(waves) && isCount(seconds);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
