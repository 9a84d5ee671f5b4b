import { readFile, writeFile } from 'node:fs/promises';
import { constants, userInfo } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileTrouble } from '../../release/spec/file-trouble.ts';
import { terminalAsker } from './asker.ts';
import type { Asker } from './asker.ts';
import { saidLines } from '../render/said-lines.ts';
import { EXIT } from './exit-codes.ts';
import { ExitError } from './exit-error.ts';

/** A stream that may be a terminal. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Everything that the CLI touches outside itself and Temporal, so that tests can run it without a process. */
export interface Io {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The login name of the person. */
  readonly user: string;
  now(): number;
  /** The text of a file; `-` is the standard input. */
  readText(path: string): Promise<string>;
  /** Writes a file; one that is there already is an error (EEXIST) unless it may be overwritten. */
  writeText(path: string, text: string, how: { readonly overwrite: boolean }): Promise<void>;
  /** Asks the person; absent when none is at the terminal. */
  readonly asker?: Asker | undefined;
  /** Calls the listener on Ctrl-C instead of ending the process, until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
}

/** The Io of the running process. */
export function processIo(): Io {
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    user: process.env['USER']?.trim() || loginName(),
    now: () => Date.now(),
    readText: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
    writeText: (path, content, { overwrite }) => writeFile(path, content, { flag: overwrite ? 'w' : 'wx' }),
    ...(process.stdin.isTTY && process.stderr.isTTY ? { asker: terminalAsker(process.stdin, process.stderr) } : {}),
    onInterrupt,
  };
}

/** The text of a file that the person named, or a sentence on why it cannot be read. */
export async function readNamedFile(io: Io, path: string): Promise<string> {
  try {
    return await io.readText(path);
  } catch (error) {
    throw new ExitError(EXIT.usage, `${path}: ${fileTrouble(error)}`);
  }
}

/** Progress and hints: the standard error, a line each, so that the standard output stays pure data. */
export function say(io: Io, ...lines: readonly string[]): void {
  const columns = io.stderr.isTTY === true ? (io.stderr.columns ?? 80) : Infinity;
  for (const line of lines.flatMap((one) => saidLines(one, columns))) io.stderr.write(`${line}\n`);
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user id without a name: the decision must still say that a person is behind it.
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

const INTERRUPTS = ['SIGINT', 'SIGTERM'] as const;

/**
 * The listener stays in place until the first signal has been dealt with: libraries that tidy the terminal end the
 * process as soon as they are the only ones that listen. The second signal ends it at once, as people expect.
 */
function onInterrupt(listener: () => void): () => void {
  let interrupted = false;
  const handle = (signal: NodeJS.Signals): void => {
    if (interrupted) process.exit(128 + constants.signals[signal]);
    interrupted = true;
    listener();
  };
  for (const signal of INTERRUPTS) process.on(signal, handle);
  return () => {
    for (const signal of INTERRUPTS) process.off(signal, handle);
  };
}
