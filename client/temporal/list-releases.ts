import type { WorkflowExecutionInfo } from '@temporalio/client';
import { WORKFLOWS } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { LAST_RUNS } from './find-release.ts';
import type { ReleaseAttributes } from './search-attributes.ts';
import { readAttributes } from './search-attributes.ts';

/** A release as visibility knows it. */
export interface ListedRelease extends ReleaseAttributes {
  /** The Temporal status of its workflow, in lower case. */
  readonly status: string;
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  readonly workflowId: string;
  readonly runId: string;
}

/** Which releases are meant; all of them when nothing is said. */
export interface ReleaseFilter {
  readonly cluster?: string | undefined;
  /** `arena/duel` for one set, `arena/` for all of a namespace. */
  readonly set?: string | undefined;
  /** Any further filter of a person, as a Temporal list filter. */
  readonly query?: string | undefined;
}

const TIMEOUT = 10_000;

/** The visibility query for releases: hotwave's workflows only, whatever the person adds. */
export function queryOf({ cluster, set, query }: ReleaseFilter): string {
  const parts = [`WorkflowType IN ('${WORKFLOWS.hotUpdate}', '${WORKFLOWS.rollBackFromCluster}')`, LAST_RUNS];
  if (cluster !== undefined) parts.push(`HotwaveCluster = '${unquoted(cluster)}'`);
  if (set !== undefined) parts.push(`HotwaveSet ${set.endsWith('/') ? 'STARTS_WITH' : '='} '${unquoted(set)}'`);
  if (query !== undefined) parts.push(`(${query})`);
  return parts.join(' AND ');
}

function unquoted(text: string): string {
  return text.replaceAll("'", '');
}

/** Releases, newest first. A change takes about a second to show. */
export async function listReleases(
  { client, call }: Temporal,
  filter: ReleaseFilter,
  limit: number,
): Promise<readonly ListedRelease[]> {
  const releases: ListedRelease[] = [];
  await call(async () => {
    for await (const info of client.workflow.list({ query: queryOf(filter), pageSize: limit })) {
      releases.push(listed(info));
      if (releases.length >= limit) break;
    }
  }, TIMEOUT);
  return releases;
}

function listed(info: WorkflowExecutionInfo): ListedRelease {
  const attributes = readAttributes(info);
  const status = info.status.name.toLowerCase().replaceAll('_', ' ');
  // A workflow that was ended from outside never told its last phase.
  const phase = status === 'running' || status === 'completed' ? attributes.phase : status;
  return {
    ...attributes,
    phase,
    status,
    startedAt: startOf(info),
    endedAt: info.closeTime?.getTime(),
    workflowId: info.workflowId,
    runId: info.runId,
  };
}

/** A release that has gone on in a new run says in its memo when its first run started. */
function startOf({ memo, startTime }: WorkflowExecutionInfo): number {
  const own = startTime.getTime();
  const said = memo?.['startedAt'];
  return typeof said === 'number' && said > 0 && said < own ? said : own;
}
