import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { readIfThere } from './state-file.ts';

/** Ports are taken below the range that the kernel uses for outgoing connections, which could snatch a free one. */
const firstPort = 20_000;
const blockSize = 40;
const blockCount = 300;

/** The TCP ports of one lab: each call gives the next one that nobody listens on. */
export interface Ports {
  take(): Promise<number>;
}

/**
 * Claims a block of ports for a lab, so that labs that start at the same moment never pick the same one. The claim is
 * a file with the lab's folder in it and lasts until {@link releasePorts}.
 * @throws Error when every block is claimed
 */
export function claimPorts(directory: string): Ports {
  dropClaims((owner) => !existsSync(owner));
  const offset = Math.floor(Math.random() * blockCount);
  for (let attempt = 0; attempt < blockCount; attempt += 1) {
    const base = firstPort + ((offset + attempt) % blockCount) * blockSize;
    if (claim(base, directory)) return portsFrom(base);
  }
  throw new Error(`all ${blockCount} blocks of lab ports are claimed; end labs with: npm run lab -- down --name NAME`);
}

/** Gives back the ports of a lab. */
export function releasePorts(directory: string): void {
  dropClaims((owner) => owner === directory);
}

function portsFrom(base: number): Ports {
  let next = base;
  return {
    async take() {
      while (next < base + blockSize) {
        const port = next;
        next += 1;
        if (await isFree(port)) return port;
      }
      throw new Error(`the lab needs more than the ${blockSize} ports from ${base} on`);
    },
  };
}

function claim(base: number, directory: string): boolean {
  try {
    writeFileSync(join(claims(), String(base)), directory, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function dropClaims(isDue: (owner: string) => boolean): void {
  for (const name of readdirSync(claims())) {
    const file = join(claims(), name);
    const owner = readIfThere(file);
    if (owner !== undefined && isDue(owner)) rmSync(file, { force: true });
  }
}

function claims(): string {
  return cacheFolder('ports');
}

/** Whether the port can be bound on every address: some of the programs cannot be told to bind to one. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '0.0.0.0' }, () => probe.close(() => resolve(true)));
  });
}
