import { haltSentence } from '../../release/decisions/halt.ts';
import { isNamespace } from '../../release/spec/name-patterns.ts';
import { targetOf } from '../decisions/target.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { namedCluster } from '../terminal/flags.ts';
import type { ClusterFlags, OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { listHalts } from '../decisions/halts.ts';
import { print } from '../terminal/print.ts';
import { renderList } from '../render/list.ts';
import { listReleases } from '../temporal/list-releases.ts';
import { plainText } from '../terminal/untrusted.ts';

/** Flags of `list`. */
export interface ListFlags extends ClusterFlags {
  readonly output: OutputFormat;
  readonly query?: string | undefined;
  readonly limit: string;
  readonly namespace?: string | undefined;
}

/** Lists releases, newest first, as Temporal's visibility knows them: a change may take a second to show. */
export async function runList(io: Io, argument: string | undefined, flags: ListFlags): Promise<ExitCode> {
  const limit = limitOf(flags.limit);
  const filter = { cluster: namedCluster(flags), set: setOf(io, argument, flags), query: flags.query };
  const { releases, halts } = await withTemporal(io, flags, async (temporal) => ({
    releases: await listReleases(temporal, filter, limit + 1),
    halts: await listHalts(temporal, namedCluster(flags)),
  }));
  await print(io, flags.output, releases.slice(0, limit), (plain, view) => renderList(plain, io.now(), view));
  if (releases.length > limit) say(io, `only the newest ${limit} are shown; --limit shows more, -q narrows it down`);
  for (const halt of halts) say(io, plainText(haltSentence(halt)));
  return EXIT.ok;
}

/** One set, all of a namespace, or everything. */
function setOf(io: Io, argument: string | undefined, flags: ListFlags): string | undefined {
  if (argument === undefined) return flags.namespace === undefined ? undefined : `${namespaceOf(flags.namespace)}/`;
  const { namespace, name } = targetOf(io, argument, { ...flags, namespace: flags.namespace ?? 'default' });
  return `${namespace}/${name}`;
}

function namespaceOf(name: string): string {
  if (isNamespace(name)) return name;
  throw new ExitError(
    EXIT.usage,
    `--namespace ${JSON.stringify(name)}: expected the name of a namespace, such as arena`,
  );
}

/** How many releases at most. @throws ExitError for what is no number */
export function limitOf(limit: string): number {
  if (/^[1-9]\d{0,3}$/.test(limit)) return Number(limit);
  throw new ExitError(EXIT.usage, `--limit ${JSON.stringify(limit)}: expected a whole number from 1 to 9999`);
}
