import { workflowInfo } from '@temporalio/workflow';
import type { Fence } from '../../release/patches/fence.ts';
import type { SetBaseline } from '../../release/patches/patches.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { Release } from '../../release/progress/table.ts';

/** The set that a write is about, as the release found it, and the right to write it. */
export function subjectOf({ plan, progress }: Release): {
  readonly set: SetRef;
  readonly baseline: SetBaseline;
  readonly fence: Fence;
} {
  const { set, baseline } = plan;
  return { set, baseline, fence: { token: tokenOf(), ...progress.set.fence } };
}

/** All runs of one release are one writer. */
function tokenOf(): string {
  return workflowInfo().firstExecutionRunId;
}
