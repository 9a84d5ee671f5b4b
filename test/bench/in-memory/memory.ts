import { readFileSync, writeFileSync } from 'node:fs';

/** Resident memory of a process in bytes: now, and the most since the last {@link forgetPeak}. */
export interface ResidentMemory {
  readonly now: number;
  readonly peak: number;
}

/** The kernel's facts about a process: proc_pid_status(5). */
export function residentMemory(pid: number): ResidentMemory {
  return residentMemoryIn(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** The same, from the text of /proc/PID/status. */
export function residentMemoryIn(status: string): ResidentMemory {
  const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1_024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** Makes the peak start anew: proc_pid_clear_refs(5), value 5. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
