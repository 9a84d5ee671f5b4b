import { commandLine } from '../../release/narrate/shell.ts';
import type { InspectInput, InspectResult, PreflightLine } from '../../workflows/messages.ts';
import { taskQueueOf, WORKFLOWS } from '../../workflows/messages.ts';
import { undeliveredOfAll } from '../../release/notices/undelivered.ts';
import { askWorker } from '../temporal/ask-worker.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import { clusterOf } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { print } from '../terminal/print.ts';
import { checkLines } from '../render/checks.ts';
import { compareAttributes, isClosedOperatorService } from '../temporal/registered-attributes.ts';
import { readPollers } from '../temporal/task-queue.ts';
import { explainTemporalError, isUnknownAttribute } from '../temporal/temporal-errors.ts';
import { askCouriers, undeliveredText } from '../temporal/undelivered.ts';
import { plainText } from '../terminal/untrusted.ts';
import type { SetFlags } from './watch.ts';

/** Flags of `doctor`. */
export interface DoctorFlags extends SetFlags {
  readonly output: OutputFormat;
}

interface Examination {
  readonly temporal: Temporal;
  readonly cluster: string;
  readonly namespace: string;
  readonly now: () => number;
}

interface Diagnosis {
  readonly lines: readonly PreflightLine[];
  readonly code: ExitCode;
}

/** A group of checks; the groups after it are skipped when it says that they make no sense. */
interface Check {
  readonly title: string;
  readonly run: (examination: Examination) => Promise<readonly PreflightLine[]>;
  /** Without it nothing below can be asked. */
  readonly essential?: boolean;
}

const CHECKS: readonly Check[] = [
  { title: 'Temporal', run: checkServer, essential: true },
  { title: 'namespace', run: checkNamespace, essential: true },
  { title: 'search attributes', run: checkAttributes },
  { title: 'stuck releases', run: checkProblems },
  { title: 'worker', run: checkWorker, essential: true },
  { title: 'notices', run: checkNotices },
  { title: 'cluster', run: inspectCluster },
];

/** Three requests to an API server that swallows them, each given up after 15 s. */
const INSPECTION_TIMEOUT = 60_000;

/** Checks everything that a release needs, from Temporal to the permissions of the worker, and says what to do. */
export async function runDoctor(io: Io, flags: DoctorFlags): Promise<ExitCode> {
  const { lines, code } = await examine(io, flags);
  await print(io, flags.output, lines, (plain, view) => checkLines(plain, view).join('\n'));
  return code;
}

async function examine(io: Io, flags: DoctorFlags): Promise<Diagnosis> {
  const cluster = clusterOf(io, flags);
  try {
    return await withTemporal(io, flags, (temporal) =>
      runChecks({ temporal, cluster, namespace: flags.namespace, now: () => io.now() }),
    );
  } catch (error) {
    if (!(error instanceof ExitError) || error.code !== EXIT.unreachable) throw error;
    return { lines: [failed('Temporal', error)], code: EXIT.unreachable };
  }
}

async function runChecks(examination: Examination): Promise<Diagnosis> {
  const lines: PreflightLine[] = [];
  for (const { title, run, essential } of CHECKS) {
    const found = await attempt(title, () => run(examination), examination.temporal);
    lines.push(...found.lines);
    const broken = found.lines.some(({ status }) => status === 'refused');
    if (found.code === EXIT.unreachable || (broken && essential === true)) return { lines, code: EXIT.unreachable };
  }
  return { lines, code: lines.some(({ status }) => status === 'refused') ? EXIT.failed : EXIT.ok };
}

/** A check that cannot be carried out is a finding, not the end of the examination. */
async function attempt(
  title: string,
  run: () => Promise<readonly PreflightLine[]>,
  temporal: Temporal,
): Promise<Diagnosis> {
  try {
    return { lines: await run(), code: EXIT.ok };
  } catch (error) {
    const explained = explainTemporalError(error, temporal);
    if (explained instanceof ExitError) return { lines: [failed(title, explained)], code: explained.code };
    throw explained;
  }
}

async function checkServer({ temporal, now }: Examination): Promise<PreflightLine[]> {
  const asked = now();
  const { serverVersion } = await temporal.call(() => temporal.connection.workflowService.getSystemInfo({}));
  return [ok('Temporal', `${temporal.address}, version ${serverVersion}, answered in ${now() - asked}ms`)];
}

async function checkNamespace({ temporal }: Examination): Promise<PreflightLine[]> {
  const { namespace } = temporal;
  await temporal.call(() => temporal.connection.workflowService.describeNamespace({ namespace }));
  return [ok('namespace', namespace)];
}

async function checkAttributes({ temporal }: Examination): Promise<PreflightLine[]> {
  const title = 'search attributes';
  try {
    const { missing, otherTypes, existing } = await compareAttributes(temporal);
    if (missing.length > 0) return [line(title, 'refused', `missing ${missing.join(', ')}: run hotwave setup`)];
    if (otherTypes.length === 0) return [ok(title, `all ${existing.length} are registered`)];
    return [
      line(title, 'refused', `another type than expected: ${otherTypes.join(', ')}; remove them, then hotwave setup`),
    ];
  } catch (error) {
    if (!isClosedOperatorService(error)) throw error;
    return [line(title, 'warning', 'this Temporal does not say which it has; a start says if one is missing')];
  }
}

async function checkWorker({ temporal, cluster, now }: Examination): Promise<PreflightLine[]> {
  const { workflows, activities } = await readPollers(temporal, cluster, now());
  const names = [...new Set([...workflows, ...activities])];
  const queue = taskQueueOf(cluster);
  // Temporal remembers a poller for a while; that one is there now is what the next check asks.
  if (workflows.length > 0 && activities.length > 0) {
    return [ok('worker', `${names.join(', ')} polled ${queue} within the last minute`)];
  }
  return [
    line('worker', 'refused', `none polls ${queue}: start one with ${commandLine('worker', '--cluster', cluster)}`),
  ];
}

/** Temporal marks a workflow whose tasks fail again and again; a worker's own log has the reason. */
async function checkProblems({ temporal }: Examination): Promise<PreflightLine[]> {
  const title = 'stuck releases';
  const query = `WorkflowType = '${WORKFLOWS.hotUpdate}' AND ExecutionStatus = 'Running' AND TemporalReportedProblems IS NOT NULL`;
  const ids: string[] = [];
  try {
    await temporal.call(async () => {
      for await (const { workflowId } of temporal.client.workflow.list({ query, pageSize: 10 })) {
        ids.push(workflowId);
        if (ids.length >= 5) break;
      }
    });
  } catch (error) {
    if (!isUnknownAttribute(error, 'TemporalReportedProblems')) throw error;
    return [line(title, 'warning', 'this Temporal is too old to say: look for failing workflow tasks in its UI')];
  }
  if (ids.length === 0) return [ok(title, 'none')];
  return [line(title, 'warning', `${ids.join(', ')}: the worker fails on them, its log says why`)];
}

/** The news that people were not told: a sink that takes nothing is nobody's trouble until somebody looks. */
async function checkNotices({ temporal, cluster }: Examination): Promise<PreflightLine[]> {
  const title = 'notices';
  const { answers, silent, hasMore } = await askCouriers(temporal, cluster);
  const all = undeliveredOfAll(answers);
  // A worker that is only on its way has met no trouble yet.
  const sinks = all.sinks.filter(({ trouble, dropped }) => trouble !== undefined || dropped > 0);
  const troubles = [
    ...undeliveredText({ ...all, sinks }),
    ...silent.slice(0, 5).map((id) => `${id} does not answer: the worker fails on it, its log says why`),
    ...(hasMore ? [`only the ${answers.length + silent.length} couriers that began last were asked`] : []),
  ];
  if (troubles.length === 0) return [ok(title, 'everything is delivered')];
  return troubles.map((trouble) => line(title, 'warning', plainText(trouble)));
}

async function inspectCluster({ temporal, cluster, namespace }: Examination): Promise<readonly PreflightLine[]> {
  const { lines } = await askWorker<InspectInput, InspectResult>(temporal, {
    type: WORKFLOWS.inspectCluster,
    cluster,
    input: { v: 1, namespace },
    about: `doctor/${cluster}`,
    summary: `hotwave doctor asks about namespace ${namespace}`,
    within: INSPECTION_TIMEOUT,
  });
  return lines;
}

function ok(title: string, detail: string): PreflightLine {
  return { title, status: 'ok', detail };
}

function line(title: string, status: PreflightLine['status'], detail: string): PreflightLine {
  return { title, status, detail };
}

function failed(title: string, { message, hints }: ExitError): PreflightLine {
  return { title, status: 'refused', detail: [message, ...hints].join('; ') };
}
