import { rmSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The files that a lab writes into its playground folder. */
export const playgroundFiles = ['set.yaml', 'good.yaml', 'bad.yaml', 'env', 'bin/hotwave'] as const;

/** Where a lab for a person has its set, its release files and its command: in the checkout, where people see it. */
export function playgroundFolder(checkout: string, lab: string): string {
  return join(checkout, 'playground', lab);
}

/** Deletes the files that a lab wrote there, and the folder unless people have put something into it. */
export function removePlayground(checkout: string, lab: string): void {
  const folder = playgroundFolder(checkout, lab);
  for (const file of playgroundFiles) rmSync(join(folder, file), { force: true });
  for (const emptied of [join(folder, 'bin'), folder, dirname(folder)]) {
    try {
      rmdirSync(emptied);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(code)) throw error;
    }
  }
}
