import { releaseJsonSchema } from '../../release/spec.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { terminalSafeJson } from '../untrusted.ts';

/** Prints the JSON Schema of release files. */
export function runSchema(io: Io): ExitCode {
  io.stdout.write(`${terminalSafeJson(releaseJsonSchema(), 2)}\n`);
  return EXIT.ok;
}
