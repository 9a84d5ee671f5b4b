import { shorten } from './probe.ts';

/** A file that a manifest names, by its full path in the container, and what its SHA-256 must be. */
export interface ListedFile {
  readonly path: string;
  readonly sha256: string;
}

/** Files of a manifest, or why it is of no use. */
export type Manifest = { readonly files: readonly ListedFile[] } | { readonly problem: string };

/** Bounds on what an image can make hotwave do: its manifest is not trusted. */
const MOST_FILES = 2_000;
const LONGEST_PATH = 400;
/** Most files, and most characters of their paths, in one command: arguments travel in the address of a request. */
const FILES_PER_COMMAND = 100;
const CHARACTERS_PER_COMMAND = 12_000;

/** `HASH  NAME` or `HASH *NAME`, as sha256sum of coreutils and busybox write it. */
const LINE = /^([0-9a-f]{64}) [ *](.+)$/;

/**
 * Reads a list of SHA-256 sums. Names are relative to `directory` and must stay in it; nothing but plain names is
 * taken, so that a manifest cannot make anything else be read or be taken for an option.
 */
export function parseManifest(text: string, directory: string): Manifest {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  if (lines.length === 0) return { problem: 'it names no file' };
  if (lines.length > MOST_FILES)
    return { problem: `it names ${lines.length} files, at most ${MOST_FILES} are checked` };
  const folder = directory.replace(/\/+$/, '');
  const files = new Map<string, ListedFile>();
  for (const [index, line] of lines.entries()) {
    const [, sha256 = '', name = ''] = LINE.exec(line.replace(/\r$/, '')) ?? [];
    const relative = name.replace(/^(\.\/)+/, '');
    const problem = sha256 === '' ? 'is not a SHA-256 sum and a name' : problemOf(relative, folder);
    if (problem !== undefined) return { problem: `line ${index + 1} ${problem}: "${shorten(line)}"` };
    const path = `${folder}/${relative}`;
    if (files.has(path)) return { problem: `line ${index + 1} names a file twice: "${shorten(line)}"` };
    files.set(path, { path, sha256 });
  }
  return { files: [...files.values()] };
}

function problemOf(name: string, folder: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f\\]/.test(name)) return 'has a character that no name of a hot file has';
  if (folder.length + name.length > LONGEST_PATH) return `has a path of more than ${LONGEST_PATH} characters`;
  const parts = name.split('/');
  if (['..', '.', ''].some((part) => parts.includes(part))) return 'leads out of the directory';
  return undefined;
}

/** Splits files into as many commands as it takes to hash them. */
export function inCommands(files: readonly ListedFile[]): readonly (readonly ListedFile[])[] {
  const commands: ListedFile[][] = [];
  let characters = 0;
  for (const file of files) {
    const last = commands.at(-1);
    if (!last || last.length >= FILES_PER_COMMAND || characters + file.path.length > CHARACTERS_PER_COMMAND) {
      commands.push([file]);
      characters = file.path.length;
    } else {
      last.push(file);
      characters += file.path.length;
    }
  }
  return commands;
}

/** The output of sha256sum, by path. Files that it could not read have no line. */
export function parseSums(output: string): ReadonlyMap<string, string> {
  const sums = output.split('\n').map((line) => LINE.exec(line));
  return new Map(sums.flatMap((match) => (match ? [[match[2] ?? '', match[1] ?? '']] : [])));
}

/** How many wrong files a reason names. */
const NAMED = 3;

/** Compares what is there with what should be; undefined when every file is as listed. */
export function compareSums(files: readonly ListedFile[], found: ReadonlyMap<string, string>): string | undefined {
  const wrong = files.filter(({ path, sha256 }) => found.get(path) !== sha256);
  if (wrong.length === 0) return undefined;
  const named = wrong.slice(0, NAMED).map(({ path, sha256 }) => describeWrong(path, sha256, found.get(path)));
  const more = wrong.length > NAMED ? `, and ${wrong.length - NAMED} more` : '';
  return `${wrong.length} of ${files.length} files are not as listed: ${named.join(', ')}${more}`;
}

function describeWrong(path: string, expected: string, found: string | undefined): string {
  const name = path.length > 100 ? `…${path.slice(-99)}` : path;
  if (found === undefined) return `${name} is missing`;
  return `${name} has ${found.slice(0, 12)}, expected ${expected.slice(0, 12)}`;
}
