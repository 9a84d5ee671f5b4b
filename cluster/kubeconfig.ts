import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { PooledKubeConfig } from './pooled-kubeconfig.ts';
import { fileTrouble } from '../release/spec/file-trouble.ts';
import { ClusterFailure } from '../activities/ports/failure.ts';

/** Where to find the API server. Empty: KUBECONFIG, then ~/.kube/config, then the pod's service account. */
export interface KubeconfigChoice {
  /** Path of a kubeconfig file. */
  readonly path?: string;
  /** A context of that kubeconfig. Default: its current context. */
  readonly context?: string;
}

/** Which API server a choice came down to. Names and addresses only, never credentials. */
export interface ResolvedCluster {
  readonly context: string;
  readonly server: string;
  readonly user: string;
  /** For people: `kubeconfig /home/me/.kube/config` or `service account of this pod`. */
  readonly source: string;
}

/** A kubeconfig that was found and checked. */
export interface LoadedKubeconfig {
  readonly config: PooledKubeConfig;
  readonly resolved: ResolvedCluster;
}

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** What loading needs of the process; tests pass their own. */
export interface KubeconfigSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly exists: (path: string) => boolean;
}

const ownProcess: KubeconfigSurroundings = { environment: process.env, home: homedir(), exists: existsSync };

function wrong(sentence: string): ClusterFailure {
  return new ClusterFailure('invalid', sentence, { retryable: false });
}

/**
 * Finds the kubeconfig, without the client's silent fallback to http://localhost:8080
 * (@kubernetes/client-node 2.0.1, KubeConfig.loadFromDefault).
 */
function filesOf(choice: KubeconfigChoice, surroundings: KubeconfigSurroundings): string[] | 'serviceAccount' {
  if (choice.path !== undefined) return [choice.path];
  const { environment, home, exists } = surroundings;
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  if (listed.length > 0) return listed;
  const ordinary = join(home, '.kube', 'config');
  if (exists(ordinary)) return [ordinary];
  if (environment['KUBERNETES_SERVICE_HOST'] && exists(SERVICE_ACCOUNT_TOKEN)) return 'serviceAccount';
  throw wrong(
    `no kubeconfig: there is no ${ordinary}, KUBECONFIG is empty and this is not a pod with a service account; ` +
      'name a kubeconfig file',
  );
}

function readFiles(files: readonly string[]): PooledKubeConfig {
  const config = new PooledKubeConfig();
  for (const [index, file] of files.entries()) {
    try {
      if (index === 0) config.loadFromFile(file);
      else {
        const more = new PooledKubeConfig();
        more.loadFromFile(file);
        // The first file's current-context wins, as in kubectl.
        config.mergeConfig(more, true);
      }
    } catch (error) {
      throw wrong(`cannot read kubeconfig ${file}: ${sentenceOf(error)}`);
    }
  }
  return config;
}

/** YAML errors quote the file, which holds credentials: only the first line, and only of errors about files. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown trouble';
  if ('code' in error && typeof error.code === 'string') return fileTrouble(error);
  if (error.message.startsWith('Duplicate ')) return `${error.message.split('\n')[0] ?? ''} in two kubeconfig files`;
  return 'it is not a valid kubeconfig';
}

function resolve(config: PooledKubeConfig, choice: KubeconfigChoice, source: string): ResolvedCluster {
  const names = config.getContexts().map((context) => context.name);
  const wanted = choice.context ?? config.getCurrentContext();
  if (!wanted) throw wrong(`${source} has no current context; name one of: ${names.join(', ') || '(it has none)'}`);
  if (!names.includes(wanted)) {
    throw wrong(`${source} has no context "${wanted}"; it has: ${names.join(', ') || '(none)'}`);
  }
  config.setCurrentContext(wanted);
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  if (!cluster?.server) throw wrong(`context "${wanted}" of ${source} names a cluster that is not there`);
  if (!user) throw wrong(`context "${wanted}" of ${source} names a user that is not there`);
  if (!/^https?:\/\//.test(cluster.server)) {
    throw wrong(`the server of context "${wanted}" in ${source} must start with https://`);
  }
  if (cluster.server.startsWith('http:') && !cluster.skipTLSVerify) {
    throw wrong(`${cluster.server} is not encrypted; use https, or set insecure-skip-tls-verify if you mean it`);
  }
  return { context: wanted, server: cluster.server.replace(/\/+$/, ''), user: user.name, source };
}

/**
 * Loads a kubeconfig and pins its context.
 *
 * @throws ClusterFailure `invalid`, in one sentence, when there is none, the context is unknown or it leads nowhere.
 */
export function loadKubeconfig(
  choice: KubeconfigChoice = {},
  surroundings: KubeconfigSurroundings = ownProcess,
): LoadedKubeconfig {
  const files = filesOf(choice, surroundings);
  if (files === 'serviceAccount') {
    const config = new PooledKubeConfig();
    config.loadFromCluster();
    const resolved = resolve(config, {}, 'the service account of this pod');
    return { config, resolved: { ...resolved, context: 'in-cluster', user: 'service account' } };
  }
  const config = readFiles(files);
  return { config, resolved: resolve(config, choice, `kubeconfig ${files.join(delimiter)}`) };
}
