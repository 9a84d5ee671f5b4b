import { open } from 'node:fs/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { FoundRelease } from '../temporal/find-release.ts';
import { findCountingRelease, firstRunOf, isOpen } from '../temporal/find-release.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import { isFinal } from '../../release/progress/state.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import { reportMarkdown } from '../report/markdown.ts';
import { reportPage } from '../report/page.ts';
import { reportOf } from '../report/report.ts';
import type { EndedFromOutside, Report } from '../report/report.ts';
import { worksOf } from '../report/story.ts';
import type { History } from '../report/story.ts';
import { WORKER_HINT } from '../temporal/temporal-errors.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { targetOf } from '../decisions/target.ts';
import type { SetFlags } from './watch.ts';

/** How a report may be written. */
export const REPORT_FORMATS = ['html', 'markdown', 'json'] as const;

/** Flags of `report`. */
export interface ReportFlags extends SetFlags {
  readonly output: (typeof REPORT_FORMATS)[number];
  readonly file?: string | undefined;
  readonly force?: boolean | undefined;
}

/** Milliseconds for a worker that has to go through all of a long history before it can answer. */
const STATE_MS = 20_000;
/** Milliseconds for a long history. */
const HISTORY_MS = 60_000;
/** Runs of one release: each has up to 10,000 events. */
const MOST_RUNS = 50;

/** Writes what Temporal keeps of a release into one file. */
export function runReport(io: Io, argument: string, flags: ReportFlags): Promise<ExitCode> {
  const target = targetOf(io, argument, flags);
  return withTemporal(io, flags, async (temporal) => {
    const { found } = await findCountingRelease(temporal, target);
    const report = await readReport(io, temporal, found);
    const text = TEXTS[flags.output](report);
    if (flags.file === '-') io.stdout.write(text);
    else say(io, `written to ${await write(flags.file ?? nameOf(report, flags), text, flags)}`);
    return EXIT.ok;
  });
}

const TEXTS: Record<ReportFlags['output'], (report: Report) => string> = {
  html: reportPage,
  markdown: reportMarkdown,
  json: (report) => `${JSON.stringify(report, undefined, 2)}\n`,
};

async function readReport(io: Io, temporal: Temporal, found: FoundRelease): Promise<Report> {
  const [state, histories] = await Promise.all([
    readStateIfAnswered(temporal, found.handle, STATE_MS),
    historiesOf(temporal, found),
  ]);
  if (state === undefined) throw new ExitError(EXIT.unreachable, 'no worker answered in time', [WORKER_HINT]);
  const works = await worksOf(histories, state.set, temporal.client.options.loadedDataConverter);
  return reportOf(state, works, io.now(), isFinal(state.phase) ? undefined : endedFromOutside(found));
}

/** A workflow that was terminated, say, tells its state as it was then: a story without an end of its own. */
function endedFromOutside(found: FoundRelease): EndedFromOutside | undefined {
  if (isOpen(found)) return undefined;
  const { status, closeTime } = found.description;
  return { how: status.name.toLowerCase().replaceAll('_', ' '), at: closeTime?.getTime() };
}

/** The histories of a chain of runs, from its first. */
async function historiesOf(
  { client, call }: Temporal,
  { description, handle }: FoundRelease,
): Promise<readonly History[]> {
  const histories: History[] = [];
  let runId: string | undefined = firstRunOf(description);
  for (let runs = 0; runId !== undefined && runs < MOST_RUNS; runs += 1) {
    const run: WorkflowHandle = client.workflow.getHandle(handle.workflowId, runId);
    const history: History = await call(() => run.fetchHistory(), HISTORY_MS);
    histories.push(history);
    const next: string | null | undefined =
      history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    runId = next === '' ? undefined : (next ?? undefined);
  }
  return histories;
}

const ENDINGS = { html: 'html', markdown: 'md', json: 'json' } as const;

/** `duel-scripts-2-0.html`: names of sets and releases are safe in paths. */
function nameOf({ title }: Report, { output }: ReportFlags): string {
  const [, release = 'release', set = ''] = /^([^:]*):.* on [^/]*\/(.*)$/.exec(title) ?? [];
  return `report-${set}-${release}.${ENDINGS[output]}`.replaceAll(/[^\w.-]+/g, '-');
}

/** @throws ExitError when the file is there already, or cannot be written */
async function write(path: string, text: string, { force }: ReportFlags): Promise<string> {
  try {
    const file = await open(path, force === true ? 'w' : 'wx');
    await file.writeFile(text);
    await file.close();
    return path;
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST')
      throw new ExitError(EXIT.usage, `${path} is there already: name another one with --file, or add --force`);
    throw new ExitError(EXIT.usage, `${path} cannot be written (${code})`);
  }
}
