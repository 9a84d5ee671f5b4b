import type { ReleaseFile } from '../../release/spec/spec.ts';
import type { PlanInput, PlanResult } from '../../workflows/messages.ts';
import { WORKFLOWS } from '../../workflows/messages.ts';
import { askWorker } from '../temporal/ask-worker.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import type { ClusterFlags, OutputFormat } from '../terminal/flags.ts';
import { clusterOf } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { print } from '../terminal/print.ts';
import { estimateOf } from '../../release/plan/estimate.ts';
import type { PastRelease } from '../../release/plan/estimate.ts';
import { pastReleases } from '../temporal/past-releases.ts';
import { blamelessFile, loadReleaseFile } from '../decisions/release-file.ts';
import { unpackPlan } from '../../release/plan/packed-plan.ts';
import { refusalAdvice } from '../render/checks.ts';
import { hasChanges, renderPlan } from '../render/plan.ts';
import type { PlanReport } from '../render/plan.ts';
import { demandWorker } from '../temporal/task-queue.ts';

/** Flags of `plan`. */
export interface PlanFlags extends ClusterFlags {
  readonly output: OutputFormat;
  /** Exit 10 where there is something to change. */
  readonly detailedExitcode?: true | undefined;
}

/** Ten thousand servers take seconds; a cluster that answers slowly takes longer. */
const TIMEOUT = 90_000;

/** Checks a release file, lets a worker check the cluster, and shows what would be done. Writes nothing. */
export async function runPlan(io: Io, path: string, flags: PlanFlags): Promise<ExitCode> {
  const file = await loadReleaseFile(io, path);
  const cluster = clusterOf(io, flags);
  const [result, past] = await blamelessFile(path, (answered) =>
    withTemporal(io, flags, async (temporal) => {
      await demandWorker(temporal, cluster, io.now());
      answered();
      return Promise.all([
        planOnly(temporal, { v: 1, file, cluster }),
        pastReleases(temporal, cluster, targetOf(file)),
      ]);
    }),
  );
  const report = reportOf(result, past);
  await print(io, flags.output, report, (plain, view) => renderPlan(file, plain, view));
  if (flags.output === 'text') say(io, ...refusalAdvice(report.lines));
  return exitCodeOfPlan(report, flags.detailedExitcode === true);
}

function reportOf({ plan: packed, ...result }: PlanResult, past: readonly PastRelease[]): PlanReport {
  if (!packed) return result;
  const plan = unpackPlan(packed);
  const estimate = plan.waves.length > 0 ? estimateOf(plan, past) : undefined;
  return { ...result, plan, ...(estimate ? { estimate } : {}) };
}

/** Refused, or not; in detail, whether there is something to change. */
function exitCodeOfPlan({ plan, lines }: PlanReport, inDetail: boolean): ExitCode {
  if (!plan || lines.some(({ status }) => status === 'refused')) return EXIT.refused;
  return inDetail && hasChanges(plan) ? EXIT.changes : EXIT.ok;
}

function planOnly(temporal: Temporal, input: PlanInput): Promise<PlanResult> {
  const { file, cluster } = input;
  return askWorker<PlanInput, PlanResult>(temporal, {
    type: WORKFLOWS.planOnly,
    cluster,
    input,
    about: `plan/${cluster}/${targetOf(file)}`,
    summary: `plan of ${file.metadata.name} for ${targetOf(file)}`,
    within: TIMEOUT,
  });
}

function targetOf({ spec: { target } }: ReleaseFile): string {
  return `${target.namespace}/${target.gameServerSet}`;
}
