import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { identityOf, signalProcess } from '../process-identity.ts';
import { until } from '../until.ts';
import { restoreTunables } from './kernel-tunables.ts';
import { placesOf } from './places.ts';
import type { Places } from './places.ts';

/** The kubelet's containers are in this containerd namespace, which also names their control groups. */
const containerdNamespace = 'k8s.io';

/**
 * Ends and removes everything that the truth node of a lab has on the machine: kubelet, containerd, shims, containers,
 * mounts, network namespaces and devices, control groups, files outside the lab's folder. It needs nothing but the
 * folder's name and nothing needs to be alive, so it serves a regular stop and the cleaning up after a killed run.
 * @param directory the lab's state folder; the folder itself stays
 * @throws Error naming what would not go away
 */
export async function clearTruthLeftovers(directory: string): Promise<void> {
  const places = placesOf(directory);
  // First those who would start things again, then what they started.
  await endAll('the kubelet', () => processesNaming(places.folder, 'kubelet'));
  await endAll('containerd', () => processesNaming(places.folder, 'containerd'));
  const containers = containersIn(places);
  const groups = containers.flatMap(controlGroupsOf);
  await endAll('the containers', () => groups.flatMap(processesIn));
  const shimSockets = socketsOfShims(places);
  await endAll('the containerd shims', () => processesNaming(places.folder));
  await unmountBelow(places.folder);
  for (const group of groups) await removeControlGroup(group);
  await deleteBridge(places);
  for (const file of [...shimSockets, ...logLinks(places), ...networkResults(containers)])
    rmSync(file, { force: true });
  removeCommonFolders();
  restoreTunables(places);
}

async function endAll(what: string, pids: () => number[]): Promise<void> {
  await until({ what: `${what} of the truth lab to end`, deadlineMs: 10_000, everyMs: 20 }, () => {
    const living = pids().flatMap((pid) => identityOf(pid) ?? []);
    for (const process of living) signalProcess(process, 'SIGKILL');
    return living.length === 0;
  });
}

/** The processes whose command line names a file below the folder, of one program or of any. */
function processesNaming(folder: string, program = ''): number[] {
  return numbersIn('/proc').filter((pid) => {
    const [command = '', ...args] = readIfThere(`/proc/${pid}/cmdline`).split('\0');
    return pid !== process.pid && command.endsWith(program) && args.some((argument) => argument.includes(`${folder}/`));
  });
}

/** The ids of all containers and sandboxes, from what containerd and runc keep about each. */
function containersIn(places: Places): string[] {
  return [...new Set([...namesIn(tasksFolder(places)), ...namesIn(join(places.runcRoot, containerdNamespace))])];
}

/** Every control group of a container in every hierarchy, the inner ones first. */
function controlGroupsOf(container: string): string[] {
  const hierarchies = mountPoints().filter(({ type }) => type === 'cgroup' || type === 'cgroup2');
  return hierarchies.flatMap(({ path }) => foldersFromInside(join(path, containerdNamespace, container)));
}

function foldersFromInside(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const inner = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...inner.flatMap(({ name }) => foldersFromInside(join(folder, name))), folder];
}

/** The processes in a control group: all that a container has started, for they cannot leave it. */
function processesIn(group: string): number[] {
  return readIfThere(join(group, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
}

/** A shim's socket has a hash for its name, in a folder that all containerd instances of the machine share. */
function socketsOfShims(places: Places): string[] {
  const folder = tasksFolder(places);
  const addresses = namesIn(folder).map((task) => readIfThere(join(folder, task, 'address')));
  return addresses.filter((address) => address.startsWith('unix://')).map((address) => address.slice('unix://'.length));
}

function tasksFolder(places: Places): string {
  return join(places.containerdState, 'io.containerd.runtime.v2.task', containerdNamespace);
}

/** The links to our log files in a folder that a kubelet cannot be told to leave alone. */
function logLinks(places: Places): string[] {
  const folder = '/var/log/containers';
  const links = namesIn(folder).map((name) => join(folder, name));
  return links.filter(
    (link) => lstatSync(link).isSymbolicLink() && readlinkSync(link).startsWith(`${places.podLogs}/`),
  );
}

/** The CNI library's memory of the networks of every sandbox. */
function networkResults(containers: readonly string[]): string[] {
  const folder = '/var/lib/cni/results';
  const files = namesIn(folder).filter((name) => containers.some((container) => name.includes(`-${container}-`)));
  return files.map((name) => join(folder, name));
}

/** Removes the folders outside of ours that containerd and kubelet make at fixed places, when nobody uses them. */
function removeCommonFolders(): void {
  const devicePlugins = '/var/lib/kubelet/device-plugins';
  const socket = join(devicePlugins, 'kubelet.sock');
  if (!readIfThere('/proc/net/unix').includes(socket)) rmSync(socket, { force: true });
  const hierarchies = mountPoints().filter(({ type }) => type === 'cgroup' || type === 'cgroup2');
  const folders = [
    ...hierarchies.map(({ path }) => join(path, containerdNamespace)),
    ...[devicePlugins, '/var/lib/kubelet', '/var/log/containers', '/var/lib/cni/results', '/var/lib/cni'],
    ...['/run/containerd/s', '/run/containerd'],
  ];
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      // Missing, or not empty because somebody else's containers or kubelet are there.
    }
  }
}

async function unmountBelow(folder: string): Promise<void> {
  const left = (): string[] => mountPoints().flatMap(({ path }) => (path.startsWith(`${folder}/`) ? [path] : []));
  const detail = (): string => left().join('\n');
  await until({ what: `the mounts below ${folder} to go`, deadlineMs: 10_000, detail }, async () => {
    // In the order of /proc/mounts what was mounted last comes last, and has to go first.
    for (const path of left().reverse()) await execa('umount', [path]);
    return true;
  });
}

/** For some milliseconds after its last process was killed the kernel still calls a control group busy. */
async function removeControlGroup(group: string): Promise<void> {
  await until({ what: `the control group ${group} to go`, deadlineMs: 10_000, everyMs: 20 }, () => {
    if (existsSync(group)) rmdirSync(group);
    return true;
  });
}

/** Deletes the bridge. The devices between it and the pods went away with the pods' network namespaces. */
async function deleteBridge(places: Places): Promise<void> {
  if (!existsSync(join('/sys/class/net', places.bridge))) return;
  await execa('ip', ['link', 'delete', places.bridge]);
}

function mountPoints(): { path: string; type: string }[] {
  const lines = readFileSync('/proc/mounts', 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => {
    const [, path = '', type = ''] = line.split(' ');
    // Spaces and the like are written as octal numbers.
    return { path: path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))), type };
  });
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder).map(Number).filter(Number.isInteger);
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
