import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { commandOn, coreOf } from './cores.ts';
import type { Cores } from './cores.ts';
import { identityOf, isAlive, processesWithEnvironment, signalProcess } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { readIfThere, writeFileAtomically } from './state-file.ts';
import { GiveUp, until } from './until.ts';

/** A long-running program of a lab. */
export interface Daemon {
  /** Unique in the lab; also the name of the log file. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment of this process; what is undefined is taken away from it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** How long it may take to end after TERM before its group is killed; 3 s when left out. */
  readonly stopDeadlineMs?: number;
}

interface RunningDaemon extends ProcessIdentity {
  readonly name: string;
}

/** Set in every process of a lab to the lab's folder, so that nothing of it can be lost sight of. */
const mark = 'HOTWAVE_LAB';

/**
 * Starts and ends the programs of one lab. Each runs in its own process group, detached from the terminal, with its
 * output in `<directory>/logs/NAME.log` and its identity in `<directory>/processes.json`, so that any later process
 * can end them, also after the owner was killed.
 */
export class Supervisor {
  /** The lab's state folder. */
  readonly directory: string;
  readonly #daemons = new Map<string, Daemon>();
  readonly #cores: Cores | undefined;

  /**
   * @param directory the lab's state folder; it must exist
   * @param cores where the programs are pinned; nowhere when left out
   */
  constructor(directory: string, cores?: Cores) {
    this.directory = directory;
    this.#cores = cores;
    mkdirSync(join(directory, 'logs'), { recursive: true });
  }

  /**
   * Starts a program and returns when its identity is on disk (not when it is ready: see {@link waitFor}).
   * @throws Error when the command cannot be run or a program of that name runs already
   */
  async start(daemon: Daemon): Promise<ProcessIdentity> {
    if (this.isRunning(daemon.name)) throw new Error(`${daemon.name} runs already in ${this.directory}`);
    this.#daemons.set(daemon.name, daemon);
    const log = openSync(this.logFile(daemon.name), 'a');
    const child = spawn(...this.#commandOf(daemon), {
      cwd: this.directory,
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...daemon.environment, [mark]: this.directory },
    });
    closeSync(log);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => reject(new Error(`cannot start ${daemon.name}: ${error.message}`)));
    });
    child.unref();
    const identity = identityOf(child.pid!);
    if (!identity) throw new Error(`${daemon.name} ended at once\n${this.logTail(daemon.name)}`);
    this.#record([
      ...recordedDaemons(this.directory).filter(({ name }) => name !== daemon.name),
      { name: daemon.name, ...identity },
    ]);
    return identity;
  }

  /**
   * Starts a program again that this supervisor started before, with the same arguments.
   * @throws Error when no program of that name was started
   */
  async startAgain(name: string): Promise<ProcessIdentity> {
    const daemon = this.#daemons.get(name);
    if (!daemon) throw new Error(`this lab has no program ${name}; it has ${[...this.#daemons.keys()].join(', ')}`);
    return this.start(daemon);
  }

  /**
   * Probes until a program answers as wanted.
   * @throws Error with the end of the program's log when the deadline passes or, at once, when the program ended
   */
  async waitFor<T>(
    name: string,
    wait: { readonly what: string; readonly deadlineMs: number },
    probe: () => Promise<T | undefined | false>,
  ): Promise<T> {
    return until({ ...wait, detail: () => this.logTail(name) }, () => {
      if (!this.isRunning(name)) throw new GiveUp(`${name} has ended`);
      return probe();
    });
  }

  /** Whether a program of this name runs now, started by this process or by an earlier one on the same folder. */
  isRunning(name: string): boolean {
    return recordedDaemons(this.directory).some((daemon) => daemon.name === name && isAlive(daemon));
  }

  /** Ends one program and waits until it is gone. The others go on. */
  async stop(name: string): Promise<void> {
    for (const daemon of recordedDaemons(this.directory)) {
      if (daemon.name === name) await endProcess(daemon, this.#daemons.get(name)?.stopDeadlineMs);
    }
    this.#record(recordedDaemons(this.directory).filter((daemon) => daemon.name !== name));
  }

  /** Ends all programs, last started first, and waits until nothing of the lab runs. */
  async stopAll(): Promise<void> {
    for (const daemon of recordedDaemons(this.directory).reverse()) await this.stop(daemon.name);
    await endStrays(this.directory);
  }

  /** The last lines a program wrote, with the path of the whole log; for error messages. */
  logTail(name: string, lines = 15): string {
    const file = this.logFile(name);
    const text = (readIfThere(file) ?? '').trimEnd();
    return `--- end of ${file}\n${text.split('\n').slice(-lines).join('\n')}`;
  }

  /** Where a program's standard output and error go. */
  logFile(name: string): string {
    return join(this.directory, 'logs', `${name}.log`);
  }

  #commandOf({ name, command, args }: Daemon): [string, readonly string[]] {
    return this.#cores ? commandOn(coreOf(this.#cores, name), command, args) : [command, args];
  }

  #record(daemons: readonly RunningDaemon[]): void {
    writeFileAtomically(join(this.directory, 'processes.json'), JSON.stringify(daemons, null, 2));
  }
}

/** The programs recorded in a lab's folder, in the order they were started; some may be gone. */
export function recordedDaemons(directory: string): RunningDaemon[] {
  const text = readIfThere(join(directory, 'processes.json'));
  return text === undefined ? [] : (JSON.parse(text) as RunningDaemon[]);
}

async function endProcess(target: ProcessIdentity, deadlineMs = 3000): Promise<void> {
  const gone = (): boolean => !isAlive(target);
  // A paused process does not see TERM before it continues.
  signalProcess(target, 'SIGCONT', true);
  signalProcess(target, 'SIGTERM', true);
  const wait = { what: `process ${target.pid} to end after TERM`, deadlineMs, everyMs: 20 };
  await until(wait, gone).catch(() => signalProcess(target, 'SIGKILL', true));
  await until({ what: `process ${target.pid} to end after KILL`, deadlineMs: 10_000, everyMs: 20 }, gone);
}

/** Ends what carries the lab's mark but is not recorded: children that outlived their daemon, or an unlucky start. */
async function endStrays(directory: string): Promise<void> {
  await until({ what: `the last processes of ${directory} to end`, deadlineMs: 10_000 }, () => {
    const strays = processesWithEnvironment(mark, directory);
    for (const stray of strays) signalProcess(stray, 'SIGKILL');
    return strays.length === 0;
  });
}
