import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ClusterFailure } from '../activities/ports/failure.ts';
import { fileTrouble } from '../release/spec/file-trouble.ts';

// Facts: k8s.io/client-go/tools/clientcmd/loader.go (Load, Migrate, ResolveLocalPaths) and api/v1/types.go.

const fields = z.record(z.string(), z.unknown());

const documentSchema = z.object({
  clusters: z.array(z.object({ name: z.string(), cluster: fields.nullish() })).nullish(),
  users: z.array(z.object({ name: z.string(), user: fields.nullish() })).nullish(),
  contexts: z.array(z.object({ name: z.string(), context: fields.nullish() })).nullish(),
  'current-context': z.string().nullish(),
});

/** The fields of one entry as they were written. */
export type KubeconfigFields = Readonly<Record<string, unknown>>;
type Entries = readonly (readonly [name: string, fields: KubeconfigFields])[];

/** One or more files of a kubeconfig; paths in it are absolute. Entries are in the order in which they were written. */
interface KubeconfigLists {
  readonly clusters: Entries;
  readonly users: Entries;
  readonly contexts: Entries;
  readonly currentContext: string;
}

/** All files of a kubeconfig as one, as kubectl sees them. */
export interface MergedKubeconfig {
  readonly clusters: ReadonlyMap<string, KubeconfigFields>;
  readonly users: ReadonlyMap<string, KubeconfigFields>;
  readonly contexts: ReadonlyMap<string, KubeconfigFields>;
  readonly currentContext: string;
}

function wrong(sentence: string): ClusterFailure {
  return new ClusterFailure('invalid', sentence, { retryable: false });
}

/**
 * Reads and merges kubeconfig files as kubectl does: in a list a file that is not there is left out, and of two entries of
 * one name the first counts.
 * @throws ClusterFailure `invalid` when a file cannot be read, or none of a list is there; it quotes nothing of them
 */
export function readKubeconfigFiles(files: readonly string[]): MergedKubeconfig {
  const documents = files.flatMap((file) => documentIn(file, files.length > 1) ?? []);
  if (documents.length === 0) throw wrong(`KUBECONFIG names ${files.join(' and ')}: none of these files is there`);
  const currentContext = documents.map((document) => document.currentContext).find((name) => name !== '') ?? '';
  return {
    clusters: firstOfEach(documents.flatMap(({ clusters }) => clusters)),
    users: firstOfEach(documents.flatMap(({ users }) => users)),
    contexts: firstOfEach(documents.flatMap(({ contexts }) => contexts)),
    currentContext,
  };
}

function firstOfEach(entries: Entries): ReadonlyMap<string, KubeconfigFields> {
  const found = new Map<string, KubeconfigFields>();
  for (const [name, entry] of entries) if (!found.has(name)) found.set(name, entry);
  return found;
}

function documentIn(file: string, isOfList: boolean): KubeconfigLists | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isOfList && error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw wrong(`cannot read kubeconfig ${file}: ${fileTrouble(error)}`);
  }
  // A writer that writes it anew empties it first: that is no kubeconfig without clusters.
  if (text.trim() === '') throw wrong(`cannot read kubeconfig ${file}: it is empty`);
  return listsIn(file, text);
}

function listsIn(file: string, text: string): KubeconfigLists {
  const folder = dirname(file);
  try {
    const {
      clusters,
      users,
      contexts,
      'current-context': current,
    } = documentSchema.parse(parse(text, { merge: true }));
    return {
      clusters: (clusters ?? []).map(({ name, cluster }) => [name, withAbsolutePaths(cluster ?? {}, folder)]),
      users: (users ?? []).map(({ name, user }) => [name, withAbsolutePaths(user ?? {}, folder)]),
      contexts: (contexts ?? []).map(({ name, context }) => [name, context ?? {}]),
      currentContext: current ?? '',
    };
  } catch {
    // Errors of the parser quote the file, which holds credentials.
    throw wrong(`cannot read kubeconfig ${file}: it is not a valid kubeconfig`);
  }
}

const PATHS: ReadonlySet<string> = new Set(['certificate-authority', 'client-certificate', 'client-key', 'tokenFile']);

function withAbsolutePaths(entry: KubeconfigFields, folder: string): KubeconfigFields {
  const own = Object.entries(entry).map(([field, value]) => [
    field,
    PATHS.has(field) ? absolute(value, folder) : value,
  ]);
  return { ...(Object.fromEntries(own) as KubeconfigFields), ...execIn(entry, folder) };
}

function absolute(path: unknown, folder: string): unknown {
  return typeof path === 'string' && path !== '' && !isAbsolute(path) ? join(folder, path) : path;
}

/** A plugin with a path is looked for beside the kubeconfig, one without in PATH. */
function execIn({ exec }: KubeconfigFields, folder: string): { readonly exec?: object } {
  if (typeof exec !== 'object' || exec === null) return {};
  const { command } = exec as { readonly command?: unknown };
  const isPath = typeof command === 'string' && command.includes('/');
  return { exec: { ...exec, command: isPath ? absolute(command, folder) : command } };
}
