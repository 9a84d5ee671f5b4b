import { workflowInfo } from '@temporalio/workflow';
import type { Subject } from '../../activities/set/set-writes.ts';
import type { Release } from '../../release/progress/table.ts';

/** The set that a write is about, as the release found it, and the right to write it. */
export function subjectOf({ plan, progress }: Release): Subject {
  const { set, baseline } = plan;
  return { set, baseline, fence: { token: tokenOf(), ...progress.set.fence } };
}

/** All runs of one release are one writer. */
function tokenOf(): string {
  return workflowInfo().firstExecutionRunId;
}
