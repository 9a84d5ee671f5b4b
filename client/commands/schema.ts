import { releaseJsonSchema } from '../../release/spec/spec.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import type { Io } from '../terminal/io.ts';
import { terminalSafeJson } from '../terminal/untrusted.ts';

/** Prints the JSON Schema of release files. */
export function runSchema(io: Io): ExitCode {
  io.stdout.write(`${terminalSafeJson(releaseJsonSchema(), 2)}\n`);
  return EXIT.ok;
}
