import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { print } from '../terminal/print.ts';
import type { AuditFlags } from '../temporal/read-audit.ts';
import { readAudit } from '../temporal/read-audit.ts';

/** Flags of `verify`. */
export interface VerifyFlags extends AuditFlags {
  readonly output: OutputFormat;
  readonly version?: string | undefined;
}

/** Says by the exit code whether every server proves its version and mismatches in nothing, and in one line what mismatches. */
export async function runVerify(io: Io, argument: string, flags: VerifyFlags): Promise<ExitCode> {
  const { version } = flags;
  if (version !== undefined && !/^[\w.+:/-]{1,128}$/.test(version))
    throw new ExitError(EXIT.usage, `--version ${JSON.stringify(version)}: expected letters, digits and ._+:/- only`);
  const { rows: _rows, omitted: _omitted, ...verdict } = await readAudit(io, argument, flags, version);
  await print(io, flags.output, verdict, ({ summary }) => summary);
  return verdict.verified ? EXIT.ok : EXIT.failed;
}
