import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** Writes a file so that no reader ever sees half of it, also when the writer is killed. */
export function writeFileAtomically(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** The text of a file, undefined when there is none: another process may end a lab while we look at it. */
export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
