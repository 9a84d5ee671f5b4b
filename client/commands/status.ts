import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import { reportClosed } from '../temporal/closed-release.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT, exitCodeOf } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { findCountingRelease } from '../temporal/find-release.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import type { LinkFlags } from '../temporal/links.ts';
import { undeliveredLines } from '../temporal/undelivered.ts';
import { courierOf } from '../../workflows/messages.ts';
import { temporalUiLink } from '../temporal/links.ts';
import { look } from '../terminal/look.ts';
import { print } from '../terminal/print.ts';
import { renderStatus } from '../render/status.ts';
import { readAttributes } from '../temporal/search-attributes.ts';
import { targetOf } from '../decisions/target.ts';
import { WORKER_HINT } from '../temporal/temporal-errors.ts';
import { plainText } from '../terminal/untrusted.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { SetFlags } from './watch.ts';

/** Flags of `status`. */
export interface StatusFlags extends SetFlags, LinkFlags {
  readonly output: OutputFormat;
}

/** Says where a release is and what can be done; the exit code says it to scripts. */
export function runStatus(io: Io, argument: string, flags: StatusFlags): Promise<ExitCode> {
  const target = targetOf(io, argument, flags);
  return withTemporal(io, flags, async (temporal) => {
    const { found, refused } = await findCountingRelease(temporal, target);
    const courier = courierOf(found.handle.workflowId);
    const [code, lines] = await Promise.all([report(io, temporal, found, flags), undeliveredLines(temporal, courier)]);
    for (const line of lines) say(io, line);
    if (refused) say(io, await refusedLine(io, temporal, refused));
    await showLink(io, temporal, found, flags);
    return code;
  });
}

/** A start that was refused is told beside the release that counts: it changed nothing. */
async function refusedLine(io: Io, temporal: Temporal, found: FoundRelease): Promise<string> {
  const { release } = readAttributes(found.description);
  const state = await look(temporal, found);
  const why = typeof state === 'object' && state.reason !== '' ? `: ${state.reason}` : '';
  const ago = formatDuration(Math.max(0, io.now() - (found.description.closeTime?.getTime() ?? io.now())));
  return plainText(`${release} was refused ${ago} ago and changed nothing${why}`);
}

async function report(io: Io, temporal: Temporal, found: FoundRelease, { output }: StatusFlags): Promise<ExitCode> {
  const state = await look(temporal, found);
  if (state === undefined) throw silence(found);
  if (state === 'gone') return reportClosed(io, temporal, found, output);
  await print(io, output, state, (plain, view) => renderStatus(plain, io.now(), view));
  return exitCodeOf(state);
}

/** Nobody answers for a running release: what Temporal itself knows is better than nothing. */
export function silence({ description }: FoundRelease): ExitError {
  const { release, phase, wave } = readAttributes(description);
  const last = plainText(`${release} runs; last known: ${phase}${wave > 0 ? `, wave ${wave}` : ''}`);
  return new ExitError(EXIT.unreachable, `no worker answers for it (${last})`, [
    'nothing moves until one runs; the release is kept',
    WORKER_HINT,
  ]);
}

async function showLink(
  io: Io,
  { address, namespace }: Temporal,
  { handle: { workflowId }, description: { runId } }: FoundRelease,
  flags: StatusFlags,
): Promise<void> {
  const link = await temporalUiLink(io, flags, { address, namespace, workflowId, runId });
  if (link !== undefined) say(io, link);
}
