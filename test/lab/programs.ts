import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { cacheFolder } from './cache.ts';
import { withLock } from './lock.ts';
import { requireGo, requirePlatform } from './prerequisites.ts';

/** The server programs that a lab is made of. */
export type ProgramName = keyof typeof packages;

/** The built programs of one version of test/lab/programs. */
export interface Programs {
  /** The path of the executable. */
  path(name: ProgramName): string;
  /** YAML files with the custom resource definitions of OpenKruise and OpenKruiseGame. */
  readonly resourceDefinitions: readonly string[];
}

/** Which programs are wanted, and who hears of the progress. */
export interface ProgramOptions {
  /** The truth lab needs it; it is the last to be built. */
  readonly kubelet: boolean;
  readonly log: (line: string) => void;
}

/** Go packages of test/lab/programs/go.mod. */
const packages = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  kruise: 'github.com/openkruise/kruise',
  'kruise-game': 'github.com/openkruise/kruise-game',
  kwok: 'sigs.k8s.io/kwok/cmd/kwok',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
} as const;

/** The network plugins' definitions are left out: their controllers are off. */
const definitionModules = [
  { module: 'github.com/openkruise/kruise', prefix: '' },
  { module: 'github.com/openkruise/kruise-game', prefix: 'game.kruise.io_' },
] as const;

const version = 'k8s.io/component-base/version';
const linkerFlags = `-s -w -X ${version}.gitVersion=v1.30.14 -X ${version}.gitMajor=1 -X ${version}.gitMinor=30`;
const sources = fileURLToPath(new URL('./programs', import.meta.url));

/**
 * Returns the server programs, building those that the cache does not have. A build is kept for ever under a name
 * made of go.sum and the flags, so it happens once per version; a warm call needs no Go.
 * @throws MissingPrerequisite when Go is missing or too old; Error with the compiler's last lines when a build fails
 */
export async function serverPrograms(options: ProgramOptions): Promise<Programs> {
  requirePlatform();
  const wanted = (Object.keys(packages) as ProgramName[]).filter((name) => name !== 'kubelet' || options.kubelet);
  const folder = cacheFolder('programs', programsVersion());
  const isComplete = (): boolean =>
    wanted.every((name) => existsSync(join(folder, name))) && existsSync(join(folder, 'definitions'));
  if (!isComplete()) {
    await requireGo();
    const onWait = ({ pid }: { pid: number }): void => {
      options.log(`process ${pid} is building the server programs; waiting for it`);
    };
    await withLock(`${folder}.lock`, { deadlineMs: 60 * 60_000, onWait }, async () => {
      await buildMissing(wanted, folder, options.log);
      if (!existsSync(join(folder, 'definitions'))) await copyDefinitions(folder);
    });
  }
  const definitions = join(folder, 'definitions');
  return {
    path: (name) => join(folder, name),
    resourceDefinitions: readdirSync(definitions).map((file) => join(definitions, file)),
  };
}

/** The name of the folder that holds the programs of these sources and flags. */
export function programsVersion(): string {
  const hash = createHash('sha256')
    .update(readFileSync(join(sources, 'go.sum')))
    .update(linkerFlags);
  return hash.digest('hex').slice(0, 16);
}

async function buildMissing(
  wanted: readonly ProgramName[],
  folder: string,
  log: (line: string) => void,
): Promise<void> {
  const missing = wanted.filter((name) => !existsSync(join(folder, name)));
  if (missing.length === 0) return;
  const minutes = missing.length > 2 ? 'four to ten minutes' : 'a few minutes';
  log(`building ${missing.length} server programs: ${minutes}, once; they are kept in ${folder}`);
  const started = performance.now();
  for (const [index, name] of missing.entries()) {
    const elapsed = Math.round((performance.now() - started) / 1000);
    log(`building ${name} (${index + 1} of ${missing.length}, ${elapsed} s so far)`);
    await build(name, folder);
  }
  log(`built the server programs in ${Math.round((performance.now() - started) / 1000)} s`);
}

async function build(name: ProgramName, folder: string): Promise<void> {
  const unfinished = join(folder, `${name}.unfinished`);
  const go = await execa('go', ['build', '-ldflags', linkerFlags, '-o', unfinished, packages[name]], {
    cwd: sources,
    // The pinned go.sum is the truth: a build must not change it, and a workspace above must not join in.
    env: { GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    reject: false,
  });
  if (go.failed) {
    throw new Error(`go build of ${packages[name]} failed:\n${go.stderr.split('\n').slice(-20).join('\n')}`);
  }
  renameSync(unfinished, join(folder, name));
}

async function copyDefinitions(folder: string): Promise<void> {
  const unfinished = join(folder, 'definitions.unfinished');
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  for (const { module, prefix } of definitionModules) {
    const { stdout } = await execa('go', ['list', '-m', '-f', '{{.Dir}}', module], {
      cwd: sources,
      env: { GOWORK: 'off' },
    });
    const bases = join(stdout.trim(), 'config', 'crd', 'bases');
    for (const file of readdirSync(bases).filter((name) => name.startsWith(prefix))) {
      cpSync(join(bases, file), join(unfinished, file));
    }
  }
  renameSync(unfinished, join(folder, 'definitions'));
}
