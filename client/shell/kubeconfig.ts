import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { SettingTrouble } from '../../release/settings/environment.ts';
import { isClusterName } from '../../release/spec/name-patterns.ts';
import type { Io } from '../terminal/io.ts';

/** The flags of kubectl that choose a context. */
export interface KubectlFlags {
  readonly context?: string | undefined;
  readonly kubeconfig?: string | undefined;
}

/** The meaning of a context for a command of hotwave; undefined where it says nothing. */
export interface Meant {
  readonly namespace?: string | undefined;
  readonly cluster?: string | undefined;
}

const fileSchema = z.object({
  'current-context': z.string().optional(),
  contexts: z
    .array(z.object({ name: z.string(), context: z.object({ namespace: z.string().optional() }).nullish() }))
    .nullish(),
});

interface Found {
  readonly name: string;
  readonly namespace?: string | undefined;
}

/**
 * Reads what kubectl would take from the kubeconfig: the namespace of the context. The cluster is that of HOTWAVE_CONTEXTS
 * (`CONTEXT=CLUSTER,...`); a context that was named by a flag and is not in it has the name of its cluster.
 * @throws SettingTrouble when a flag cannot be honoured
 */
export async function meantBy(io: Io, flags: KubectlFlags): Promise<Meant> {
  const isNamed = flags.context !== undefined || flags.kubeconfig !== undefined;
  const found = await contextOf(io, flags);
  if (!found) {
    if (flags.context !== undefined)
      throw new SettingTrouble(`--context ${JSON.stringify(flags.context)}: no kubeconfig has that context`);
    if (flags.kubeconfig !== undefined)
      throw new SettingTrouble(`--kubeconfig ${flags.kubeconfig}: it has no current context; add --context`);
    return {};
  }
  const { name, namespace } = found;
  const mapped = clustersByContext(io.env['HOTWAVE_CONTEXTS']).get(name);
  if (mapped !== undefined || !isNamed) return { namespace, cluster: mapped };
  if (isClusterName(name)) return { namespace, cluster: name };
  throw new SettingTrouble(
    `context ${JSON.stringify(name)} does not say which cluster of hotwave it is: add --cluster NAME, or set HOTWAVE_CONTEXTS to CONTEXT=NAME,...`,
  );
}

/** As kubectl merges files: the first one that says something wins. One that is not there is none. */
async function contextOf(io: Io, { context, kubeconfig }: KubectlFlags): Promise<Found | undefined> {
  const { KUBECONFIG: listed, HOME: home = homedir() } = io.env;
  const usual = listed ? listed.split(delimiter).filter((path) => path !== '') : [join(home, '.kube', 'config')];
  const files = await Promise.all(
    kubeconfig === undefined ? usual.map((path) => readFile(io, path)) : [readNamed(io, kubeconfig)],
  );
  const name = context ?? files.map((file) => file?.['current-context']).find(Boolean);
  const found = files.flatMap((file) => file?.contexts ?? []).find((one) => one.name === name);
  return found && { name: found.name, namespace: found.context?.namespace };
}

async function readFile(io: Io, path: string): Promise<z.infer<typeof fileSchema> | undefined> {
  try {
    return fileSchema.parse(parse(await io.readText(path)));
  } catch {
    return undefined;
  }
}

async function readNamed(io: Io, path: string): Promise<z.infer<typeof fileSchema>> {
  const file = await readFile(io, path);
  if (file) return file;
  throw new SettingTrouble(`--kubeconfig ${path}: it cannot be read as a kubeconfig`);
}

function clustersByContext(setting = ''): Map<string, string> {
  const pairs = setting.split(',').filter((pair) => pair.trim() !== '');
  return new Map(
    pairs.map((pair) => {
      const [, context, cluster] = /^(.+)=([^=]+)$/.exec(pair.trim()) ?? [];
      if (context !== undefined && cluster !== undefined && isClusterName(cluster)) return [context, cluster];
      throw new SettingTrouble(`HOTWAVE_CONTEXTS: expected CONTEXT=CLUSTER,..., and ${JSON.stringify(pair)} is not`);
    }),
  );
}
