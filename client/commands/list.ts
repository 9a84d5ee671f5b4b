import type { WorkflowExecutionInfo } from '@temporalio/client';
import { haltSentence } from '../../release/decisions/halt.ts';
import { WORKFLOWS } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { namedCluster } from '../terminal/flags.ts';
import type { ClusterFlags, OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { listHalts } from '../decisions/halts.ts';
import { print } from '../terminal/print.ts';
import type { ListedRelease } from '../render/list.ts';
import { renderList } from '../render/list.ts';
import { LAST_RUNS } from '../temporal/find-release.ts';
import { readAttributes } from '../temporal/search-attributes.ts';
import { plainText } from '../terminal/untrusted.ts';

/** Flags of `list`. */
export interface ListFlags extends ClusterFlags {
  readonly output: OutputFormat;
  readonly query?: string | undefined;
  readonly limit: string;
}

const TIMEOUT = 10_000;

/** Lists releases, newest first, as Temporal's visibility knows them: a change may take a second to show. */
export async function runList(io: Io, flags: ListFlags): Promise<ExitCode> {
  const limit = limitOf(flags);
  const { releases, halts } = await withTemporal(io, flags, async (temporal) => ({
    releases: await readReleases(temporal, queryOf({ ...flags, cluster: namedCluster(flags) }), limit + 1),
    halts: await listHalts(temporal, namedCluster(flags)),
  }));
  await print(io, flags.output, releases.slice(0, limit), (plain, view) => renderList(plain, io.now(), view));
  if (releases.length > limit) say(io, `only the newest ${limit} are shown; --limit shows more, -q narrows it down`);
  for (const halt of halts) say(io, plainText(haltSentence(halt)));
  return EXIT.ok;
}

/** The visibility query of a list: hotwave's workflows only, whatever the person adds. */
export function queryOf({ cluster, query }: Pick<ListFlags, 'cluster' | 'query'>): string {
  const parts = [`WorkflowType IN ('${WORKFLOWS.hotUpdate}', '${WORKFLOWS.rollBackFromCluster}')`, LAST_RUNS];
  if (cluster !== undefined) parts.push(`HotwaveCluster = '${cluster.replaceAll("'", '')}'`);
  if (query !== undefined) parts.push(`(${query})`);
  return parts.join(' AND ');
}

async function readReleases({ client, call }: Temporal, query: string, limit: number): Promise<ListedRelease[]> {
  const releases: ListedRelease[] = [];
  await call(async () => {
    for await (const info of client.workflow.list({ query, pageSize: limit })) {
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

function limitOf({ limit }: ListFlags): number {
  if (/^[1-9]\d{0,3}$/.test(limit)) return Number(limit);
  throw new ExitError(EXIT.usage, `--limit ${JSON.stringify(limit)}: expected a whole number from 1 to 9999`);
}
