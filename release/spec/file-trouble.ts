const READING: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'you may not read it',
  EPERM: 'you may not read it',
};

const WRITING: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'there is no such folder',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'you may not write it',
  EPERM: 'you may not write it',
  EROFS: 'nothing can be written there',
  ENOSPC: 'the disk is full',
};

/** Why a file could not be read, in plain words: `there is no such file`. */
export function fileTrouble(error: unknown): string {
  return troubleIn(READING, error, 'it cannot be read');
}

/** Why a file could not be written, in plain words: `there is no such folder`. */
export function writeTrouble(error: unknown): string {
  return troubleIn(WRITING, error, 'the machine says no');
}

function troubleIn(words: Readonly<Record<string, string>>, error: unknown, otherwise: string): string {
  if (!(error instanceof Error)) return otherwise;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return words[code ?? ''] ?? `${otherwise} (${code ?? error.message})`;
}
