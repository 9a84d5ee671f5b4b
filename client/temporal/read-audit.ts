import type { Audit } from '../../release/audit/audit-verdict.ts';
import type { AuditInput, AuditResult } from '../../workflows/messages.ts';
import { WORKFLOWS } from '../../workflows/messages.ts';
import { askWorker } from './ask-worker.ts';
import type { Temporal } from './connect.ts';
import { withTemporal } from './connect.ts';
import type { SetFlags } from '../commands/watch.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { Io } from '../terminal/io.ts';
import { loadReleaseFile } from '../decisions/release-file.ts';
import { targetOf } from '../decisions/target.ts';
import { demandWorker } from './task-queue.ts';

/** Flags of the verbs that ask every server what it runs. */
export interface AuditFlags extends SetFlags {
  readonly file?: string | undefined;
}

/** Ten thousand servers take minutes when many of them are silent. */
const TIMEOUT = 10 * 60_000;

/**
 * Lets a worker ask every server of a set what it runs.
 * @throws ExitError when the set cannot be asked, or nobody answers
 */
export async function readAudit(io: Io, argument: string, flags: AuditFlags, version?: string): Promise<Audit> {
  const { cluster, namespace, name } = targetOf(io, argument, flags);
  const file = flags.file === undefined ? undefined : await loadReleaseFile(io, flags.file);
  const set = { namespace, name };
  demandSameSet(file?.spec.target, set);
  const result = await withTemporal(io, flags, async (temporal) => {
    await demandWorker(temporal, cluster, io.now());
    return askServers(temporal, { v: 1, cluster, set, file, version });
  });
  if (result.kind === 'audit') return result.audit;
  throw new ExitError(result.kind === 'refused' ? EXIT.refused : EXIT.unreachable, result.reason);
}

/** A release file of another set would ask the right servers the wrong questions. */
function demandSameSet(
  target: { readonly namespace: string; readonly gameServerSet: string } | undefined,
  { namespace, name }: AuditInput['set'],
): void {
  if (!target || (target.namespace === namespace && target.gameServerSet === name)) return;
  throw new ExitError(
    EXIT.usage,
    `the release file is for ${target.namespace}/${target.gameServerSet}, not for ${namespace}/${name}`,
  );
}

function askServers(temporal: Temporal, input: AuditInput): Promise<AuditResult> {
  const { cluster, set } = input;
  return askWorker<AuditInput, AuditResult>(temporal, {
    type: WORKFLOWS.readAudit,
    cluster,
    input,
    about: `audit/${cluster}/${set.namespace}/${set.name}`,
    summary: `what every server of ${set.namespace}/${set.name} runs`,
    within: TIMEOUT,
  });
}
