import { counted } from '../../release/spec/counted.ts';
import { WorkflowFailedError } from '@temporalio/client';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { ReleaseResult } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT, exitCodeOf } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { FoundRelease } from './find-release.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { print } from '../terminal/print.ts';
import { wrapped } from '../render/text-width.ts';
import type { View } from '../render/view.ts';

/** Shows how a closed release ended from what Temporal itself keeps, for when no worker can answer for it. */
export async function reportClosed(
  io: Io,
  temporal: Temporal,
  found: FoundRelease,
  format: OutputFormat,
): Promise<ExitCode> {
  const result = await resultOf(temporal, found);
  if (format === 'name') await print(io, format, found, () => '');
  else await print(io, format, result, (plain, view) => renderResult(plain, found, view));
  return exitCodeOf({ phase: result.outcome });
}

async function resultOf(
  temporal: Temporal,
  { handle, description, set, reference }: FoundRelease,
): Promise<ReleaseResult> {
  try {
    return (await temporal.call(() => handle.result())) as ReleaseResult;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const how = error.cause?.message ?? description.status.name.toLowerCase();
    throw new ExitError(EXIT.failed, `the workflow of the release was ended from outside, without hotwave: ${how}`, [
      `the servers of ${set} stay as they are; nothing was rolled back`,
      `hotwave rollback ${reference} goes back by what is written on the set`,
      'hotwave start with the same release file goes on from where they are',
    ]);
  }
}

/** The servers that a release had excluded when it ended. */
function renderResult(result: ReleaseResult, { set }: Pick<FoundRelease, 'set'>, view: View): string {
  const { release, outcome, reason, servers, waves, seconds, restartsOfMainContainers, recreatedPods } = result;
  return [
    ...wrapped(reason === '' ? outcome : `${outcome}: ${reason}`, view.columns),
    ...wrapped(
      `${release} on ${set} · ${counted(servers, 'server')} in ${counted(waves, 'wave')}, took ${formatDuration(seconds * 1_000)}`,
      view.columns,
    ),
    ...wrapped(
      `main containers restarted: ${restartsOfMainContainers}, pods recreated: ${recreatedPods}`,
      view.columns,
    ),
  ].join('\n');
}
