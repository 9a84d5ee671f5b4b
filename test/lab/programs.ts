import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Product } from '../../release/plan/tried-versions.ts';
import { timeLeft } from './build-time.ts';
import type { ProgramName } from './build-time.ts';
import { cacheFolder } from './cache.ts';
import { withLock } from './lock.ts';
import { requireGo, requirePlatform } from './prerequisites.ts';
import { usualVersions } from './versions.ts';
import type { LabVersions } from './versions.ts';

/** The built programs of one choice of versions. */
export interface Programs {
  /** The path of the executable. */
  path(name: ProgramName): string;
  /** YAML files with the custom resource definitions of OpenKruise and OpenKruiseGame. */
  readonly resourceDefinitions: readonly string[];
}

/** Which programs are wanted, and who hears of the progress. */
export interface ProgramOptions {
  readonly versions: LabVersions;
  /** The truth lab needs it; it is the last to be built. */
  readonly kubelet: boolean;
  readonly log: (line: string) => void;
}

/** The Go package of each program, and the product whose version it has; those of no product have one version. */
const packages: Readonly<Record<ProgramName, { readonly path: string; readonly product?: Product }>> = {
  etcd: { path: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': { path: 'k8s.io/kubernetes/cmd/kube-apiserver', product: 'kubernetes' },
  'kube-controller-manager': { path: 'k8s.io/kubernetes/cmd/kube-controller-manager', product: 'kubernetes' },
  kruise: { path: 'github.com/openkruise/kruise', product: 'kruise' },
  'kruise-game': { path: 'github.com/openkruise/kruise-game', product: 'kruise-game' },
  kwok: { path: 'sigs.k8s.io/kwok/cmd/kwok' },
  kubelet: { path: 'k8s.io/kubernetes/cmd/kubelet', product: 'kubernetes' },
};

/** Where custom resource definitions are. The network plugins' are left out: their controllers are off. */
const definitionSources: readonly { readonly product: Product; readonly module: string; readonly files: RegExp }[] = [
  { product: 'kruise', module: 'github.com/openkruise/kruise', files: /^(?!game[.])/ },
  { product: 'kruise-game', module: 'github.com/openkruise/kruise-game', files: /^game[.]kruise[.]io_/ },
];
type DefinitionSource = (typeof definitionSources)[number];

/** A folder with a go.mod, and what of it is wanted. */
interface Module {
  readonly sources: string;
  /** Where its programs and definitions are kept. */
  readonly folder: string;
  readonly linkerFlags: string;
  readonly programs: readonly ProgramName[];
  readonly definitions: readonly DefinitionSource[];
}

const root = fileURLToPath(new URL('./programs', import.meta.url));

/**
 * Returns the server programs, building those that the cache does not have. A build is kept for ever under a name
 * made of go.sum and the flags, so it happens once per version; a warm call needs no Go.
 * @throws MissingPrerequisite when Go is missing or too old; Error with the compiler's last lines when a build fails
 */
export async function serverPrograms({ versions, kubelet, log }: ProgramOptions): Promise<Programs> {
  requirePlatform();
  const wanted = (Object.keys(packages) as ProgramName[]).filter((name) => name !== 'kubelet' || kubelet);
  const sources = new Set(wanted.map((name) => sourcesOf(versions, packages[name].product)));
  const modules = [...sources].map((folder) => moduleOf(folder, versions, wanted));
  for (const module of modules) if (!isComplete(module)) await complete(module, log);
  return {
    path: (name) => join(modules.find(({ programs }) => programs.includes(name))!.folder, name),
    resourceDefinitions: modules.flatMap(definitionFiles),
  };
}

/** The usual versions share one module, so that the Kubernetes packages they share are compiled once. */
function sourcesOf(versions: LabVersions, product?: Product): string {
  if (product === undefined || versions[product] === usualVersions[product]) return root;
  return join(root, `${product}-${versions[product]}`);
}

function moduleOf(sources: string, versions: LabVersions, wanted: readonly ProgramName[]): Module {
  const isHere = (product?: Product): boolean => sourcesOf(versions, product) === sources;
  const linkerFlags = flagsFor(isHere('kubernetes') ? versions.kubernetes : usualVersions.kubernetes);
  const hash = createHash('sha256')
    .update(readFileSync(join(sources, 'go.sum')))
    .update(linkerFlags);
  return {
    sources,
    folder: cacheFolder('programs', hash.digest('hex').slice(0, 16)),
    linkerFlags,
    programs: wanted.filter((name) => isHere(packages[name].product)),
    definitions: definitionSources.filter(({ product }) => isHere(product)),
  };
}

/** Kubernetes knows its version only from the linker. */
function flagsFor(kubernetes: string): string {
  const version = 'k8s.io/component-base/version';
  const [major, minor] = kubernetes.split('.');
  return `-s -w -X ${version}.gitVersion=v${kubernetes} -X ${version}.gitMajor=${major} -X ${version}.gitMinor=${minor}`;
}

function isComplete({ folder, programs, definitions }: Module): boolean {
  return [...programs, ...(definitions.length > 0 ? ['definitions'] : [])].every((name) =>
    existsSync(join(folder, name)),
  );
}

function definitionFiles({ folder, definitions }: Module): readonly string[] {
  if (definitions.length === 0) return [];
  return readdirSync(join(folder, 'definitions'))
    .filter((file) => definitions.some(({ files }) => files.test(file)))
    .map((file) => join(folder, 'definitions', file));
}

async function complete(module: Module, log: (line: string) => void): Promise<void> {
  await requireGo(module.sources);
  const onWait = ({ pid }: { pid: number }): void => {
    log(`process ${pid} is building the server programs; waiting for it`);
  };
  await withLock(`${module.folder}.lock`, { deadlineMs: 60 * 60_000, onWait }, async () => {
    await buildMissing(module, log);
    if (!isComplete(module)) await copyDefinitions(module);
  });
}

async function buildMissing(module: Module, log: (line: string) => void): Promise<void> {
  const { folder, programs } = module;
  const missing = programs.filter((name) => !existsSync(join(folder, name)));
  if (missing.length === 0) return;
  log(`building ${missing.length} server programs, once; they are kept in ${folder}`);
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  for (const [index, name] of missing.entries()) {
    const before = elapsed();
    const tell = (): void => {
      const left = timeLeft(missing.slice(0, index), missing.slice(index), before, elapsed() - before);
      log(`building ${name} (${index + 1} of ${missing.length}): ${Math.round(elapsed())} s so far, ${left} left`);
    };
    tell();
    const timer = setInterval(tell, 30_000);
    try {
      await build(name, module);
    } finally {
      clearInterval(timer);
    }
  }
  log(`built the server programs in ${Math.round(elapsed())} s`);
}

async function build(name: ProgramName, { sources, folder, linkerFlags }: Module): Promise<void> {
  const unfinished = join(folder, `${name}.unfinished`);
  const { path } = packages[name];
  const go = await execa('go', ['build', '-ldflags', linkerFlags, '-o', unfinished, path], {
    cwd: sources,
    // The pinned go.sum is the truth: a build must not change it, and a workspace above must not join in.
    env: { GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    reject: false,
  });
  if (go.failed) {
    throw new Error(`go build of ${path} failed:\n${go.stderr.split('\n').slice(-20).join('\n')}`);
  }
  renameSync(unfinished, join(folder, name));
}

/** Copies all that the module has, also of products that are wanted in another version now: the folder is for ever. */
async function copyDefinitions({ sources, folder, definitions }: Module): Promise<void> {
  const unfinished = join(folder, 'definitions.unfinished');
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished);
  for (const { module, files } of sources === root ? definitionSources : definitions) {
    const { stdout } = await execa('go', ['list', '-m', '-f', '{{.Dir}}', module], {
      cwd: sources,
      env: { GOWORK: 'off' },
    });
    const bases = join(stdout.trim(), 'config', 'crd', 'bases');
    for (const file of readdirSync(bases).filter((name) => files.test(name))) {
      cpSync(join(bases, file), join(unfinished, file));
    }
  }
  renameSync(unfinished, join(folder, 'definitions'));
}
