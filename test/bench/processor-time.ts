import { readFileSync } from 'node:fs';
import { recordedDaemons } from '../lab/process.ts';

/** Seconds of processor time by program. */
export type ProcessorTime = Readonly<Record<string, number>>;

/** The kernel's unit in /proc/PID/stat on every Linux that Node.js supports. */
const TICKS_PER_SECOND = 100;

/**
 * The processor time of the programs of a lab so far, the commands they ran included. Unlike seconds on the clock it
 * hardly depends on what else runs on the machine.
 * @param more other processes by name
 */
export function processorTime(labDirectory: string, more: Readonly<Record<string, number>> = {}): ProcessorTime {
  const programs = recordedDaemons(labDirectory).map(({ name, pid }) => [name, pid] as const);
  return Object.fromEntries([...programs, ...Object.entries(more)].map(([name, pid]) => [name, secondsOf(pid)]));
}

/** The use between two readings; a program that used nothing is left out. */
export function processorTimeBetween(before: ProcessorTime, after: ProcessorTime): ProcessorTime {
  const used = Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)] as const);
  return Object.fromEntries(used.filter(([, seconds]) => seconds > 0));
}

/** utime, stime, cutime and cstime: proc_pid_stat(5). The name before them may hold blanks. */
function secondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}
