import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { checkout, checkoutId } from './checkout.ts';
import type { LabKind } from './lab-contract.ts';
import { withLock } from './lock.ts';
import { removePlayground } from './playground-folder.ts';
import { releasePorts } from './ports.ts';
import { recordedDaemons, Supervisor } from './process.ts';
import { isAlive } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { readIfThere, writeFileAtomically } from './state-file.ts';
import type { LabVersions } from './versions.ts';

/** The files of a lab, besides its processes. */
export interface LabRecord {
  /** `temporal`: a Temporal server without any cluster. */
  readonly kind: LabKind | 'temporal';
  readonly name: string;
  /** The root of the checkout that started it. */
  readonly checkout: string;
  /** The versions on the cluster; absent when there is no cluster. */
  readonly versions?: LabVersions;
  /** The process that the lab ends with; absent once a lab was left running for a person. */
  readonly owner?: ProcessIdentity;
  /** The addresses that a person needs to use it; absent until the lab is up. */
  readonly addresses?: Readonly<Record<string, string>>;
}

/** A lab on this machine, running or excluded. */
export interface KnownLab {
  readonly directory: string;
  readonly record: LabRecord;
  /** Names of its programs that run now, and of those that should but do not. */
  readonly running: readonly string[];
  readonly ended: readonly string[];
}

/** The state folder of the lab of this checkout with this name, existing or not. */
export function labDirectory(name: string): string {
  return join(cacheFolder('labs', checkoutId()), name);
}

/** Writes what a lab is; the first write makes its folder. */
export function writeLabRecord(directory: string, record: Omit<LabRecord, 'checkout'>): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileAtomically(join(directory, 'lab.json'), JSON.stringify({ ...record, checkout }, null, 2));
}

/** Every lab of this checkout that has a state folder. */
export function knownLabs(): KnownLab[] {
  return labsBelow(cacheFolder('labs', checkoutId()));
}

/** The labs of the other checkouts of this login. */
export function labsOfOthers(): KnownLab[] {
  const labs = cacheFolder('labs');
  return readdirSync(labs, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== checkoutId())
    .flatMap((entry) => labsBelow(join(labs, entry.name)));
}

function labsBelow(folder: string): KnownLab[] {
  return readdirSync(folder)
    .map((name) => labIn(join(folder, name)))
    .filter((lab) => lab !== undefined);
}

/** The lab of this checkout with this name, undefined when there is none. */
export function knownLab(name: string): KnownLab | undefined {
  return labIn(labDirectory(name));
}

function labIn(directory: string): KnownLab | undefined {
  const text = readIfThere(join(directory, 'lab.json'));
  if (text === undefined) return undefined;
  const daemons = recordedDaemons(directory);
  return {
    directory,
    record: JSON.parse(text) as LabRecord,
    running: daemons.filter((daemon) => isAlive(daemon)).map((daemon) => daemon.name),
    ended: daemons.filter((daemon) => !isAlive(daemon)).map((daemon) => daemon.name),
  };
}

/** Whether the process that the lab belongs to was ended without ending the lab, or its checkout is no longer there. */
export function isAbandoned({ record }: KnownLab): boolean {
  return (record.owner !== undefined && !isAlive(record.owner)) || !existsSync(record.checkout);
}

/** Ends what a real node leaves (containers, mounts, devices); runs before the programs are ended. */
export type ClearNode = (directory: string) => Promise<void>;

/**
 * Ends whatever is left of a lab, in any state, and deletes its folder. Safe to call twice, and by two processes at
 * once: the second one waits, and asks again whether the lab of that name is still one that is to be ended.
 * @param directory the lab's state folder
 * @returns whether there was a lab to end
 */
export async function endLab(
  directory: string,
  isDue: (lab: KnownLab) => boolean,
  clearNode: ClearNode,
): Promise<boolean> {
  return withLock(`${directory}.ending`, { deadlineMs: 120_000, onWait: () => undefined }, async () => {
    const lab = labIn(directory);
    if (!lab || !isDue(lab)) return false;
    if (lab.record.kind === 'truth') await clearNode(directory);
    await new Supervisor(directory).stopAll();
    releasePorts(directory);
    removePlayground(lab.record.checkout, lab.record.name);
    rmSync(directory, { recursive: true, force: true });
    return true;
  });
}
