import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs of the machine that the truth lab calls. */
const commands = ['apt-get', 'dpkg', 'tar', 'ip', 'mount', 'umount'];

/** The capabilities that containerd and the kubelet cannot do without, by capability number. */
const capabilities = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 };

/**
 * Why a real kubelet with real containers cannot run on this machine, in one sentence that completes "the truth lab
 * cannot run here: ...", or undefined when nothing speaks against it. Takes a few milliseconds and changes nothing.
 */
export function truthLabObstacle(): string | undefined {
  if (process.platform !== 'linux') return `it needs Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0)
    return 'it needs root, for containers, mounts and a network device; try again with sudo -E';
  return lackingCapability() ?? missingCommand() ?? unusableKernelInterface() ?? unusableControlGroups();
}

function lackingCapability(): string | undefined {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  for (const [name, number] of Object.entries(capabilities)) {
    if (((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 0n) {
      return `root lacks ${name} here; inside a container, start it with --privileged`;
    }
  }
  return undefined;
}

function missingCommand(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const missing = commands.find((command) => !folders.some((folder) => existsSync(join(folder, command))));
  if (missing === undefined) return undefined;
  return `there is no ${missing} on the PATH; it needs Debian or Ubuntu with the packages apt, tar, iproute2 and mount`;
}

/** The kubelet reads the kernel's log and sets kernel tunables (the lab puts them back), or it does not start. */
function unusableKernelInterface(): string | undefined {
  if (!existsSync('/dev/kmsg')) return 'there is no /dev/kmsg, which the kubelet reads';
  try {
    accessSync('/proc/sys/vm/overcommit_memory', constants.W_OK);
    return undefined;
  } catch {
    return '/proc/sys is read-only, and the kubelet writes to it; inside a container, start it with --privileged';
  }
}

function unusableControlGroups(): string | undefined {
  const [hierarchy] = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'].filter((folder) =>
    existsSync(join(folder, 'cgroup.procs')),
  );
  if (hierarchy === undefined) return 'there are no control groups below /sys/fs/cgroup';
  const trial = join(hierarchy, `hotwave-trial-${process.pid}`);
  try {
    mkdirSync(trial);
    rmdirSync(trial);
    return undefined;
  } catch (error) {
    return `no control group can be made below ${hierarchy} (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`;
  }
}
