import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import type { Narrator } from './narrator.ts';
import type { World } from './world.ts';

/** How Node runs hotwave from a checkout; a person says `bin/hotwave`. */
export const hotwaveProgram: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  fileURLToPath(new URL('../../bin/hotwave.ts', import.meta.url)),
];

/** A command that did not do what the demo needs. */
export class CommandFailure extends Error {}

/**
 * The environment for hotwave's own commands on a lab or in memory, besides the variables of this process. A person's settings
 * for another Temporal, in variables or in the configuration file, are undefined: they must not be passed on, because what runs
 * on a lab must never reach for a real one.
 */
export function hotwaveEnvironment({
  temporal,
}: Pick<World, 'temporal'>): Readonly<Record<string, string | undefined>> {
  const foreign = Object.keys(process.env).filter((name) => /^(TEMPORAL|HOTWAVE)_(?!CACHE)/.test(name));
  return {
    ...Object.fromEntries(foreign.map((name) => [name, undefined])),
    TEMPORAL_ADDRESS: temporal.address,
    // A file that does not exist: no settings.
    TEMPORAL_CONFIG_FILE: '/dev/null',
    NO_COLOR: '1',
  };
}

/** Runs the real `hotwave` as a person would, and shows the command and what it prints, as it comes. */
export class HotwaveCommand {
  readonly #narrator: Narrator;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #folder: string;
  readonly #signal: AbortSignal;

  /**
   * @param folder the working folder of the commands: where the release files are
   * @param signal ends a running command
   */
  constructor(
    narrator: Narrator,
    { temporal, folder, signal }: Pick<World, 'temporal'> & { readonly folder: string; readonly signal: AbortSignal },
  ) {
    this.#narrator = narrator;
    this.#environment = hotwaveEnvironment({ temporal });
    this.#folder = folder;
    this.#signal = signal;
  }

  /**
   * Runs a command and shows it.
   * @param wanted the exit code that it should end with; any when undefined
   * @param deadlineMs how long it may take
   * @throws CommandFailure when it ends with another exit code than it should
   */
  async run(args: readonly string[], wanted: number | undefined, deadlineMs = 60_000): Promise<void> {
    this.#narrator.command(`hotwave ${args.map(quoted).join(' ')}`);
    const command = this.#start(args, deadlineMs);
    for await (const line of command.iterable({ from: 'all' })) this.#narrator.output(line);
    const { exitCode, timedOut } = await command;
    if (this.#signal.aborted) throw new CommandFailure(`hotwave ${args[0] ?? ''} was ended`);
    this.#narrator.progress(`(exit code ${exitCode ?? 'none'})`);
    if (wanted === undefined || exitCode === wanted) return;
    const how = timedOut ? `did not end within ${deadlineMs / 1000} s` : `ended with exit code ${exitCode ?? 'none'}`;
    throw new CommandFailure(`hotwave ${args[0] ?? ''} ${how}; it should have ended with ${wanted}`);
  }

  /**
   * Runs a command that prints JSON, without showing it; the demo reads it.
   * @throws CommandFailure when it prints something else
   */
  async read<T>(args: readonly string[]): Promise<T> {
    const { stdout, stderr } = await this.#start([...args, '-o', 'json'], 30_000);
    try {
      return JSON.parse(stdout) as T;
    } catch {
      throw new CommandFailure(`hotwave ${args.join(' ')} gave no JSON: ${stderr}`);
    }
  }

  #start(args: readonly string[], timeout: number) {
    return execa(process.execPath, [...hotwaveProgram, ...args], {
      cwd: this.#folder,
      env: this.#environment,
      reject: false,
      all: true,
      stdin: 'ignore',
      timeout,
      cancelSignal: this.#signal,
    });
  }
}

function quoted(argument: string): string {
  return /^[\w./:=-]+$/.test(argument) ? argument : `"${argument}"`;
}
