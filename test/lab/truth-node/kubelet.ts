import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ControlPlane } from '../control-plane.ts';
import { hasCondition } from '../kubernetes-objects.ts';
import type { Node } from '../kubernetes-objects.ts';
import type { NodeOptions } from '../lab-contract.ts';
import type { PodNetwork } from './network.ts';
import type { Places } from './places.ts';
import { usualVersions } from '../versions.ts';
import type { LabVersions } from '../versions.ts';

/** The API server calls the kubelet by its node's name first, so the name must lead to this machine. */
export const truthNodeName = 'localhost';

/** The parts that the kubelet needs besides the lab. */
export interface KubeletOptions extends Pick<NodeOptions, 'supervisor' | 'ports' | 'versions' | 'programs'> {
  readonly controlPlane: Pick<ControlPlane, 'apiAs' | 'kubeconfigOf'>;
  readonly places: Places;
  readonly network: PodNetwork;
}

/**
 * Starts a kubelet on our containerd and waits until its node is Ready.
 * @throws Error with the end of its log when the node is not Ready within 60 s
 */
export async function startKubelet(options: KubeletOptions): Promise<void> {
  const { places, network, supervisor, versions, programs, controlPlane } = options;
  mkdirSync(places.kubeletRoot, { recursive: true });
  const configuration = join(places.folder, 'kubelet.yaml');
  const document = { ...configurationOf(places, await options.ports.take()), ...fieldsOfNewerKubelets(versions) };
  writeFileSync(configuration, stringify(document));
  await supervisor.start({
    name: 'kubelet',
    command: programs.path('kubelet'),
    args: [
      `--config=${configuration}`,
      `--kubeconfig=${controlPlane.kubeconfigOf('admin')}`,
      `--root-dir=${places.kubeletRoot}`,
      `--cert-dir=${join(places.kubeletRoot, 'pki')}`,
      `--hostname-override=${truthNodeName}`,
      // Loopback is refused, and the machine's address would need a default route, which a laptop may not have.
      `--node-ip=${network.hostAddress}`,
    ],
  });
  const api = controlPlane.apiAs('admin');
  await supervisor
    .waitFor('kubelet', { what: 'the kubelet to make its node Ready', deadlineMs: 60_000 }, async () => {
      const node = await api.find<Node>(`/api/v1/nodes/${truthNodeName}`);
      return node !== undefined && hasCondition(node, 'Ready');
    })
    .finally(() => api.close());
}

/** A field that a kubelet of the usual version would refuse as unknown. */
function fieldsOfNewerKubelets({ kubernetes }: LabVersions): object {
  // Kubelet 1.37 does not start on control groups of version 1, which this machine may have, unless it is told to.
  return kubernetes === usualVersions.kubernetes ? {} : { failCgroupV1: false };
}

function configurationOf(places: Places, port: number): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: '127.0.0.1',
    port,
    healthzPort: 0,
    // Anybody who reaches loopback may exec into the lab's containers; there is nothing else to protect.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${places.socket}`,
    cgroupDriver: 'cgroupfs',
    // No control groups per quality of service and no reservations: nothing of the machine is rearranged.
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    oomScoreAdj: 0,
    makeIPTablesUtilChains: false,
    resolvConf: '',
    podLogsDir: places.podLogs,
    volumePluginDir: join(places.kubeletRoot, 'volume-plugins'),
    maxPods: 200,
    // A full disk or little memory on the developer's machine must not throw servers out, nor images.
    imageGCHighThresholdPercent: 100,
    evictionHard: {
      'memory.available': '50Mi',
      'nodefs.available': '1%',
      'nodefs.inodesFree': '1%',
      'imagefs.available': '1%',
    },
    serializeImagePulls: false,
    // The defaults (50 and 100 requests per second) make the kubelet late when many servers change at once.
    kubeAPIQPS: 200,
    kubeAPIBurst: 400,
  };
}
