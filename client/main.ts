import { CommanderError } from '@commander-js/extra-typings';
import { EXIT } from './terminal/exit-codes.ts';
import { ExitError } from './terminal/exit-error.ts';
import type { Io } from './terminal/io.ts';
import { say } from './terminal/io.ts';
import { hotwaveProgram } from './program.ts';
import { plainText } from './terminal/untrusted.ts';
import { SettingTrouble, settingsOf } from '../release/settings/environment.ts';
import type { RunWorker } from './verbs/installation.ts';

/** The parts that only the process with client and worker can offer. */
export interface Extras {
  readonly runWorker?: RunWorker;
  /** It runs as `kubectl hotwave`. */
  readonly isPlugin?: boolean;
}

/** Runs the CLI with the arguments after `hotwave`; returns the exit code. Never throws, never ends the process. */
export async function main(argv: readonly string[], given: Io, extras: Extras = {}): Promise<number> {
  let code: number = EXIT.ok;
  const io = { ...given, env: settingsOf(given.env) };
  const { runWorker, isPlugin } = extras;
  const program = hotwaveProgram({ io, finish: (outcome) => (code = outcome) }, runWorker, isPlugin);
  try {
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(helpOfNothing(argv, program) ? argv.slice(1) : argv, { from: 'user' });
    return code;
  } catch (error) {
    return explain(io, error);
  }
}

/** `help foo` of an unknown verb is answered as the verb itself is: it is unknown, and perhaps another one is meant. */
function helpOfNothing([help, verb]: readonly string[], { commands }: ReturnType<typeof hotwaveProgram>): boolean {
  if (help !== 'help' || verb === undefined || verb.startsWith('-')) return false;
  return !commands.some((command) => command.name() === verb);
}

function explain(io: Io, error: unknown): number {
  if (error instanceof CommanderError) return explainUsage(io, error);
  if (error instanceof SettingTrouble) {
    say(io, `hotwave: ${plainText(error.message)}`);
    return EXIT.usage;
  }
  if (error instanceof ExitError) {
    say(io, `hotwave: ${plainText(error.message)}`, ...error.hints.map((hint) => `  ${plainText(hint)}`));
    return error.code;
  }
  const message = error instanceof Error ? error.message : String(error);
  say(io, `hotwave: unexpected: ${plainText(message)}`);
  if (io.env['HOTWAVE_DEBUG'] && error instanceof Error) say(io, error.stack ?? '');
  else say(io, '  this is a mistake in hotwave; HOTWAVE_DEBUG=1 shows where it happened');
  return EXIT.failed;
}

function explainUsage(io: Io, { exitCode, code, message }: CommanderError): number {
  if (exitCode === 0) return EXIT.ok;
  if (code === 'commander.help') return EXIT.usage;
  const sentence = message.replace(/^error: /, '').replaceAll(/\s+/g, ' ');
  say(io, `hotwave: ${plainText(sentence)}`, '  hotwave --help lists the verbs, hotwave VERB --help its flags');
  return EXIT.usage;
}
