import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { until } from '../lab/until.ts';

/** The size of a terminal. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The screen of a terminal. */
export interface Picture {
  readonly lines: readonly string[];
  /** Lines that the terminal has broken because they were wider than it. */
  readonly broken: number;
}

const program = fileURLToPath(new URL('../../bin/hotwave.ts', import.meta.url));

/** Terminals of tmux with the `hotwave` command in them, each of a size of its own. */
export class Terminals {
  readonly #socket = `hotwave-${process.pid}`;
  readonly #env: Readonly<Record<string, string>>;
  #count = 0;

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = { ...env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TZ: 'UTC' };
  }

  /** Runs a command of hotwave on a terminal. */
  async run(args: readonly string[], { columns, rows }: Size): Promise<Pane> {
    this.#count += 1;
    const name = `pane-${this.#count}`;
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', program, ...args];
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const size = ['-x', String(columns), '-y', String(rows)];
    // A command that has ended stays to be looked at, with nothing said below it.
    const keep = ['set-option', '-g', 'remain-on-exit', 'on', ';', 'set-option', '-g', 'remain-on-exit-format', ''];
    if (this.#count === 1) await this.#tmux('new-session', '-d', '-s', 'first', 'sleep 3600', ';', ...keep);
    await this.#tmux('new-session', '-d', '-s', name, ...size, `exec ${quoted}`);
    return new Pane((...words) => this.#tmux(...words), name);
  }

  /** The same in a pipe: what it wrote to its standard output and its standard error. */
  async piped(args: readonly string[]): Promise<{ readonly out: string; readonly err: string }> {
    const command = ['--disable-warning=ExperimentalWarning', program, ...args];
    const { stdout, stderr } = await execa(process.execPath, command, {
      env: { ...this.#env, PATH: process.env['PATH'] ?? '' },
      extendEnv: false,
      reject: false,
    });
    return { out: stdout, err: stderr };
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    await this.#tmux('kill-server').catch(() => undefined);
  }

  async #tmux(...words: readonly string[]): Promise<string> {
    const { stdout } = await execa('tmux', ['-u', '-L', this.#socket, '-f', '/dev/null', ...words], {
      env: { ...this.#env, PATH: process.env['PATH'] ?? '', TERM: 'xterm-256color' },
      extendEnv: false,
      stripFinalNewline: false,
    });
    return stdout;
  }
}

/** One terminal. */
export class Pane {
  readonly #tmux: (...words: readonly string[]) => Promise<string>;
  readonly #name: string;

  constructor(tmux: (...words: readonly string[]) => Promise<string>, name: string) {
    this.#tmux = tmux;
    this.#name = name;
  }

  /** Waits until the terminal shows this. */
  async shows(text: RegExp, deadlineMs = 60_000): Promise<void> {
    let seen = '';
    const detail = (): string => seen;
    await until({ what: `a terminal that shows ${String(text)}`, deadlineMs, everyMs: 100, detail }, async () => {
      seen = await this.#tmux('capture-pane', '-p', '-t', this.#name);
      return text.test(seen);
    });
  }

  /** Waits until the command has ended. */
  async ends(deadlineMs = 120_000): Promise<void> {
    await until({ what: 'the end of a command', deadlineMs, everyMs: 50 }, async () => {
      const dead = await this.#tmux('display-message', '-p', '-t', this.#name, '#{pane_dead}');
      return dead.trim() === '1';
    });
  }

  /** Presses Ctrl-C. */
  async interrupt(): Promise<void> {
    await this.#tmux('send-keys', '-t', this.#name, 'C-c');
  }

  /** Its lines now, with those that have scrolled out of it. */
  async picture(): Promise<Picture> {
    const [broken, whole] = await Promise.all(
      ['-p', '-pJ'].map(async (how) => await this.#tmux('capture-pane', how, '-S', '-', '-t', this.#name)),
    );
    const lines = linesOf(broken ?? '');
    return { lines, broken: lines.length - linesOf(whole ?? '').length };
  }
}

function linesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  return lines;
}
