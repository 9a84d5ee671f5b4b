import pLimit from 'p-limit';
import type { ReleaseState } from '../../release/progress/state.ts';
import { targetOf } from '../decisions/target.ts';
import type { PastRelease } from '../render/history.ts';
import { renderHistory } from '../render/history.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import { findRelease } from '../temporal/find-release.ts';
import type { ListedRelease } from '../temporal/list-releases.ts';
import { listReleases } from '../temporal/list-releases.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import { grpcStatus } from '../temporal/temporal-errors.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { print } from '../terminal/print.ts';
import { limitOf } from './list.ts';
import type { SetFlags } from './watch.ts';

/** Flags of `history`. */
export interface HistoryFlags extends SetFlags {
  readonly output: OutputFormat;
  readonly limit: string;
}

/** So many releases are asked at once: a worker has to replay each that has ended. */
const AT_ONCE = 4;
const ANSWER_MS = 10_000;

/** Lists what was released on a set, newest first, as far as Temporal keeps it. */
export function runHistory(io: Io, argument: string, flags: HistoryFlags): Promise<ExitCode> {
  const limit = limitOf(flags.limit);
  const target = targetOf(io, argument, flags);
  return withTemporal(io, flags, async (temporal) => {
    const { cluster, set } = await findRelease(temporal, target);
    const listed = await listReleases(temporal, { cluster, set }, limit + 1);
    const atOnce = pLimit(AT_ONCE);
    const releases = await Promise.all(
      listed.slice(0, limit).map((release) => atOnce(() => pastRelease(temporal, release))),
    );
    await print(io, flags.output, releases, (plain, view) => renderHistory(plain, io.now(), view));
    if (listed.length > limit) say(io, `only the newest ${limit} are shown; --limit shows more`);
    const untold = releases.filter(({ isTold }) => !isTold).length;
    if (untold > 0)
      say(
        io,
        `of ${untold} only the outcome is known: no worker has answered for them, or they were ended from outside`,
      );
    return EXIT.ok;
  });
}

async function pastRelease(temporal: Temporal, listed: ListedRelease): Promise<PastRelease> {
  const { release, requester, phase, startedAt, endedAt, workflowId, runId } = listed;
  const known = { release, requester, outcome: phase, startedAt, endedAt, workflowId, runId };
  const state = await stateOf(temporal, listed);
  if (!state) return { ...known, isTold: false, failures: [], decisions: [] };
  const { version, previousVersion, image, reason, failures, decisions, requesterVouchedBy, waves } = state;
  return {
    ...known,
    isTold: true,
    // Visibility is a second old.
    outcome: listed.status === 'running' || listed.status === 'completed' ? state.phase : phase,
    startedAt: state.startedAt,
    endedAt: state.endedAt ?? endedAt,
    version,
    previousVersion,
    image,
    requesterVouchedBy,
    servers: waves.reduce((sum, { size }) => sum + size, 0),
    waves: waves.length,
    reason,
    failures,
    decisions,
  };
}

/** Undefined where nobody can tell: no worker, or code that does not know the release any more. */
async function stateOf(temporal: Temporal, { workflowId, runId }: ListedRelease): Promise<ReleaseState | undefined> {
  try {
    return await readStateIfAnswered(temporal, temporal.client.workflow.getHandle(workflowId, runId), ANSWER_MS);
  } catch (error) {
    if (grpcStatus(error) === undefined) throw error;
    return undefined;
  }
}
