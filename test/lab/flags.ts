import { parseArgs } from 'node:util';
import { containerFailures, engineFailures } from './fleet-failures.ts';
import { sidecarVersions } from './images/hot-files.ts';
import type { LabKind } from './lab-contract.ts';
import { UnknownVersions, environmentVersions, parseVersions } from './versions.ts';
import type { LabVersions } from './versions.ts';

/** The wish of a command line. */
export type LabWish =
  | { readonly verb: 'help' | 'status' }
  | { readonly verb: 'down'; readonly name?: string | undefined }
  | { readonly verb: 'apply'; readonly file: string; readonly name?: string | undefined }
  | {
      readonly verb: 'up';
      readonly kind: LabKind;
      readonly name: string;
      readonly versions: LabVersions;
      /** Without game servers, release files and a worker. */
      readonly bare: boolean;
    };

/** The command line asks for something that there is not. */
export class UsageError extends Error {
  /** EX_USAGE of sysexits.h. */
  readonly exitCode = 64;
}

const usage = 'use: npm run lab -- up [fleet|truth] | apply FILE | status | down; --help says more';

/** The text of `--help`, at most 80 columns wide. */
export const helpText = `npm run lab -- up [fleet|truth] [--name NAME] [--bare] [--versions VERSIONS]
npm run lab -- apply FILE [--name NAME]
npm run lab -- down [--name NAME]
npm run lab -- status

A Kubernetes control plane with OpenKruise and OpenKruiseGame, nodes, a Temporal
server with its web UI, six game servers, release files for them and a hotwave
worker. It goes on until you end it, and belongs to this checkout: another clone
or worktree has labs of its own.

  up      start one: fleet (simulated nodes, no containers; the default) or
          truth (a real kubelet and real containers, as root). Prints where
          everything is, and what to type next.
  apply   create or change what is in a file of manifests, as kubectl would, and
          wait until the servers of its GameServerSets are Ready
  down    end it, and leave nothing
  status  what runs, in which versions, and its addresses

  --name NAME  its name, when there are several; its kind by default
  --bare       no game servers, release files or worker: an empty cluster
  --versions VERSIONS
               newest, or some of kubernetes=1.37.2,kruise=1.8.3,
               kruise-game=1.1.0 in one word. Without it those of
               HOTWAVE_LAB_VERSIONS, else the oldest ones. Parts that are not
               built yet are built first, once: Kubernetes takes about ten
               minutes, and wants Go 1.26.
  -h, --help   this text

Versions that fail. On the fleet every image exists, and a word anywhere in its
tag, such as v2.0-crash, makes it fail:
${listed(containerFailures)}
with such a word in the tag of the sidecar, its engine fails:
${listed(engineFailures)}
On truth these sidecars exist; ${goodVersions()} are good:
${listed(Object.fromEntries(sidecarVersions.flatMap(({ tag, fails }) => (fails === undefined ? [] : [[tag, fails]]))))}
The sidecar is the container of that name, else the last one of the pod.

The engine. On the fleet every pod has the command "fleet-engine VERB
NAMESPACE/SERVER": reload, version, files, healthz, stats. Over HTTP: GET
/version, /files, /healthz or /stats and POST /reload, at the pod's address and
the engine port that up prints. On truth nginx answers GET /version,
/js/VERSION and /healthz at port 80 of the pod; nginx -s reload loads new files.

Examples:
  npm run lab -- up fleet
  npm run lab -- apply examples/fleet/gameserverset.yaml
  npm run lab -- up truth --name mine
  npm run lab -- up fleet --versions newest
  npm run lab -- down --name mine

Exit codes:
   0  done
   1  it did not start or did not end, or the file was refused
  64  wrong usage
  69  this machine lacks something that only you can provide
`;

/** One line for each word: what happens. */
function listed(failures: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(failures).map((word) => word.length));
  return Object.entries(failures)
    .map(([word, what]) => `  ${word.padEnd(width)}  ${what}`)
    .join('\n');
}

function goodVersions(): string {
  const good = sidecarVersions.filter(({ fails }) => fails === undefined).map(({ tag }) => tag);
  return `${good.slice(0, -1).join(', ')} and ${good.at(-1) ?? ''}`;
}

const options = {
  name: { type: 'string' },
  versions: { type: 'string' },
  bare: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/**
 * Reads the arguments after `npm run lab --`.
 * @throws UsageError in one sentence
 */
export function labWish(args: readonly string[]): LabWish {
  const { values, positionals } = parsed(args);
  const [verb, word, ...more] = positionals;
  if (values.help === true) return { verb: 'help' };
  if (values.name !== undefined && !/^[a-z0-9][a-z0-9-]{0,40}$/.test(values.name)) {
    throw new UsageError(`a lab's name is up to 41 small letters, digits and dashes, not "${values.name}"`);
  }
  if (more.length > 0) throw new UsageError(`too many words; ${usage}`);
  if (verb === 'up') return upWish(word, values);
  for (const flag of ['versions', 'bare'] as const) {
    if (values[flag] === undefined) continue;
    throw new UsageError(`--${flag} means nothing to ${verb ?? 'no command'}; ${usage}`);
  }
  return otherWish(verb, word, values.name);
}

function upWish(kind = 'fleet', { name, versions, bare = false }: Flags): LabWish {
  if (kind !== 'fleet' && kind !== 'truth') {
    throw new UsageError(`there is no lab "${kind}"; there are fleet and truth`);
  }
  return { verb: 'up', kind, name: name ?? kind, versions: versionsOf(versions), bare };
}

function otherWish(verb: string | undefined, word: string | undefined, name: string | undefined): LabWish {
  switch (verb) {
    case 'apply':
      if (word === undefined) throw new UsageError(`apply wants a file; ${usage}`);
      return { verb, file: word, name };
    case 'down':
      if (word === undefined) return { verb, name };
      throw new UsageError(`"${word}" means nothing to down; a lab is named with --name ${word}; ${usage}`);
    case 'status':
      if (word === undefined) return { verb };
      throw new UsageError(`"${word}" means nothing to status; ${usage}`);
    default:
      throw new UsageError(`${verb === undefined ? 'say what to do' : `there is no lab command "${verb}"`}; ${usage}`);
  }
}

type Parsed = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
type Flags = Parsed['values'];

function parsed(args: readonly string[]): Parsed {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    // The first sentence says what is wrong; Node adds advice about positional arguments.
    throw new UsageError(`${(error as Error).message.replace(/\. .*/s, '')}; ${usage}`);
  }
}

/** @throws UsageError in one sentence, wherever the versions come from */
function versionsOf(asked: string | undefined): LabVersions {
  try {
    return asked === undefined ? environmentVersions() : parseVersions(asked);
  } catch (error) {
    if (error instanceof UnknownVersions) throw new UsageError(error.message);
    throw error;
  }
}
