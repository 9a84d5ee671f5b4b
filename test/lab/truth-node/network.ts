import { mkdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Places } from './places.ts';

/** The network between the machine and the pods of one truth node. */
export interface PodNetwork {
  /** The machine's own address on it: where a kubelet that must not use loopback can say it is. */
  readonly hostAddress: string;
  /** The folder for containerd's `conf_dir`. */
  readonly configurationFolder: string;
}

/**
 * Makes a bridge with an address of its own and the CNI configuration that puts pods on it. The machine reaches every
 * pod directly. There is no way out of it and no packet filter rule or forwarding is needed or changed, which is why
 * the bridge is made here and the CNI plugin is not asked to be a gateway.
 */
export async function createPodNetwork(places: Places): Promise<PodNetwork> {
  const prefix = freePrefix();
  const hostAddress = `${prefix}.1`;
  await execa('ip', ['link', 'add', places.bridge, 'type', 'bridge']);
  await execa('ip', ['address', 'add', `${hostAddress}/24`, 'dev', places.bridge]);
  await execa('ip', ['link', 'set', places.bridge, 'up']);
  const configurationFolder = join(places.networkFolder, 'conf');
  mkdirSync(configurationFolder, { recursive: true });
  const bridge = {
    type: 'bridge',
    bridge: places.bridge,
    isGateway: false,
    ipMasq: false,
    ipam: {
      type: 'host-local',
      dataDir: join(places.networkFolder, 'addresses'),
      ranges: [[{ subnet: `${prefix}.0/24`, gateway: hostAddress }]],
    },
  };
  writeFileSync(
    join(configurationFolder, 'pods.conflist'),
    JSON.stringify({ cniVersion: '0.4.0', name: places.network, plugins: [bridge] }),
  );
  return { hostAddress, configurationFolder };
}

/** A /24 of 198.18.0.0/15, which is set aside for tests of networks and so never somebody's real network. */
function freePrefix(): string {
  const taken = Object.values(networkInterfaces()).flatMap(
    (addresses) => addresses?.map(({ address }) => address) ?? [],
  );
  const first = Math.floor(Math.random() * 512);
  for (let attempt = 0; attempt < 512; attempt += 1) {
    const number = (first + attempt) % 512;
    const prefix = `198.${18 + (number >> 8)}.${number & 255}`;
    if (!taken.some((address) => address.startsWith(`${prefix}.`))) return prefix;
  }
  throw new Error('no free network below 198.18.0.0/15 for the pods of the truth lab');
}
