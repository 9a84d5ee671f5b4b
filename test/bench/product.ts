/**
 * All that the benchmark takes from hotwave itself, in one place: to measure another version, these paths are all that
 * has to be changed.
 */
import { fileURLToPath } from 'node:url';

export { ClusterFailure } from '../../activities/ports/failure.ts';
export type { Cluster } from '../../activities/ports/cluster.ts';
export { workflowBundlePath } from '../../worker/bundle.ts';
export { createHotwaveWorker } from '../../worker/create-worker.ts';
export { releaseWorkflowId, taskQueueOf, WORKFLOWS } from '../../workflows/messages.ts';
export type { ReleaseInput, ReleaseResult } from '../../workflows/messages.ts';

/** The command line program. */
export const program = fileURLToPath(new URL('../../bin/hotwave.ts', import.meta.url));
