import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetch } from 'undici';
import type { Api } from './api.ts';
import type { ControllerRates, ControlPlane, Workshop } from './lab-contract.ts';

/** The arguments of the two controllers. */
export interface GameControllerOptions extends Workshop {
  readonly api: Api;
  readonly controlPlane: ControlPlane;
  readonly rates?: ControllerRates;
  readonly podBudgets?: boolean;
}

/** Resolves when the controller is ready for work. */
export type Ready = () => Promise<void>;

const admission = '/apis/admissionregistration.k8s.io/v1';

/** Starts the OpenKruise manager (Advanced StatefulSet) with its webhooks for that one resource, and for budgets if wanted. */
export async function startKruise(options: GameControllerOptions): Promise<Ready> {
  const { directory, supervisor, ports, programs, controlPlane, api } = options;
  const rate = options.rates?.kruise ?? 1000;
  const [webhookPort, metricsPort, healthPort] = [await ports.take(), await ports.take(), await ports.take()];
  await api.create('/api/v1/namespaces', { metadata: { name: 'kruise-system' } });
  await createKruiseWebhooks(api, options.podBudgets === true);
  mkdirSync(join(directory, 'kruise'));
  await supervisor.start({
    name: 'kruise',
    command: programs.path('kruise'),
    args: [
      `--kubeconfig=${controlPlane.kubeconfigOf('admin')}`,
      '--enable-leader-election=false',
      '--enable-pprof=false',
      `--protection-log-path=${join(directory, 'kruise')}`,
      `--metrics-addr=127.0.0.1:${metricsPort}`,
      `--health-probe-addr=127.0.0.1:${healthPort}`,
      `--rest-config-qps=${rate}`,
      `--rest-config-burst=${rate * 2}`,
      '--statefulset-workers=10',
      ...(options.podBudgets === true ? ['--feature-gates=PodUnavailableBudgetUpdateGate=true'] : []),
    ],
    environment: {
      // Makes it serve its webhooks by URL, with a certificate it makes itself, instead of by a Service.
      WEBHOOK_HOST: '127.0.0.1',
      WEBHOOK_PORT: String(webhookPort),
      WEBHOOK_CERT_DIR: join(directory, 'kruise', 'certificates'),
      POD_NAMESPACE: 'kruise-system',
    },
  });
  return () => waitReady(options, 'kruise', healthPort);
}

/** Starts the OpenKruiseGame manager with its webhook for the pods of game servers. */
export async function startKruiseGame(options: GameControllerOptions): Promise<Ready> {
  const { directory, supervisor, ports, programs, controlPlane, api } = options;
  const rate = options.rates?.kruiseGame ?? 500;
  const [webhookPort, metricsPort, healthPort, scalerPort] = await Promise.all(
    Array.from({ length: 4 }, () => ports.take()),
  );
  const folder = join(directory, 'kruise-game');
  mkdirSync(folder);
  copyFileSync(controlPlane.servingCertificate.certificateFile, join(folder, 'tls.crt'));
  copyFileSync(controlPlane.servingCertificate.keyFile, join(folder, 'tls.key'));
  const providers = join(folder, 'providers.toml');
  writeFileSync(providers, '[kubernetes]\nenable = true\n[kubernetes.hostPort]\nmax_port = 9000\nmin_port = 8000\n');
  await supervisor.start({
    name: 'kruise-game',
    command: programs.path('kruise-game'),
    args: [
      `--kubeconfig=${controlPlane.kubeconfigOf('admin')}`,
      `--provider-config=${providers}`,
      '--enable-cert-generation=false',
      `--webhook-server-certs-dir=${folder}`,
      `--webhook-port=${webhookPort}`,
      `--metrics-bind-address=127.0.0.1:${metricsPort}`,
      `--health-probe-bind-address=127.0.0.1:${healthPort}`,
      `--scale-server-bind-address=127.0.0.1:${scalerPort}`,
      `--api-server-qps=${rate}`,
      `--api-server-qps-burst=${rate * 2}`,
    ],
  });
  await createPodWebhook(api, webhookPort!, readFileSync(controlPlane.servingCertificate.certificateFile));
  return () => waitReady(options, 'kruise-game', healthPort!);
}

async function waitReady({ supervisor }: GameControllerOptions, name: string, healthPort: number): Promise<void> {
  await supervisor.waitFor(name, { what: `${name} to be ready`, deadlineMs: 90_000 }, async () => {
    const response = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
    await response.text();
    return response.ok;
  });
}

/**
 * OpenKruise exits when these two configurations are missing, and rewrites them to its URL and certificate. They are
 * trimmed to the StatefulSet: without the defaults that the first one writes, the controller panics; with the one for
 * pods, every pod would get a readiness gate that only a kruise-daemon on its node opens.
 */
async function createKruiseWebhooks(api: Api, podBudgets: boolean): Promise<void> {
  const sets = {
    apiGroups: ['apps.kruise.io'],
    apiVersions: ['v1alpha1', 'v1beta1'],
    resources: ['statefulsets'],
    operations: ['CREATE', 'UPDATE'],
  };
  const pods = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['UPDATE'] };
  const webhook = (name: string, path: string, rule: object): object => ({
    name,
    admissionReviewVersions: ['v1', 'v1beta1'],
    clientConfig: { service: { name: 'kruise-webhook-service', namespace: 'kruise-system', path } },
    failurePolicy: 'Fail',
    sideEffects: 'None',
    rules: [rule],
  });
  const configurations = {
    mutating: [webhook('mstatefulset.kb.io', '/mutate-apps-kruise-io-statefulset', sets)],
    validating: [
      webhook('vstatefulset.kb.io', '/validate-apps-kruise-io-statefulset', sets),
      ...(podBudgets ? [webhook('vpod.kb.io', '/validate-pod', pods)] : []),
    ],
  };
  for (const [kind, webhooks] of Object.entries(configurations)) {
    const metadata = { name: `kruise-${kind}-webhook-configuration` };
    await api.create(`${admission}/${kind}webhookconfigurations`, { metadata, webhooks });
  }
}

async function createPodWebhook(api: Api, port: number, certificateAuthority: Buffer): Promise<void> {
  await api.create(`${admission}/mutatingwebhookconfigurations`, {
    metadata: { name: 'kruise-game-mutating-webhook' },
    webhooks: [
      {
        name: 'mgameserverset.kb.io',
        admissionReviewVersions: ['v1', 'v1beta1'],
        clientConfig: {
          url: `https://127.0.0.1:${port}/mutate-v1-pod`,
          caBundle: certificateAuthority.toString('base64'),
        },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        objectSelector: { matchExpressions: [{ key: 'game.kruise.io/owner-gss', operator: 'Exists' }] },
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE', 'UPDATE', 'DELETE'] },
        ],
      },
    ],
  });
}
