import type { ReleaseFile } from '../../release/spec/spec.ts';
import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { Io } from '../terminal/io.ts';
import { readNamedFile, say } from '../terminal/io.ts';
import { plainText } from '../terminal/untrusted.ts';

/** More mistakes than that at once help nobody. */
const MOST_SHOWN = 10;

/** Reads and checks a release file; every mistake is said at once, where it is. */
export async function loadReleaseFile(io: Io, path: string): Promise<ReleaseFile> {
  const reading = readReleaseFile(await readNamedFile(io, path));
  if ('release' in reading) return reading.release;
  const name = nameOf(path);
  const ordered = [...reading.diagnostics].sort((left, right) => left.line - right.line || left.column - right.column);
  const count = ordered.length;
  const shown = ordered.slice(0, MOST_SHOWN).map((diagnostic) => plainText(formatDiagnostic(name, diagnostic)));
  say(io, ...shown, ...(count > MOST_SHOWN ? [`and ${count - MOST_SHOWN} more`] : []));
  throw new ExitError(
    EXIT.usage,
    `${name} is no valid release file: ${count} ${count === 1 ? 'mistake' : 'mistakes'}`,
    ['hotwave schema prints the JSON Schema, for editors that check while you type'],
  );
}

/**
 * Does what needs Temporal and workers with a file that was read. Where those do not answer before anything has come of
 * it, the person is told that the file is not to blame.
 * @param work is given what to call once they have answered
 */
export async function blamelessFile<Result>(
  path: string,
  work: (answered: () => void) => Promise<Result>,
): Promise<Result> {
  const temporal = { hasAnswered: false };
  try {
    return await work(() => (temporal.hasAnswered = true));
  } catch (error) {
    if (temporal.hasAnswered || !(error instanceof ExitError) || error.code !== EXIT.unreachable) throw error;
    throw new ExitError(error.code, error.message, [...error.hints, `${nameOf(path)} itself has no mistakes`]);
  }
}

function nameOf(path: string): string {
  return path === '-' ? 'stdin' : path;
}
