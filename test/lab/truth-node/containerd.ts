import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { pauseImage } from '../images/provide-images.ts';
import type { Supervisor } from '../process.ts';
import { until } from '../until.ts';
import type { PodNetwork } from './network.ts';
import type { Places } from './places.ts';

/** The parts that a containerd instance needs. */
export interface ContainerdOptions {
  readonly places: Places;
  readonly supervisor: Supervisor;
  readonly network: PodNetwork;
  /** The folder of the unpacked Debian packages. */
  readonly packages: string;
}

/** A running containerd. */
export interface Containerd {
  /**
   * Imports an archive of images and waits until the kubelet's side of containerd offers them.
   * @throws Error when it does not within 20 s
   */
  importImages(archive: string): Promise<void>;
}

/**
 * Starts a containerd of our own: its folders, socket, shims and runc state are below the lab's folder, a containerd
 * of the machine is not touched.
 * @throws Error with the end of its log when it does not answer within 20 s
 */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  const { places, supervisor, packages } = options;
  const snapshotter = await usableSnapshotter(places);
  const configuration = join(places.folder, 'containerd.toml');
  writeFileSync(configuration, toToml(configurationOf(options, snapshotter)));
  await supervisor.start({
    name: 'containerd',
    command: join(packages, 'usr/bin/containerd'),
    args: ['--config', configuration],
    // It looks for its shim here.
    environment: { PATH: [join(packages, 'usr/bin'), process.env['PATH']].join(':') },
  });
  const ctr = async (...args: string[]): Promise<string> => {
    const place = ['--address', places.socket, '--namespace', 'k8s.io'];
    return (await execa(join(packages, 'usr/bin/ctr'), [...place, ...args])).stdout;
  };
  await supervisor.waitFor('containerd', { what: 'containerd to answer', deadlineMs: 20_000 }, async () => {
    await ctr('plugins', 'list');
    return true;
  });
  return {
    async importImages(archive) {
      await ctr('images', 'import', '--snapshotter', snapshotter, archive);
      await until({ what: 'containerd to offer the images to the kubelet', deadlineMs: 20_000 }, async () => {
        const managed = await ctr('images', 'list', '--quiet', 'labels."io.cri-containerd.image"==managed');
        return managed === (await ctr('images', 'list', '--quiet'));
      });
    },
  };
}

type Toml = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** One entry per table; `plugins` tables are keyed by the quoted plugin name. */
function configurationOf({ places, network, packages }: ContainerdOptions, snapshotter: string): Record<string, Toml> {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return {
    '': {
      version: 2,
      root: places.containerdRoot,
      state: places.containerdState,
      disabled_plugins: ['aufs', 'btrfs', 'devmapper', 'zfs'].map((name) => `io.containerd.snapshotter.v1.${name}`),
    },
    grpc: { address: places.socket },
    debug: { level: 'warn' },
    'plugins."io.containerd.internal.v1.opt"': { path: join(places.folder, 'opt') },
    'plugins."io.containerd.nri.v1.nri"': { disable: true },
    [cri]: {
      sandbox_image: pauseImage,
      // Where root lacks CAP_SYS_RESOURCE (in many virtual machines and containers) no sandbox starts without it.
      restrict_oom_score_adj: true,
      disable_apparmor: true,
      netns_mounts_under_state_dir: true,
    },
    [`${cri}.cni`]: { bin_dir: join(packages, 'usr/lib/cni'), conf_dir: network.configurationFolder },
    [`${cri}.registry`]: { config_path: registryFolder(places) },
    [`${cri}.containerd`]: { snapshotter, default_runtime_name: 'runc' },
    [`${cri}.containerd.runtimes.runc`]: { runtime_type: 'io.containerd.runc.v2' },
    [`${cri}.containerd.runtimes.runc.options`]: {
      BinaryName: join(packages, 'usr/sbin/runc'),
      Root: places.runcRoot,
      SystemdCgroup: false,
    },
  };
}

/**
 * Says that the registry of the lab's images is a port where nobody listens. So an image that was not imported fails
 * to be pulled at once and in the same way everywhere, instead of after somebody's name server has been asked.
 */
function registryFolder({ folder }: Places): string {
  const registries = join(folder, 'registries');
  const [registry = ''] = pauseImage.split('/');
  mkdirSync(join(registries, registry), { recursive: true });
  const nobody = 'http://127.0.0.1:1';
  const hosts = `server = "${nobody}"\n[host."${nobody}"]\ncapabilities = ["pull", "resolve"]\n`;
  writeFileSync(join(registries, registry, 'hosts.toml'), hosts);
  return registries;
}

function toToml(tables: Record<string, Toml>): string {
  return Object.entries(tables)
    .map(([name, table]) => {
      // JSON's strings, numbers, booleans and lists are also TOML's.
      const lines = Object.entries(table).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
      return (name === '' ? lines : [`[${name}]`, ...lines]).join('\n');
    })
    .join('\n');
}

/** overlayfs, or plain copies where it cannot be mounted (on top of another overlayfs, for one). */
async function usableSnapshotter({ folder }: Places): Promise<'overlayfs' | 'native'> {
  const trial = join(folder, 'overlay-trial');
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(trial, name));
  for (const part of [lower, upper, work, merged]) mkdirSync(part!, { recursive: true });
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const mount = await execa('mount', ['-t', 'overlay', 'overlay', '-o', options, merged!], { reject: false });
  if (mount.failed) return 'native';
  await execa('umount', [merged!]);
  return 'overlayfs';
}
