import { Context } from '@temporalio/activity';
import type { Fence } from '../../release/patches/fence.ts';
import type { Holder, ReleaseRecord } from '../../release/record/record.ts';
import type { Releases } from '../ports/releases.ts';

/**
 * The workflow that this activity belongs to. The same for every attempt and in every run, so that a record can be written
 * again.
 */
async function ownHolder(releases: Releases, { token }: Fence): Promise<Holder> {
  const { workflowExecution, namespace } = Context.current().info;
  const { workflowId = '' } = workflowExecution ?? {};
  return { temporal: await releases.identity(), namespace, workflowId, runId: token };
}

/** A record that says which workflow holds the set: the one that may write it. */
export async function withHolder(releases: Releases, record: ReleaseRecord, fence: Fence): Promise<ReleaseRecord> {
  return { ...record, holder: await ownHolder(releases, fence) };
}
