import type { ReleaseFile } from '../../release/spec/spec.ts';
import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { Io } from '../terminal/io.ts';
import { readNamedFile, say } from '../terminal/io.ts';
import { plainText } from '../terminal/untrusted.ts';

/** Reads and checks a release file; every mistake is said at once, where it is. */
export async function loadReleaseFile(io: Io, path: string): Promise<ReleaseFile> {
  const reading = readReleaseFile(await readNamedFile(io, path));
  if ('release' in reading) return reading.release;
  const name = path === '-' ? 'stdin' : path;
  const ordered = [...reading.diagnostics].sort((left, right) => left.line - right.line || left.column - right.column);
  say(io, ...ordered.map((diagnostic) => plainText(formatDiagnostic(name, diagnostic))));
  const count = reading.diagnostics.length;
  throw new ExitError(
    EXIT.usage,
    `${name} is no valid release file: ${count} ${count === 1 ? 'mistake' : 'mistakes'}`,
    ['hotwave schema prints the JSON Schema, for editors that check while you type'],
  );
}
