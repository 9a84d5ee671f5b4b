import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Everything of a truth node that has a name on the machine; all of it follows from the lab's folder alone. */
export interface Places {
  /** Everything the node writes is below this folder. */
  readonly folder: string;
  readonly containerdRoot: string;
  /** containerd's volatile state: sandboxes, mounted root folders, network namespaces. */
  readonly containerdState: string;
  readonly socket: string;
  readonly runcRoot: string;
  readonly networkFolder: string;
  readonly kubeletRoot: string;
  readonly podLogs: string;
  /** The name of the CNI network. */
  readonly network: string;
  /** The network device that connects the pods with the machine; at most 15 characters. */
  readonly bridge: string;
}

/** Unix sockets take 107 characters; containerd appends `.ttrpc` to its socket's name. */
const longestSocketPath = 100;

/**
 * The places of the truth node of a lab. They are a function of the lab's folder so that the rest of a killed
 * run can be found when nothing of it is alive.
 * @param directory the lab's state folder
 * @throws Error when the folder's path is too long for a socket below it
 */
export function placesOf(directory: string): Places {
  const folder = join(directory, 'truth');
  const id = createHash('sha256').update(directory).digest('hex').slice(0, 8);
  const socket = join(folder, 'containerd.sock');
  if (socket.length > longestSocketPath) {
    throw new Error(
      `the lab's folder ${directory} has too long a path: ${socket} must not exceed ${longestSocketPath} characters`,
    );
  }
  return {
    folder,
    socket,
    containerdRoot: join(folder, 'containerd'),
    containerdState: join(folder, 'run'),
    runcRoot: join(folder, 'runc'),
    networkFolder: join(folder, 'network'),
    kubeletRoot: join(folder, 'kubelet'),
    podLogs: join(folder, 'pod-logs'),
    network: `hotwave-${id}`,
    bridge: `hotwave${id}`,
  };
}
