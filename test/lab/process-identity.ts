import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** One process for all time: a pid alone is re-used by the kernel, a pid with its start time is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/PID/stat; where there is no /proc, the time as `ps` writes it. */
  readonly startTime: string;
}

/** The identity of a living process, or undefined when there is none (a zombie counts as gone). */
export function identityOf(pid: number): ProcessIdentity | undefined {
  if (!hasProc) return identityByPs(pid);
  const stat = readProc(pid, 'stat');
  // The second field is the command name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (startTime === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTime };
}

/** Only Linux has it; there is no real lab elsewhere, but the demo in memory has processes, too. */
const hasProc = existsSync('/proc/self/stat');

/** The identity as `ps` of POSIX and of macOS tells it: the state, then the start in the words of the C locale. */
export function identityByPs(pid: number): ProcessIdentity | undefined {
  const env = { ...process.env, LC_ALL: 'C' };
  const { stdout } = spawnSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8', env });
  const [, state, startTime] = /^\s*(\S+)\s+(\S.*\S)\s*$/m.exec(stdout) ?? [];
  if (startTime === undefined || state?.startsWith('Z') === true) return undefined;
  return { pid, startTime };
}

/** Whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTime === identity.startTime;
}

/** Sends a signal to the process (or to its group), if it is still the one that was meant. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals, group = false): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(group ? -identity.pid : identity.pid, signal);
  } catch (error) {
    // It ended between the check and the signal: what the caller wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Every process that has `NAME=value` in the environment it was started with. Children inherit it, so this also
 * finds what a daemon excluded (a container runtime's shims) and what was never recorded.
 */
export function processesWithEnvironment(name: string, value: string): ProcessIdentity[] {
  // Without /proc nobody tells the environment of a process: only those are ended that were recorded.
  if (!hasProc) return [];
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    if (!readProc(pid, 'environ').split('\0').includes(`${name}=${value}`)) continue;
    const identity = identityOf(pid);
    if (identity) found.push(identity);
  }
  return found;
}

/** The text of a /proc file of a process, empty when the process is gone or not ours to read. */
function readProc(pid: number, file: 'stat' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
