import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Api } from './api.ts';
import { auditLogFile, writeAuditPolicy } from './audit-log.ts';
import { kubeconfigFile, labUsers, writeKubeconfig, writeServiceAccountKeys, writeTokens } from './credentials.ts';
import { startKruise, startKruiseGame } from './game-controllers.ts';
import { applyPermissions, hotwaveToken } from './permissions.ts';
import type { ControllerRates, ControlPlane, LabUser, Workshop } from './lab-contract.ts';

import type { Programs } from './programs.ts';
import { until } from './until.ts';

export type { ControlPlane } from './lab-contract.ts';

/** Where a control plane runs, and how fast its controllers are. */
export interface ControlPlaneOptions extends Workshop {
  readonly rates?: ControllerRates;
  /** PodUnavailableBudgets count for in-place updates, too. */
  readonly podBudgets?: boolean;
}

/**
 * Starts etcd, the API server (RBAC, one token per lab user, an audit log of hotwave's requests), the garbage collector, OpenKruise and OpenKruiseGame
 * with their resource definitions and webhooks. Real nodes may join with the admin's kubeconfig.
 * @throws Error with the end of the log of the program that did not get ready
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { directory, supervisor, programs } = options;
  const etcdUrl = await startEtcd(options);
  const port = await options.ports.take();
  const tokens = writeTokens(join(directory, 'tokens.csv'));
  const readiness = new Map<string, () => Promise<void>>();
  await startApiServer(options, etcdUrl, port);

  const certificateFile = join(directory, 'apiserver', 'apiserver.crt');
  const server = `https://127.0.0.1:${port}`;
  const certificateAuthority = await supervisor.waitFor(
    'kube-apiserver',
    { what: 'the API server to write its certificate', deadlineMs: 60_000 },
    () => Promise.resolve(existsSync(certificateFile) && readFileSync(certificateFile, 'utf8')),
  );
  const apiWith = (token: string): Api => new Api({ server, token, certificateAuthority });
  const api = apiWith(tokens.admin);
  const apiReady = async (): Promise<void> => {
    // A client of its own: the one above is closed by the time that a program is started again.
    const asker = apiWith(tokens.admin);
    const wait = { what: 'the API server to be ready', deadlineMs: 60_000 };
    await supervisor.waitFor('kube-apiserver', wait, () => asker.text('/readyz'));
    await asker.close();
  };
  readiness.set('kube-apiserver', apiReady);
  await apiReady();
  await Promise.all([applyPermissions(api), createResourceDefinitions(api, programs)]);
  const tokenOf: Readonly<Record<LabUser, string>> = { ...tokens, hotwave: await hotwaveToken(api) };
  for (const user of labUsers) {
    writeKubeconfig(kubeconfigFile(directory, user), user, { server, token: tokenOf[user], certificateAuthority });
  }
  const controlPlane: ControlPlane = {
    server,
    certificateAuthority,
    servingCertificate: { certificateFile, keyFile: join(directory, 'apiserver', 'apiserver.key') },
    apiAs: (user) => apiWith(tokenOf[user]),
    kubeconfigOf: (user) => kubeconfigFile(directory, user),
    waitReady: async (program) => readiness.get(program)?.(),
  };
  // Not before the definitions are there: the garbage collector looks for new kinds only every 30 s, and until it
  // knows them nothing that a set owns is deleted with it.
  await startControllerManager(options, controlPlane);
  const gameOptions = { ...options, api, controlPlane };
  const [kruiseReady, kruiseGameReady] = await Promise.all([startKruise(gameOptions), startKruiseGame(gameOptions)]);
  readiness.set('kruise', kruiseReady);
  readiness.set('kruise-game', kruiseGameReady);
  await Promise.all([kruiseReady(), kruiseGameReady()]);
  await api.close();
  return controlPlane;
}

async function startEtcd({ directory, supervisor, ports, programs }: ControlPlaneOptions): Promise<string> {
  const client = `http://127.0.0.1:${await ports.take()}`;
  const peer = `http://127.0.0.1:${await ports.take()}`;
  await supervisor.start({
    name: 'etcd',
    command: programs.path('etcd'),
    args: [
      `--data-dir=${join(directory, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      // The data is thrown away with the lab: waiting for the disk buys nothing.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
  });
  return client;
}

async function startApiServer(options: ControlPlaneOptions, etcdUrl: string, port: number): Promise<void> {
  const { directory, supervisor, programs } = options;
  const [privateKey, publicKey] = [join(directory, 'service-account.key'), join(directory, 'service-account.pub')];
  writeServiceAccountKeys(privateKey, publicKey);
  await supervisor.start({
    name: 'kube-apiserver',
    command: programs.path('kube-apiserver'),
    args: [
      `--etcd-servers=${etcdUrl}`,
      `--cert-dir=${join(directory, 'apiserver')}`,
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      // A loopback address cannot be an endpoint of the `kubernetes` service, and nobody here needs that service.
      '--endpoint-reconciler-type=none',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${publicKey}`,
      `--service-account-signing-key-file=${privateKey}`,
      `--token-auth-file=${join(directory, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      // No controller makes service accounts here, and with this plugin pods without one are refused.
      '--disable-admission-plugins=ServiceAccount',
      '--service-cluster-ip-range=10.96.0.0/16',
      `--audit-policy-file=${writeAuditPolicy(directory)}`,
      `--audit-log-path=${auditLogFile(directory)}`,
      '--allow-privileged',
    ],
  });
}

async function startControllerManager(options: ControlPlaneOptions, controlPlane: ControlPlane): Promise<void> {
  await options.supervisor.start({
    name: 'kube-controller-manager',
    command: options.programs.path('kube-controller-manager'),
    args: [
      `--kubeconfig=${controlPlane.kubeconfigOf('admin')}`,
      // Deletion with owners is all that the game controllers need; node lifecycle would evict from fake nodes.
      '--controllers=garbagecollector,namespace',
      '--leader-elect=false',
      '--secure-port=0',
    ],
  });
}

/** Creates the custom resource definitions and waits until their resources are served. */
async function createResourceDefinitions(api: Api, programs: Programs): Promise<void> {
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await Promise.all(programs.resourceDefinitions.map((file) => api.create(definitions, readFileSync(file, 'utf8'))));
  await until({ what: 'the custom resource definitions to be established', deadlineMs: 60_000 }, async () => {
    const { items } = await api.list<{ status?: { conditions?: { type: string; status: string }[] } }>(definitions);
    return items.every(({ status }) =>
      status?.conditions?.some((it) => it.type === 'Established' && it.status === 'True'),
    );
  });
}
