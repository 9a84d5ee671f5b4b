import { agreed, counted } from '../../release/spec/counted.ts';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { print } from '../terminal/print.ts';
import type { AuditFlags } from '../temporal/read-audit.ts';
import { readAudit } from '../temporal/read-audit.ts';
import { withTemporal } from '../temporal/connect.ts';
import { isOpen, latestOnSet } from '../temporal/find-release.ts';
import { look } from '../terminal/look.ts';
import { targetOf } from '../decisions/target.ts';
import type { SeenAudit } from '../render/versions.ts';
import { renderVersions } from '../render/versions.ts';

/** Flags of `versions`. */
export interface VersionsFlags extends AuditFlags {
  readonly output: OutputFormat;
}

/** Shows what every server of a set runs at this moment, as the servers themselves say. */
export async function runVersions(io: Io, argument: string, flags: VersionsFlags): Promise<ExitCode> {
  const audit = await withWavesToCome(io, argument, flags, await readAudit(io, argument, flags));
  // Lines are for programs that read one server after the other.
  if (flags.output === 'jsonl') await print(io, 'jsonl', audit.rows, () => '');
  else await print<SeenAudit>(io, flags.output, audit, (plain, view) => renderVersions(plain, io.now(), view));
  if (audit.omitted > 0)
    say(
      io,
      `${counted(audit.omitted, 'server')} without a mismatch ${agreed(audit.omitted, 'is', 'are')} left out: the answer would be too long`,
    );
  return EXIT.ok;
}

/** Servers whose wave has not begun are no trouble: the release that runs says which those are. */
async function withWavesToCome(io: Io, argument: string, flags: VersionsFlags, audit: Audit): Promise<SeenAudit> {
  if (audit.expectedVersion.source !== 'running release') return audit;
  const target = targetOf(io, argument, flags);
  return await withTemporal(io, flags, async (temporal) => {
    const found = await latestOnSet(temporal, target);
    const state = found && isOpen(found) ? await look(temporal, found) : undefined;
    if (typeof state !== 'object') return audit;
    const toCome = state.waves.flatMap(({ number, status, servers }) =>
      status === 'pending' && servers !== undefined ? [{ wave: number, servers }] : [],
    );
    return { ...audit, toCome };
  });
}
