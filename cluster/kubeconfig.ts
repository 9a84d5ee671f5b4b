import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { CredentialPlugin, execConfigSchema } from './credential-plugin.ts';
import type { ExecConfig, PluginLimits } from './credential-plugin.ts';
import { readKubeconfigFiles } from './kubeconfig-files.ts';
import type { KubeconfigFields, MergedKubeconfig } from './kubeconfig-files.ts';
import { proxyFromEnvironment } from './proxy.ts';
import { PooledKubeConfig } from './pooled-kubeconfig.ts';
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
  /** HOST:PORT of the proxy that leads there. */
  readonly proxy?: string | undefined;
  /** `tls-server-name`: gateways in front of several clusters choose one by it. */
  readonly tlsName?: string | undefined;
  /** For people: `kubeconfig /home/me/.kube/config` or `service account of this pod`. */
  readonly source: string;
}

/**
 * Which way leads to the API server, for people. Two clusters may well have one private address, and differ only in the proxy
 * or in the name by which they are reached.
 */
export function wayTo({ server, proxy, tlsName }: ResolvedCluster): string {
  return `${server}${tlsName === undefined ? '' : ` as ${tlsName}`}${proxy === undefined ? '' : ` by the proxy ${proxy}`}`;
}

/** A kubeconfig that was found and checked. */
export interface LoadedKubeconfig {
  readonly config: PooledKubeConfig;
  readonly resolved: ResolvedCluster;
}

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** The parts of the process that loading needs; tests pass their own. */
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
  const { environment, home, exists } = surroundings;
  // A shell leaves `--kubeconfig=~/config` as it is, and so do manifests.
  const atHome = (path: string): string => (path.startsWith('~/') ? join(home, path.slice(2)) : path);
  if (choice.path !== undefined) return [atHome(choice.path)];
  const listed = (environment['KUBECONFIG'] ?? '')
    .split(delimiter)
    .map((path) => atHome(path.trim()))
    .filter((path) => path !== '');
  if (listed.length > 0) return listed;
  const ordinary = join(home, '.kube', 'config');
  if (exists(ordinary)) return [ordinary];
  if (environment['KUBERNETES_SERVICE_HOST'] && exists(SERVICE_ACCOUNT_TOKEN)) return 'serviceAccount';
  throw wrong(
    `no kubeconfig: there is no ${ordinary}, KUBECONFIG is empty and this is not a pod with a service account; ` +
      'name a kubeconfig file',
  );
}

function resolve(
  merged: MergedKubeconfig,
  { choice, source, environment }: Pick<Resolving, 'choice' | 'source' | 'environment'>,
): Resolved {
  const names = [...merged.contexts.keys()];
  const wanted = choice.context ?? merged.currentContext;
  if (!wanted) throw wrong(`${source} has no current context; name one of: ${names.join(', ') || '(it has none)'}`);
  const context = merged.contexts.get(wanted);
  if (!context) throw wrong(`${source} has no context "${wanted}"; it has: ${names.join(', ') || '(none)'}`);
  const cluster = merged.clusters.get(textOf(context['cluster']));
  if (textOf(cluster?.['server']) === '' || !cluster)
    throw wrong(`context "${wanted}" of ${source} names a cluster that is not there`);
  const userName = textOf(context['user']);
  const user = merged.users.get(userName);
  if (!user) throw wrong(`context "${wanted}" of ${source} names a user that is not there`);
  demandHonoured(`user ${userName} in ${source}`, user);
  const of = `context "${wanted}" in ${source}`;
  const server = checkedServer(cluster, of);
  const proxy = proxyOf(server, { own: textOf(cluster['proxy-url']), of, environment });
  const resolved = { context: wanted, server, user: userName, source, proxy: proxy?.host, tlsName: tlsNameOf(cluster) };
  return { resolved, cluster, proxy: proxy?.url, user, names: context };
}

interface Resolving {
  readonly choice: KubeconfigChoice;
  readonly source: string;
  readonly environment: KubeconfigSurroundings['environment'];
}

interface Resolved {
  readonly resolved: ResolvedCluster;
  readonly cluster: KubeconfigFields;
  readonly proxy: string | undefined;
  readonly user: KubeconfigFields;
  readonly names: KubeconfigFields;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const tlsNameOf = (cluster: KubeconfigFields): string | undefined => textOf(cluster['tls-server-name']) || undefined;

function checkedServer(cluster: KubeconfigFields, of: string): string {
  const server = textOf(cluster['server']);
  if (!/^https?:\/\//.test(server)) throw wrong(`the server of ${of} must start with https://`);
  if (server.startsWith('http:') && cluster['insecure-skip-tls-verify'] !== true)
    throw wrong(`${server} is not encrypted; use https, or set insecure-skip-tls-verify if you mean it`);
  return server.replace(/\/+$/, '');
}

/** The field of the cluster wins over the environment. Neither is shown: a proxy may have a password in its address. */
function proxyOf(
  server: string,
  { own, of, environment }: { own: string; of: string; environment: KubeconfigSurroundings['environment'] },
): { readonly url: string; readonly host: string } | undefined {
  const url = own === '' ? proxyFromEnvironment(server, environment) : own;
  if (url === undefined) return undefined;
  const origin = own === '' ? 'the proxy in the environment (HTTPS_PROXY, HTTP_PROXY)' : `the proxy-url of ${of}`;
  if (!/^(?:https?|socks5h?):\/\/[^/]/i.test(url) || !URL.canParse(url))
    throw wrong(`${origin} must be an http, https or socks5 address such as http://proxy.test:3128`);
  return { url, host: new URL(url).host };
}

/**
 * The acts of kubectl that hotwave does not do, by the name of the field. Fields that kubectl does not know are
 * nobody's.
 */
function demandHonoured(of: string, user: KubeconfigFields): void {
  if (user['auth-provider'] !== undefined && user['auth-provider'] !== null)
    throw wrong(
      `${of} has an auth-provider, which hotwave does not use: take an exec plugin instead, such as kubelogin for oidc`,
    );
  const { exec } = user;
  if (exec === undefined || exec === null) return;
  const read = execConfigSchema.safeParse(exec);
  if (!read.success) {
    const field = ['exec', ...(read.error.issues[0]?.path ?? [])].map(String).join('.');
    throw wrong(`${of} has an ${field} that hotwave cannot use: client.authentication.k8s.io/v1 and v1beta1 are known`);
  }
  if (read.data.interactiveMode === 'Always')
    throw wrong(`${of} has an exec.interactiveMode of Always: nobody is there to answer ${read.data.command}`);
}

/** Its other identity, in the headers that Kubernetes knows. */
function impersonationOf(user: KubeconfigFields): Readonly<Record<string, string | string[]>> {
  const groups = textsOf(user['as-groups']);
  const extra = Object.entries((user['as-user-extra'] ?? {}) as Record<string, unknown>);
  return {
    ...(textOf(user['as']) === '' ? {} : { 'Impersonate-User': textOf(user['as']) }),
    ...(textOf(user['as-uid']) === '' ? {} : { 'Impersonate-Uid': textOf(user['as-uid']) }),
    ...(groups.length === 0 ? {} : { 'Impersonate-Group': groups }),
    ...Object.fromEntries(
      extra.map(([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, textsOf(values)]),
    ),
  };
}

const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** The kubeconfig of one context alone, as the client reads it; what the client does otherwise than kubectl is left out. */
function configOf({ resolved, cluster, proxy, user, names }: Resolved, plugins: CredentialPlugins): PooledKubeConfig {
  const { exec, tokenFile, as: _as, ...rest } = user;
  const config = new PooledKubeConfig({
    plugin: exec ? plugins.of(execConfigSchema.parse(exec), cluster) : undefined,
    tokenFile: textOf(tokenFile) === '' ? undefined : textOf(tokenFile),
    impersonation: impersonationOf(user),
  });
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name: textOf(names['cluster']), cluster: { ...cluster, 'proxy-url': proxy } }],
      users: [{ name: resolved.user, user: rest }],
      contexts: [{ name: resolved.context, context: names }],
      'current-context': resolved.context,
    }),
  );
  return config;
}

/**
 * Loads a kubeconfig and pins its context.
 *
 * @throws ClusterFailure `invalid`, in one sentence, when there is none, the context is unknown or it leads nowhere.
 */
export function loadKubeconfig(
  choice: KubeconfigChoice = {},
  surroundings: KubeconfigSurroundings = ownProcess,
  plugins = new CredentialPlugins(),
): LoadedKubeconfig {
  const files = filesOf(choice, surroundings);
  if (files === 'serviceAccount') {
    const config = new PooledKubeConfig();
    config.loadFromCluster();
    const { server = '' } = config.getCurrentCluster() ?? {};
    const source = 'the service account of this pod';
    const proxy = proxyOf(server, { own: '', of: source, environment: surroundings.environment });
    if (proxy) config.clusters = config.clusters.map((cluster) => ({ ...cluster, proxyUrl: proxy.url }));
    const resolved = { context: 'in-cluster', server, user: 'service account', source, proxy: proxy?.host };
    return { config, resolved };
  }
  const found = resolve(readKubeconfigFiles(files), {
    choice,
    source: `kubeconfig ${files.join(delimiter)}`,
    environment: surroundings.environment,
  });
  return { config: configOf(found, plugins), resolved: found.resolved };
}

/** The plugins of a worker: read anew, a kubeconfig that names the same one keeps what that has given. */
export class CredentialPlugins {
  readonly #known = new Map<string, CredentialPlugin>();
  readonly #limits: PluginLimits;

  constructor(limits: PluginLimits = {}) {
    this.#limits = limits;
  }

  /** The plugin that is run like this for this cluster. */
  of(config: ExecConfig, cluster: KubeconfigFields): CredentialPlugin {
    const { extensions: _extensions, ...info } = cluster;
    const key = JSON.stringify([config, info]);
    const plugin = this.#known.get(key) ?? new CredentialPlugin(config, info, this.#limits);
    this.#known.set(key, plugin);
    return plugin;
  }

  /** The API server does not accept what they have given. */
  forget(): void {
    for (const plugin of this.#known.values()) plugin.forget();
  }
}
