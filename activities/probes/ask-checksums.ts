import { compareSums, inCommands, parseManifest, parseSums } from '../../release/checks/checksums.ts';
import type { ListedFile } from '../../release/checks/checksums.ts';
import type { ProbeAnswer } from '../../release/checks/probe.ts';
import { substitute } from '../../release/checks/probe.ts';
import type { ChecksumsProbe } from '../../release/spec/probe-spec.ts';
import type { Question } from './question.ts';
import { describeExit, substitutionOf } from './question.ts';
import type { ExecOutcome } from '../ports/probes.ts';

/** A manifest of 2,000 files is about half of it. */
const MOST_MANIFEST_BYTES = 512 * 1024;

/**
 * Reads a manifest and hashes what it names, where the engine reads it. The comparison is hotwave's own: the container
 * only says what it has.
 */
export async function askChecksums(question: Question, probe: ChecksumsProbe): Promise<ProbeAnswer> {
  const values = substitutionOf(question);
  const manifest = substitute(probe.manifest, values);
  const directory = substitute(probe.directory ?? manifest.slice(0, manifest.lastIndexOf('/')), values);
  const container = probe.manifestContainer ?? probe.container;
  const read = await run(question, { container, command: ['cat', manifest], probe, mostBytes: MOST_MANIFEST_BYTES });
  if (read.kind !== 'exited') return silent(read.message);
  if (read.code !== 0) return wrong(`the manifest cannot be read: ${describeExit(read)}`);
  if (read.truncated) return wrong(`the manifest is larger than ${MOST_MANIFEST_BYTES / 1024} KiB`);

  const listed = parseManifest(read.stdout, directory);
  if ('problem' in listed) return wrong(`the manifest is of no use: ${listed.problem}`);
  const found = await hash(question, probe, listed.files);
  if (!(found instanceof Map)) return silent(found.message);
  const difference = compareSums(listed.files, found);
  return difference === undefined ? { kind: 'answered', success: true, text: '', detail: '' } : wrong(difference);
}

const wrong = (detail: string): ProbeAnswer => ({ kind: 'answered', success: false, text: '', detail });
const silent = (reason: string): ProbeAnswer => ({ kind: 'silent', reason });

/** The hashes by path, or why there are none. A file that cannot be read is left out: sha256sum then exits with 1. */
async function hash(
  question: Question,
  probe: ChecksumsProbe,
  files: readonly ListedFile[],
): Promise<Map<string, string> | { readonly message: string }> {
  const found = new Map<string, string>();
  for (const part of inCommands(files)) {
    const command = ['sha256sum', ...part.map(({ path }) => path)];
    const outcome = await run(question, { container: probe.container, command, probe });
    if (outcome.kind !== 'exited') return { message: outcome.message };
    if (outcome.code > 1) return { message: `sha256sum ended with ${describeExit(outcome)}` };
    for (const [path, sum] of parseSums(outcome.stdout)) found.set(path, sum);
  }
  return found;
}

interface Command {
  readonly container: string;
  /** As it is: nothing in a manifest is replaced. */
  readonly command: readonly string[];
  readonly probe: ChecksumsProbe;
  readonly mostBytes?: number;
}

function run(question: Question, { container, command, probe, mostBytes }: Command): Promise<ExecOutcome> {
  const { cluster, namespace, server, signal } = question;
  const bound = mostBytes === undefined ? {} : { mostBytes };
  const request = { namespace, server: server.name, container, command, timeoutMs: probe.timeout, ...bound };
  return cluster.exec(request, signal);
}
