import { Context } from '@temporalio/activity';
import type { Holder, ReleaseRecord } from '../../release/record/record.ts';
import type { Releases } from '../ports/releases.ts';

/** The workflow that this activity belongs to. The same for every attempt, so that a record can be written again. */
async function ownHolder(releases: Releases): Promise<Holder> {
  const { workflowExecution, namespace } = Context.current().info;
  const { workflowId = '', runId = '' } = workflowExecution ?? {};
  return { temporal: await releases.identity(), namespace, workflowId, runId };
}

/** A record that says which workflow holds the set. */
export async function withHolder(releases: Releases, record: ReleaseRecord): Promise<ReleaseRecord> {
  return { ...record, holder: await ownHolder(releases) };
}
