import { workflowInfo } from '@temporalio/workflow';
import type { SetBaseline } from '../../release/patches/patches.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';
import type { Release } from '../../release/progress/table.ts';

/** The right to write the set: the number that it must have now. */
export interface Fence {
  readonly token: string;
  readonly from: number;
  readonly to: number;
}

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
