import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { identityOf, isAlive } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { until } from './until.ts';

/**
 * Runs `work` while holding a lock file, so that two processes never do it at once. A lock whose holder is gone is
 * taken over.
 * @param wait how long to wait for a living holder, and who is told that we wait
 * @throws Error when the holder lives and does not let go within the deadline
 */
export async function withLock<T>(
  file: string,
  wait: { readonly deadlineMs: number; readonly onWait: (holder: ProcessIdentity) => void },
  work: () => Promise<T>,
): Promise<T> {
  let told = false;
  await until({ what: `the lock ${file}`, deadlineMs: wait.deadlineMs, everyMs: 500 }, () => {
    if (tryLock(file)) return true;
    const holder = holderOf(file);
    if (holder && isAlive(holder)) {
      if (!told) wait.onWait(holder);
      told = true;
    } else {
      rmSync(file, { force: true });
    }
    return false;
  });
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryLock(file: string): boolean {
  try {
    writeFileSync(file, JSON.stringify(identityOf(process.pid)), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined also while the holder is between creating the file and writing itself into it: 500 ms later it is there. */
function holderOf(file: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
