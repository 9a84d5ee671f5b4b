import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import type { LabKind } from './lab-contract.ts';
import { releasePorts } from './ports.ts';
import { recordedDaemons, Supervisor, writeFileAtomically } from './process.ts';
import { isAlive } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What is on disk about a lab, besides its processes. */
export interface LabRecord {
  readonly kind: LabKind;
  readonly name: string;
  /** The process that the lab ends with; absent once a lab was left running for a person. */
  readonly owner?: ProcessIdentity;
  /** What a person needs to use it; absent until the lab is up. */
  readonly addresses?: Readonly<Record<string, string>>;
}

/** A lab on this machine, running or left behind. */
export interface KnownLab {
  readonly directory: string;
  readonly record: LabRecord;
  /** Names of its programs that run now, and of those that should but do not. */
  readonly running: readonly string[];
  readonly ended: readonly string[];
}

/** The state folder of the lab with this name, existing or not. */
export function labDirectory(name: string): string {
  return join(cacheFolder('labs'), name);
}

/** Writes what a lab is; the first write makes its folder. */
export function writeLabRecord(directory: string, record: LabRecord): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileAtomically(join(directory, 'lab.json'), JSON.stringify(record, null, 2));
}

/** Every lab that has a state folder. */
export function knownLabs(): KnownLab[] {
  return readdirSync(cacheFolder('labs'))
    .map((name) => knownLab(name))
    .filter((lab) => lab !== undefined);
}

/** The lab with this name, undefined when there is none. */
export function knownLab(name: string): KnownLab | undefined {
  const directory = labDirectory(name);
  const file = join(directory, 'lab.json');
  if (!existsSync(file)) return undefined;
  const daemons = recordedDaemons(directory);
  return {
    directory,
    record: JSON.parse(readFileSync(file, 'utf8')) as LabRecord,
    running: daemons.filter((daemon) => isAlive(daemon)).map((daemon) => daemon.name),
    ended: daemons.filter((daemon) => !isAlive(daemon)).map((daemon) => daemon.name),
  };
}

/** Whether the process that the lab belongs to was ended without ending the lab. */
export function isAbandoned({ record }: KnownLab): boolean {
  return record.owner !== undefined && !isAlive(record.owner);
}

/**
 * Ends whatever is left of a lab, in any state, and deletes its folder. Safe to call twice.
 * @param clearNode ends what a real node leaves (containers, mounts, devices); runs before the programs are ended
 */
export async function endLab(lab: KnownLab, clearNode: (directory: string) => Promise<void>): Promise<void> {
  if (lab.record.kind === 'truth') await clearNode(lab.directory);
  await new Supervisor(lab.directory).stopAll();
  releasePorts(lab.directory);
  rmSync(lab.directory, { recursive: true, force: true });
}
