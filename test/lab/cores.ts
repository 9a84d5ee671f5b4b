import { readFileSync } from 'node:fs';
import { execa } from 'execa';

/** Which core carries what. On a real site the control plane and hotwave are on different machines. */
export interface Cores {
  /** etcd, the API server, the controllers and the simulated nodes with their engines. */
  readonly controlPlane: number;
  /** Temporal, and whatever uses the lab. */
  readonly others: number;
}

/** Why nothing can be pinned, as the end of a sentence. */
export interface NotPinned {
  readonly reason: string;
}

/** The two cores of this machine to pin to, or why that cannot be. */
export async function findCores(): Promise<Cores | NotPinned> {
  const { failed } = await execa('taskset', ['--version'], { reject: false });
  if (failed) return { reason: 'taskset of util-linux is not on the PATH' };
  return coresIn(readFileSync('/proc/self/status', 'utf8'));
}

/** The same, from the text of /proc/PID/status: the first two cores that the process may use. */
export function coresIn(status: string): Cores | NotPinned {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
  const [controlPlane, others] = list.split(',').flatMap((part) => {
    const [first = NaN, last = first] = part.split('-').map(Number);
    return Number.isNaN(first) ? [] : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  if (controlPlane === undefined || others === undefined) return { reason: 'there is one core only' };
  return { controlPlane, others };
}

/** The core of a program of a lab. */
export function coreOf({ controlPlane, others }: Cores, program: string): number {
  return program === 'temporal' ? others : controlPlane;
}

/** The command that runs a program on one core. It becomes that program, so its process id stays the same. */
export function commandOn(core: number, command: string, args: readonly string[]): [string, string[]] {
  return ['taskset', ['--cpu-list', String(core), command, ...args]];
}

/** Keeps this process, and what it starts from now on, on one core. */
export async function pinThisProcess(core: number): Promise<void> {
  await execa('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(process.pid)]);
}
